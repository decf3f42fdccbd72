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

// plane (h, w): Y, U or V of the correction; frames (h/2, w/2): of how many it comes; planes (3, h, w): the picture.
// powers (2, 3, 8, 8): noise power of the coefficients [vertical, horizontal] of this plane, for noise of variance 1 in the
// samples of R, G, B of one frame: if the picture holds the same noise, and what is added by each frame that only one of
// both holds.  held (cells) or empty: how many frames the picture holds, empty: noise-free.  noise: shot of R, G, B, then
// read.  shading (cells) or empty: gain of the reference; a cell is `side` pixels.
// Every coefficient c becomes c * max(0, 1 - t^2 p / c^2), t = tau + rise * (noise of green / light of green), 4 at most.
void shrink(In<float, 2> plane, In<float, 2> frames, In<float, 3> planes, In<float, 4> powers, In<float, 2> held,
            In<float, 1> noise, In<float, 2> shading, int side, float tau, float rise, Out<float, 2> out) {
    const int h = plane.shape(0), w = plane.shape(1);
    const size_t area = (size_t)h * w;
    need((int)out.shape(0) == h && (int)out.shape(1) == w, "out must have the shape of plane");
    need((int)frames.shape(0) == h / 2 && (int)frames.shape(1) == w / 2, "frames must be (h/2, w/2)");
    need(planes.shape(0) == 3 && (int)planes.shape(1) == h && (int)planes.shape(2) == w, "planes must be (3, h, w)");
    need(powers.size() == 384 && noise.shape(0) == 6 && h >= N && w >= N && side >= 1, "wrong sizes");
    lanes8 power[6][N];  // [common, own][colour][horizontal], lanes vertical
    for (int c = 0; c < 6; c++)
        for (int u = 0; u < N; u++)
            for (int v = 0; v < N; v++) power[c][v][u] = powers.data()[(c * N + u) * N + v];
    parallel((h + BAND - 1) / BAND, [&](int band) {
        const int ya = band * BAND, yb = std::min(h, ya + BAND);
        static thread_local Scratch memory;
        const size_t strip = (size_t)w * N, part = (size_t)(yb - ya) * w;
        float *coef = memory.get<float>(2 * strip + 2 * part + w), *sum = coef + strip, *total = sum + strip,
              *norm = total + part, *mass = norm + part;
        std::fill(total, norm + part, 0.0f);
        const int first = ya < N ? 0 : ((ya - N + 1 + STEP - 1) / STEP) * STEP;
        for (int y = first;; y += STEP) {  // the last row of blocks is moved up to the border
            const bool last_row = y >= h - N;
            const int y0 = last_row ? h - N : y;
            if (y0 >= yb) break;
            if (y0 + N > ya) {
                for (int x = 0; x + 8 <= w; x += 8) {
                    lanes8 t[N];
                    for (int k = 0; k < N; k++) t[k] = load8(plane.data() + (size_t)(y0 + k) * w + x);
                    Cosine::forward(t);
                    for (int i = 0; i < 8; i++)
                        for (int k = 0; k < N; k++) coef[(size_t)(x + i) * N + k] = t[k][i];
                }
                for (int x = w & ~7; x < w; x++) {
                    float t[N];
                    for (int k = 0; k < N; k++) t[k] = plane.data()[(size_t)(y0 + k) * w + x];
                    Cosine::forward(t);
                    for (int k = 0; k < N; k++) coef[(size_t)x * N + k] = t[k];
                }
                std::fill(sum, sum + strip, 0.0f);
                std::fill(mass, mass + w, 0.0f);
                const int cy = (y0 + N / 2) / side;
                for (int x = 0;; x += STEP) {
                    const bool last = x >= w - N;
                    const int x0 = last ? w - N : x;
                    const size_t at = (size_t)(y0 + 2) * w + x0 + 2, step = (size_t)3 * w;
                    const int cx = (x0 + N / 2) / side;
                    const float g = at_cell(shading, cy, cx, 1);
                    float n = at_cell(frames, (y0 + N / 2) / 2, (x0 + N / 2) / 2, 1);
                    n = n > 0.5f ? n : 0.5f;
                    const float m = at_cell(held, cy, cx, 1e6f) * g, own = std::fabs(1 / n - 1 / (m > 0.5f ? m : 0.5f));
                    float v[6], bar = 4;
                    for (int c = 0; c < 3; c++) {
                        const float *p = planes.data() + c * area + at;
                        const float light = 0.25f * ((p[0] + p[3]) + (p[step] + p[step + 3]));
                        const float variance = (noise.data()[c] * (light > 0 ? light : 0.0f) + noise.data()[3 + c] * g) * g;
                        v[c] = variance / n;
                        v[3 + c] = variance * own;
                        if (c == 1 && light > 0) bar = std::min(bar, tau + rise * std::sqrt(variance) / light);
                    }
                    for (float &power_of_colour : v) power_of_colour *= bar * bar;
                    lanes8 t[N];
                    for (int k = 0; k < N; k++) t[k] = load8(&coef[(size_t)(x0 + k) * N]);
                    Cosine::forward(t);
                    lanes8 kept = {};
                    for (int k = 0; k < N; k++) {
                        const lanes8 p = ((power[0][k] * v[0] + power[1][k] * v[1]) + (power[2][k] * v[2] + power[3][k] * v[3])) +
                                         (power[4][k] * v[4] + power[5][k] * v[5]);
                        const lanes8 e = t[k] * t[k];
                        lanes8 a = 1.0f - p / (e + 1e-30f);
                        a = a > 0.0f ? a : (lanes8){};
                        t[k] *= a;
                        kept += a * a;
                    }
                    const float live = ((kept[0] + kept[4]) + (kept[2] + kept[6])) + ((kept[1] + kept[5]) + (kept[3] + kept[7]));
                    const float weight = 1.0f / (1.0f + live);
                    for (int k = 0; k < N; k++) mass[x0 + k] += weight;
                    if (live > 0) {
                        Cosine::inverse(t);
                        for (int k = 0; k < N; k++) {
                            float *s = &sum[(size_t)(x0 + k) * N];
                            store8(s, load8(s) + t[k] * weight);
                        }
                    }
                    if (last) break;
                }
                const int k0 = std::max(0, ya - y0), k1 = std::min(N, yb - y0);
                for (int x = 0; x + 8 <= w; x += 8) {
                    lanes8 t[N];
                    for (int k = 0; k < N; k++)
                        for (int i = 0; i < 8; i++) t[k][i] = sum[(size_t)(x + i) * N + k];
                    Cosine::inverse(t);
                    const lanes8 m = load8(&mass[x]);
                    for (int k = k0; k < k1; k++) {
                        float *o = &total[(size_t)(y0 + k - ya) * w + x], *q = &norm[(size_t)(y0 + k - ya) * w + x];
                        store8(o, load8(o) + t[k]);
                        store8(q, load8(q) + m);
                    }
                }
                for (int x = w & ~7; x < w; x++) {
                    float t[N];
                    for (int k = 0; k < N; k++) t[k] = sum[(size_t)x * N + k];
                    Cosine::inverse(t);
                    for (int k = k0; k < k1; k++) {
                        total[(size_t)(y0 + k - ya) * w + x] += t[k];
                        norm[(size_t)(y0 + k - ya) * w + x] += mass[x];
                    }
                }
            }
            if (last_row) break;
        }
        for (size_t i = 0; i < part; i++) out.data()[(size_t)ya * w + i] = total[i] / norm[i];
    });
}

