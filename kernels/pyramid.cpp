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
            for (int k = -v; k <= v; k++) {
                const float *a = cfa.data() + (size_t)2 * clampi(y + k, 0, h - 1) * W, *b = a + W;
                const float t = 0.25f * down[k + v];
                for (int x = 0; x < w; x++) {
                    const float g = t * (a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1]);
                    row[x] = k == -v ? g : row[x] + g;
                }
            }
            const float *g = row.data();
            if (u > 0) {
                for (int x = 0; x < w; x++) {
                    float t = 0;
                    for (int k = -u; k <= u; k++) t += across[k + u] * row[clampi(x + k, 0, w - 1)];
                    sum[x] = t;
                }
                g = sum.data();
            }
            float *o = out.data() + (size_t)y * w;
            for (int x = 0; x < w; x++) {
                const float t = s * g[x] + r;
                o[x] = 2.0f / s * __builtin_sqrtf(t > 0 ? t : 0);
            }
        }
    });
}

// Half size by the binomial (1 3 3 1)/8 in both directions; pixel j of the result is centred between 2j and 2j+1.
void half(In<float, 2> in, Out<float, 2> out) {
    const int H = in.shape(0), W = in.shape(1), h = out.shape(0), w = out.shape(1);
    need(h == H / 2 && w == W / 2, "out must be half of in");
    parallel_rows(h, 16, [&](int y0, int y1) {
        std::vector<float> row(W);
        for (int y = y0; y < y1; y++) {
            const float *r[4];
            for (int k = 0; k < 4; k++) r[k] = in.data() + (size_t)clampi(2 * y - 1 + k, 0, H - 1) * W;
            for (int x = 0; x < W; x++) row[x] = 0.125f * (r[0][x] + r[3][x]) + 0.375f * (r[1][x] + r[2][x]);
            float *o = out.data() + (size_t)y * w;
            for (int x = 0; x < w; x++) {
                int a = x ? 2 * x - 1 : 0, b = 2 * x + 2 < W ? 2 * x + 2 : W - 1;
                o[x] = 0.125f * (row[a] + row[b]) + 0.375f * (row[2 * x] + row[2 * x + 1]);
            }
        }
    });
}

// 3x3 binomial: takes the aliasing of the CFA out of the finest level.
void soften(In<float, 2> in, Out<float, 2> out) {
    const int h = in.shape(0), w = in.shape(1);
    need((int)out.shape(0) == h && (int)out.shape(1) == w, "out must have the shape of in");
    parallel_rows(h, 32, [&](int y0, int y1) {
        std::vector<float> row(w);
        for (int y = y0; y < y1; y++) {
            const float *a = in.data() + (size_t)std::max(y - 1, 0) * w, *b = in.data() + (size_t)y * w,
                        *c = in.data() + (size_t)std::min(y + 1, h - 1) * w;
            for (int x = 0; x < w; x++) row[x] = 0.25f * (a[x] + c[x]) + 0.5f * b[x];
            float *o = out.data() + (size_t)y * w;
            o[0] = 0.75f * row[0] + 0.25f * row[std::min(1, w - 1)];
            for (int x = 1; x < w - 1; x++) o[x] = 0.25f * (row[x - 1] + row[x + 1]) + 0.5f * row[x];
            if (w > 1) o[w - 1] = 0.75f * row[w - 1] + 0.25f * row[w - 2];
        }
    });
}

}  // namespace

KERNEL("align_grey", grey, "cfa"_a, "high"_a, "wide"_a, "shot"_a, "read"_a, "out"_a)
KERNEL("align_half", half, "image"_a, "out"_a)
KERNEL("align_soften", soften, "image"_a, "out"_a)
