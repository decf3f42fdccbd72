// SPDX-License-Identifier: Apache-2.0
// Refine: the gathered differences, shrunk by the noise they are known to hold, are added to the picture.  The idea and the
// formulas stand in combine/refine.py; where the differences come from, in superres.cpp.
#include "cosine.h"
#include "superres.h"

namespace {

constexpr int N = 8, STEP = 4, BAND = 64;

// A row of it: see `divide`.
inline int divided(float *__restrict s0, float *__restrict s1, float *__restrict s2, const uint16_t *__restrict m0,
                   const uint16_t *__restrict m1, const uint16_t *__restrict m2, int w, float calm, float least, bool again,
                   float *__restrict all) {
    int few = 0;
    const float keep = again ? 1.0f : 0.0f;
    for (int i = 0; i < w; i++) {
        const float r = (float)m0[i] * (1 / MASS), g = (float)m1[i] * (1 / MASS), b = (float)m2[i] * (1 / MASS);
        const float x = s0[i] / (r + calm), y = s1[i] / (g + calm), z = s2[i] / (b + calm), q = r < b ? r : b;
        s0[i] = 0.25f * (x + z) + 0.5f * y;
        s1[i] = x - y;
        s2[i] = z - y;
        all[i] = keep * all[i] + ((r + b) + g);
        few += (g < q ? g : q) < least ? 1 : 0;
    }
    return few;
}

// sum, mass (3, H, W) -> the correction in Y = (R + 2G + B)/4, U = R - G, V = B - G, in place of sum; frames (H/2, W/2): of
// how many frames it comes.  Returns how many pixels lack a colour (mass < least).
int64_t divide(Out<float, 3> sum, In<uint16_t, 3> mass, float calm, float least, Out<float, 2> frames) {
    const int h = sum.shape(1), w = sum.shape(2), hc = frames.shape(0), wc = frames.shape(1);
    const size_t area = (size_t)h * w;
    need(sum.shape(0) == 3 && mass.shape(0) == 3 && mass.shape(1) == sum.shape(1) && mass.shape(2) == sum.shape(2),
         "sum and mass must be (3, H, W)");
    need(hc == h / 2 && wc == w / 2, "frames must be (H/2, W/2)");
    std::vector<int64_t> lacks((h + 63) / 64);
    parallel_rows(h, 64, [&](int ya, int yb) {
        int64_t count = 0;
        std::vector<float> all(w);
        for (int y = ya; y < yb; y++) {
            float *s = sum.data() + (size_t)y * w;
            const uint16_t *m = mass.data() + (size_t)y * w;
            const int few = divided(s, s + area, s + 2 * area, m, m + area, m + 2 * area, w, calm, least, y & 1, all.data());
            count += few;
            if (y & 1)
                for (int x = 0; x < wc; x++) frames.data()[(size_t)(y / 2) * wc + x] = 0.25f * (all[2 * x] + all[2 * x + 1]);
        }
        lacks[ya / 64] = count;
    });
    int64_t total = 0;
    for (int64_t v : lacks) total += v;
    return total;
}

inline float at_cell(const In<float, 2> &map, int y, int x, float otherwise) {
    if (!map.size()) return otherwise;
    return map.data()[std::min<size_t>(y, map.shape(0) - 1) * map.shape(1) + std::min<size_t>(x, map.shape(1) - 1)];
}

struct Blocks {  // what all three planes of a correction have in common
    const float *frames, *rgb;
    int h, w, side;
    const In<float, 2> &held, &shading;
    const float *noise;
    float tau, rise;