inline void added(const float *__restrict y, const float *__restrict u, const float *__restrict v, const float *__restrict share,
                  int w, float *__restrict r, float *__restrict g, float *__restrict b) {
    for (int x = 0; x < w; x++) {
        const float green = y[x] - 0.25f * (u[x] + v[x]);
        r[x] += share[x] * (green + u[x]);
        g[x] += share[x] * green;
        b[x] += share[x] * (green + v[x]);
    }
}

// planes += amount * the correction y, u, v (see divide), as R, G, B.  With a weight for every cell of `side` pixels, the
// correction is taken back where it is small: planes -= amount * (1 - weight) * correction.
void add(In<float, 2> y, In<float, 2> u, In<float, 2> v, In<float, 2> weight, int side, float amount, Out<float, 3> planes) {
    const int h = planes.shape(1), w = planes.shape(2);
    const size_t area = (size_t)h * w;
    need(planes.shape(0) == 3 && y.size() == area && u.size() == area && v.size() == area, "y, u, v must have the size of planes");
    need(side >= 1, "side must be positive");
    parallel_rows(h, 32, [&](int ya, int yb) {
        std::vector<float> share(w, amount);
        for (int row = ya; row < yb; row++) {
            if (weight.size())
                for (int x = 0; x < w; x++) share[x] = amount * (at_cell(weight, row / side, x / side, 1) - 1);
            const size_t at = (size_t)row * w;
            float *p = planes.data() + at;
            added(y.data() + at, u.data() + at, v.data() + at, share.data(), w, p, p + area, p + 2 * area);
        }
    });
}

}  // namespace

KERNEL("refine_divide", divide, "sum"_a, "mass"_a, "calm"_a, "least"_a, "frames"_a)
KERNEL("refine_shrink", shrink, "plane"_a, "frames"_a, "planes"_a, "powers"_a, "held"_a, "noise"_a, "shading"_a,
       "side"_a, "tau"_a, "rise"_a, "out"_a)
KERNEL("refine_add", add, "y"_a, "u"_a, "v"_a, "weight"_a, "side"_a, "amount"_a, "planes"_a)
