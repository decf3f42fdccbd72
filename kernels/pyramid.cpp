// SPDX-License-Identifier: Apache-2.0
// Grey pyramids in units of noise, in which frames are compared.
// The idea stands in combine/pyramid.py.
#include "kernel.h"

namespace {

// Weights of a window of `n` photosites around a half-size pixel, in half-size pixels: whole ones, and halves at the ends
// where n / 2 is even.
std::vector<float> window(int n) {
    const int k = n / 2;
    std::vector<float> weights(k | 1, 1.0f / k);
    if (k % 2 == 0) weights.assign(k + 1, 1.0f / k), weights.front() *= 0.5f, weights.back() *= 0.5f;
    return weights;
}

// Sums of 2 x 2 photosites, times t: the first of a column, or added to those above.
void pairs(const float *__restrict a, int W, float t, bool first, float *__restrict row, int w) {
    const float *__restrict b = a + W;
    if (first)
        for (int x = 0; x < w; x++) row[x] = t * (a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1]);
    else
        for (int x = 0; x < w; x++) row[x] += t * (a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1]);
}

void stable(const float *__restrict g, float s, float r, float *__restrict out, int w) {
    const float unit = 2.0f / s;
    for (int x = 0; x < w; x++) {
        const float t = s * g[x] + r;
        out[x] = unit * __builtin_sqrtf(t > 0 ? t : 0);
    }
}

// Mean over a window of p x q photosites (whole cells of the colours) around each half-size pixel, variance-stabilised:
// z = 2/s sqrt(s g + r) has unit noise where var(g) = s g + r.
void grey(In<float, 2> cfa, int p, int q, float s, float r, Out<float, 2> out) {
    const int h = out.shape(0), w = out.shape(1), W = cfa.shape(1);
    need((int)cfa.shape(0) / 2 == h && W / 2 == w, "out must be (h/2, w/2)");
    need(p >= 2 && q >= 2 && p % 2 == 0 && q % 2 == 0, "a window has an even number of photosites");
    const std::vector<float> down = window(p), across = window(q);
    const int v = down.size() / 2, u = across.size() / 2;
    parallel_rows(h, 32, [&](int y0, int y1) {
        std::vector<float> row(w), sum(w);
        for (int y = y0; y < y1; y++) {
            for (int k = -v; k <= v; k++)
                pairs(cfa.data() + (size_t)2 * clampi(y + k, 0, h - 1) * W, W, 0.25f * down[k + v], k == -v, row.data(), w);
            const float *g = row.data();
            if (u > 0) {
                for (int x = 0; x < w; x++) {
                    float t = 0;
                    for (int k = -u; k <= u; k++) t += across[k + u] * row[clampi(x + k, 0, w - 1)];
                    sum[x] = t;
                }
                g = sum.data();
            }
            stable(g, s, r, out.data() + (size_t)y * w, w);
        }
    });
}

// A row by the binomial (1 3 3 1)/8 at half size; pixel j of the result is centred between 2j and 2j+1.
void half_row(const float *__restrict row, int W, float *__restrict out, int w) {
    auto one = [&](int x) {
        const int a = x ? 2 * x - 1 : 0, b = 2 * x + 2 < W ? 2 * x + 2 : W - 1;
        out[x] = 0.125f * (row[a] + row[b]) + 0.375f * (row[2 * x] + row[2 * x + 1]);
    };
    if (w > 0) one(0);
    for (int x = 1; x < w - 1; x++)
        out[x] = 0.125f * (row[2 * x - 1] + row[2 * x + 2]) + 0.375f * (row[2 * x] + row[2 * x + 1]);
    if (w > 1) one(w - 1);
}

// A row by (1 2 1)/4.
void soft_row(const float *__restrict row, float *__restrict out, int w) {
    out[0] = 0.75f * row[0] + 0.25f * row[std::min(1, w - 1)];
    for (int x = 1; x < w - 1; x++) out[x] = 0.25f * (row[x - 1] + row[x + 1]) + 0.5f * row[x];
    if (w > 1) out[w - 1] = 0.75f * row[w - 1] + 0.25f * row[w - 2];
}

// 3x3 binomial, which takes the aliasing of the CFA out of the finest level, and the picture at half size by the binomial
// (1 3 3 1)/8 in both directions, if there is room for it.
void soften(In<float, 2> in, Out<float, 2> out, Out<float, 2> half) {
    const int h = in.shape(0), w = in.shape(1), hh = half.shape(0), hw = half.shape(1);
    need((int)out.shape(0) == h && (int)out.shape(1) == w, "out must have the shape of in");
    need(hh * hw == 0 || (hh == h / 2 && hw == w / 2), "half must be half of in");
    parallel_rows(h, 32, [&](int y0, int y1) {
        std::vector<float> mixed(w);
        auto row = [&](int y) { return in.data() + (size_t)clampi(y, 0, h - 1) * w; };
        auto across = [&mixed, w](const float *a, const float *b, const float *c, const float *d, float outer, float inner) {
            float *__restrict m = mixed.data();
            for (int x = 0, n = w; x < n; x++) m[x] = outer * (a[x] + d[x]) + inner * (b[x] + c[x]);
            return m;
        };
        for (int y = y0; y < y1; y++) {
            soft_row(across(row(y - 1), row(y), row(y), row(y + 1), 0.25f, 0.25f), out.data() + (size_t)y * w, w);
            if (y & 1 || y / 2 >= hh) continue;
            const float *mean = across(row(y - 1), row(y), row(y + 1), row(y + 2), 0.125f, 0.375f);
            half_row(mean, w, half.data() + (size_t)(y / 2) * hw, hw);
        }
    });
}

}  // namespace

KERNEL("align_grey", grey, "cfa"_a, "high"_a, "wide"_a, "shot"_a, "read"_a, "out"_a)
KERNEL("align_soften", soften, "image"_a, "out"_a, "half"_a)