    // Of the blocks whose top is row y0: variances of R, G, B, common and own, times the squared threshold.
    void row(int y0, std::vector<float> &out) const {
        const int cy = (y0 + N / 2) / side, count = (w - N + STEP - 1) / STEP + 1;
        out.resize((size_t)6 * count);
        for (int i = 0; i < count; i++) {
            const int x0 = std::min(i * STEP, w - N), cx = (x0 + N / 2) / side;
            const float *p = rgb + 3 * ((size_t)(y0 + 2) * w + x0 + 2), *q = p + (size_t)9 * w;
            const float g = at_cell(shading, cy, cx, 1);
            float n = frames[(size_t)std::min((y0 + N / 2) / 2, h / 2 - 1) * (w / 2) + std::min((x0 + N / 2) / 2, w / 2 - 1)];
            n = n > 0.5f ? n : 0.5f;
            const float m = at_cell(held, cy, cx, 1e6f) * g, own = std::fabs(1 / n - 1 / (m > 0.5f ? m : 0.5f));
            float *v = &out[(size_t)6 * i], bar = 4;
            for (int c = 0; c < 3; c++) {
                const float light = 0.25f * ((p[c] + p[c + 9]) + (q[c] + q[c + 9]));
                const float variance = (noise[c] * (light > 0 ? light : 0.0f) + noise[3 + c] * g) * g;
                v[c] = variance / n;
                v[3 + c] = variance * own;
                if (c == 1 && light > 0) bar = std::min(bar, tau + rise * std::sqrt(variance) / light);
            }
            for (int c = 0; c < 6; c++) v[c] *= bar * bar;
        }
    }
};

struct Strip {  // rows of a plane that a band of blocks touches: sums, and the weights they have
    float *coefficients, *sum, *mass, *total, *norm;
};

// A row of blocks of a plane, weighted by how few of its coefficients are left, is added to rows ya ... yb of the strip.
void shrink_row(const float *plane, int w, int y0, const lanes8 (*power)[N], const float *variances, int ya, int yb, Strip &s) {
    float *coef = s.coefficients, *sum = s.sum, *mass = s.mass;
    for (int x = 0; x + 8 <= w; x += 8) {
        lanes8 t[N];
        for (int k = 0; k < N; k++) t[k] = load8(plane + (size_t)(y0 + k) * w + x);
        Cosine::forward(t);
        transpose(t);
        for (int i = 0; i < 8; i++) store8(coef + (size_t)(x + i) * N, t[i]);
    }
    for (int x = w & ~7; x < w; x++) {
        float t[N];
        for (int k = 0; k < N; k++) t[k] = plane[(size_t)(y0 + k) * w + x];
        Cosine::forward(t);
        for (int k = 0; k < N; k++) coef[(size_t)x * N + k] = t[k];
    }
    std::fill(sum, sum + (size_t)w * N, 0.0f);
    std::fill(mass, mass + w, 0.0f);
    bool some = false;
    for (int x = 0;; x += STEP, variances += 6) {
        const bool last = x >= w - N;
        const int x0 = last ? w - N : x;
        const float *v = variances;
        lanes8 t[N], p[N], over = {};
        for (int k = 0; k < N; k++) t[k] = load8(&coef[(size_t)(x0 + k) * N]);
        Cosine::forward(t);
        for (int k = 0; k < N; k++) {
            p[k] = ((power[0][k] * v[0] + power[1][k] * v[1]) + (power[2][k] * v[2] + power[3][k] * v[3])) +
                   (power[4][k] * v[4] + power[5][k] * v[5]);
            const lanes8 e = t[k] * t[k] - p[k];
            over = over > e ? over : e;
        }
        float weight = 1;
        const float most = std::max(std::max(std::max(over[0], over[1]), std::max(over[2], over[3])),
                                    std::max(std::max(over[4], over[5]), std::max(over[6], over[7])));
        if (!(most <= 0)) {
            lanes8 kept = {};
            for (int k = 0; k < N; k++) {
                lanes8 a = 1.0f - p[k] / (t[k] * t[k] + 1e-30f);
                a = a > 0.0f ? a : (lanes8){};
                t[k] *= a;
                kept += a * a;
            }
            const float live = ((kept[0] + kept[4]) + (kept[2] + kept[6])) + ((kept[1] + kept[5]) + (kept[3] + kept[7]));
            weight = 1.0f / (1.0f + live);
            some = true;
            Cosine::inverse(t);
            for (int k = 0; k < N; k++) {
                float *o = &sum[(size_t)(x0 + k) * N];
                store8(o, load8(o) + t[k] * weight);
            }
        }
        for (int k = 0; k < N; k++) mass[x0 + k] += weight;
        if (last) break;
    }
    const int k0 = std::max(0, ya - y0), k1 = std::min(N, yb - y0);
    for (int k = k0; k < k1; k++) {
        float *q = &s.norm[(size_t)(y0 + k - ya) * w];
        for (int x = 0; x < w; x++) q[x] += mass[x];
    }
    if (!some) return;
    for (int x = 0; x + 8 <= w; x += 8) {
        lanes8 t[N];
        for (int i = 0; i < 8; i++) t[i] = load8(sum + (size_t)(x + i) * N);
        transpose(t);
        Cosine::inverse(t);
        for (int k = k0; k < k1; k++) {
            float *o = &s.total[(size_t)(y0 + k - ya) * w + x];
            store8(o, load8(o) + t[k]);
        }
    }
    for (int x = w & ~7; x < w; x++) {
        float t[N];
        for (int k = 0; k < N; k++) t[k] = sum[(size_t)x * N + k];
        Cosine::inverse(t);
        for (int k = k0; k < k1; k++) s.total[(size_t)(y0 + k - ya) * w + x] += t[k];
    }
}

// correction (3, h, w): Y, U and V (see `divide`); frames (h/2, w/2): of how many frames it comes; rgb (h, w, 3): the picture.
// powers (3, 2, 3, 8, 8): noise power of the coefficients [vertical, horizontal] of Y, U, V, for noise of variance 1 in the
// samples of R, G, B of one frame: if the picture holds the same noise, and what is added by each frame that only one of
// both holds.  held (cells) or empty: how many frames the picture holds, empty: noise-free.  noise: shot of R, G, B, then
// read.  shading (cells) or empty: gain of the reference; a cell is `side` pixels.
// Every coefficient c becomes c * max(0, 1 - t^2 p / c^2), t = tau + rise * (noise of green / light of green), 4 at most;
// out = rgb + amount * what is left.
void shrink(In<float, 3> correction, In<float, 2> frames, In<float, 3> rgb, In<float, 5> powers, In<float, 2> held,
            In<float, 1> noise, In<float, 2> shading, int side, float tau, float rise, float amount, Out<float, 3> out) {
    const int h = rgb.shape(0), w = rgb.shape(1);
    const size_t area = (size_t)h * w;
    need(rgb.shape(2) == 3 && out.shape(2) == 3 && out.size() == rgb.size() && (int)out.shape(0) == h,
         "rgb and out must be (h, w, 3)");
    need((int)frames.shape(0) == h / 2 && (int)frames.shape(1) == w / 2, "frames must be (h/2, w/2)");
    need(correction.shape(0) == 3 && (int)correction.shape(1) == h && (int)correction.shape(2) == w,
         "correction must be (3, h, w)");
    need(powers.size() == 1152 && noise.shape(0) == 6 && h >= N && w >= N && side >= 1, "wrong sizes");
    lanes8 power[3][6][N];  // [plane][common, own][colour][horizontal], lanes vertical
    for (int c = 0; c < 18; c++)
        for (int u = 0; u < N; u++)
            for (int v = 0; v < N; v++) power[c / 6][c % 6][v][u] = powers.data()[(c * N + u) * N + v];
    const Blocks blocks{frames.data(), rgb.data(), h, w, side, held, shading, noise.data(), tau, rise};
    parallel((h + BAND - 1) / BAND, [&](int band) {
        const int ya = band * BAND, yb = std::min(h, ya + BAND);
        static thread_local Scratch memory;
        const size_t strip = (size_t)w * N, part = (size_t)(yb - ya) * w;
        float *coef = memory.get<float>(2 * strip + 6 * part + w);
        std::vector<float> variances;
        Strip s[3];
        for (int c = 0; c < 3; c++) {
            float *total = coef + 2 * strip + w + 2 * c * part;
            s[c] = {coef, coef + strip, coef + 2 * strip, total, total + part};
        }
        std::fill(s[0].total, s[0].total + 6 * part, 0.0f);
        const int first = ya < N ? 0 : ((ya - N + 1 + STEP - 1) / STEP) * STEP;
        for (int y = first;; y += STEP) {  // the last row of blocks is moved up to the border
            const bool last = y >= h - N;
            const int y0 = last ? h - N : y;
            if (y0 >= yb) break;
            if (y0 + N > ya) {
                blocks.row(y0, variances);
                for (int c = 0; c < 3; c++)
                    shrink_row(correction.data() + c * area, w, y0, power[c], variances.data(), ya, yb, s[c]);
            }
            if (last) break;
        }
        for (int c = 0; c < 3; c++)
            for (size_t i = 0; i < part; i++) s[c].total[i] = amount * s[c].total[i] / s[c].norm[i];
        const float *__restrict luma = s[0].total, *__restrict u = s[1].total, *__restrict v = s[2].total;
        const float *__restrict from = rgb.data() + (size_t)3 * ya * w;
        float *__restrict to = out.data() + (size_t)3 * ya * w;
        for (size_t i = 0; i < part; i++) {
            const float green = luma[i] - 0.25f * (u[i] + v[i]);
            to[3 * i] = from[3 * i] + (green + u[i]);
            to[3 * i + 1] = from[3 * i + 1] + green;
            to[3 * i + 2] = from[3 * i + 2] + (green + v[i]);
        }
    });
}

// after (h, w, 3), a correction of before, is taken back where the weight of its cell of `side` pixels is small.
void relent(In<float, 3> before, In<float, 2> weight, int side, Out<float, 3> after) {
    const int h = after.shape(0), w = after.shape(1);
    need(before.size() == after.size() && (int)before.shape(0) == h && after.shape(2) == 3,
         "before and after must have one shape");
    need(side >= 1 && weight.size(), "side must be positive, weight not empty");
    parallel_rows(h, 32, [&](int ya, int yb) {
        std::vector<float> back((size_t)3 * w);
        for (int y = ya; y < yb; y++) {
            const int cy = y / side;
            if (y == ya || y % side == 0)
                for (int x = 0; x < w; x++) back[3 * x] = back[3 * x + 1] = back[3 * x + 2] = 1 - at_cell(weight, cy, x / side, 1);
            const float *__restrict b = before.data() + (size_t)3 * y * w, *__restrict share = back.data();
            float *__restrict a = after.data() + (size_t)3 * y * w;
            for (int i = 0; i < 3 * w; i++) a[i] += share[i] * (b[i] - a[i]);
        }
    });
}

}  // namespace

KERNEL("refine_divide", divide, "sum"_a, "mass"_a, "calm"_a, "least"_a, "frames"_a)
KERNEL("refine_shrink", shrink, "correction"_a, "frames"_a, "rgb"_a, "powers"_a, "held"_a, "noise"_a, "shading"_a,
       "side"_a, "tau"_a, "rise"_a, "amount"_a, "out"_a)
KERNEL("refine_relent", relent, "before"_a, "weight"_a, "side"_a, "after"_a)
