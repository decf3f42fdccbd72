// SPDX-License-Identifier: Apache-2.0
// Refine: the picture as planes on a grid as fine or finer, and the gathered differences shrunk by the noise they are known
// to hold.  The idea and the formulas stand in combine/refine.py; where the differences come from, in superres.cpp.
#include "cosine.h"
#include "superres.h"

namespace {

constexpr int N = 8, STEP = 4, BAND = 64;

// RGB (h, w, 3) -> planes (3, H, W), H = h * twice / 2 rounded: Lanczos-3 through the middle of every pixel.
template <int TWICE> void spread_at(const In<float, 3> &rgb, Out<float, 3> &planes) {
    constexpr int A = TWICE == 3 ? 3 : TWICE / 2, B = TWICE == 3 ? 2 : 1;
    const int h = rgb.shape(0), w = rgb.shape(1), H = planes.shape(1), W = planes.shape(2);
    const auto &table = aperture<2>();
    int first[A];
    const float *taps[A];
    for (int e = 0; e < A; e++) {
        const float x = (e + 0.5f) * 2 / TWICE - 0.5f;
        first[e] = (int)std::floor(x);
        taps[e] = table.data() + (int)((x - first[e]) * STEPS + 0.5f) * MOST_TAPS;
    }
    parallel_rows(H, 16, [&](int ya, int yb) {
        std::vector<float> line((size_t)3 * (w + 16));
        for (int y = ya; y < yb; y++) {
            const int j = B * (y / A) + first[y % A];
            const float *wy = taps[y % A], *row[6];
            for (int k = 0; k < 6; k++) row[k] = rgb.data() + (size_t)clampi(j - 2 + k, 0, h - 1) * w * 3;
            float *l = line.data() + 24;
            for (int t = 0; t < 3 * w; t++)
                l[t] = ((wy[0] * row[0][t] + wy[5] * row[5][t]) + (wy[1] * row[1][t] + wy[4] * row[4][t])) +
                       (wy[2] * row[2][t] + wy[3] * row[3][t]);
            for (int c = 0; c < 3; c++) {
                for (int x = -8; x < 0; x++) l[3 * x + c] = l[c];
                for (int x = w; x < w + 8; x++) l[3 * x + c] = l[3 * (w - 1) + c];
                float *o = planes.data() + ((size_t)c * H + y) * W;
                for (int e = 0; e < A; e++) {
                    const float *wx = taps[e];
                    for (int x = e, i = first[e]; x < W; x += A, i += B) {
                        const float *p = l + 3 * (std::min(i, w) - 2) + c;
                        o[x] = ((wx[0] * p[0] + wx[5] * p[15]) + (wx[1] * p[3] + wx[4] * p[12])) +
                               (wx[2] * p[6] + wx[3] * p[9]);
                    }
                }
            }
        }
    });
}

void spread(In<float, 3> rgb, int twice, Out<float, 3> planes) {
    const int h = rgb.shape(0), w = rgb.shape(1);
    need(rgb.shape(2) == 3 && planes.shape(0) == 3 && h >= 1 && w >= 1, "rgb must be (h, w, 3), planes (3, H, W)");
    need((int)planes.shape(1) <= (h * twice + 1) / 2 && (int)planes.shape(2) <= (w * twice + 1) / 2, "planes are too large");
    if (twice == 2)
        parallel_rows(planes.shape(1), 16, [&](int ya, int yb) {
            const size_t area = (size_t)planes.shape(1) * planes.shape(2);
            for (int y = ya; y < yb; y++)
                for (int c = 0; c < 3; c++) {
                    const float *p = rgb.data() + (size_t)y * w * 3 + c;
                    float *o = planes.data() + c * area + (size_t)y * planes.shape(2);
                    for (int x = 0; x < (int)planes.shape(2); x++) o[x] = p[3 * x];
                }
        });
    else if (twice == 3) spread_at<3>(rgb, planes);
    else if (twice == 4) spread_at<4>(rgb, planes);
    else need(false, "twice must be 2, 3 or 4");
}

// Mean over colours and pixels of a cell of the squared differences to the neighbours, both axes added.
void contrast(In<float, 3> rgb, Out<float, 2> out) {
    const int h = rgb.shape(0), w = rgb.shape(1), hc = out.shape(0), wc = out.shape(1);
    need(rgb.shape(2) == 3 && hc == h / 2 && wc == w / 2, "out must be (h/2, w/2)");
    parallel_rows(hc, 32, [&](int a, int b) {
        std::vector<float> sum(w);
        for (int cy = a; cy < b; cy++) {
            std::fill(sum.begin(), sum.end(), 0.0f);
            for (int y = 2 * cy; y < 2 * cy + 2; y++) {
                const float *p = rgb.data() + (size_t)y * w * 3, *up = y > 0 ? p - 3 * w : p, *down = y + 1 < h ? p + 3 * w : p;
                for (int x = 0; x < w; x++) {
                    const int l = x > 0 ? -3 : 0, r = x + 1 < w ? 3 : 0;
                    float e = 0;
                    for (int c = 3 * x; c < 3 * x + 3; c++) {
                        const float s = p[c] - up[c], t = p[c] - down[c], u = p[c] - p[c + l], v = p[c] - p[c + r];
                        e += (s * s + t * t) + (u * u + v * v);
                    }
                    sum[x] += e;
                }
            }
            float *o = out.data() + (size_t)cy * wc;
            for (int x = 0; x < wc; x++) o[x] = (sum[2 * x] + sum[2 * x + 1]) * (1 / 24.0f);
        }
    });
}

// sum, mass (3, H, W) -> the correction in Y = (R + 2G + B)/4, U = R - G, V = B - G, in place of sum; the number of frames
// that it comes from in place of mass[0]; and how many pixels lack a colour (mass < least).
int64_t divide(Out<float, 3> sum, Out<float, 3> mass, float calm, float least) {
    const int h = sum.shape(1), w = sum.shape(2);
    const size_t area = (size_t)h * w;
    need(sum.shape(0) == 3 && mass.shape(0) == 3 && mass.shape(1) == sum.shape(1) && mass.shape(2) == sum.shape(2),
         "sum and mass must be (3, H, W)");
    std::vector<int64_t> lacks((h + 63) / 64);
    parallel_rows(h, 64, [&](int ya, int yb) {
        int64_t count = 0;
        for (size_t i = (size_t)ya * w; i < (size_t)yb * w; i++) {
            float *s = sum.data() + i, *m = mass.data() + i;
            const float r = m[0], g = m[area], b = m[2 * area];
            const float x = s[0] / (r + calm), y = s[area] / (g + calm), z = s[2 * area] / (b + calm);
            s[0] = 0.25f * (x + z) + 0.5f * y;
            s[area] = x - y;
            s[2 * area] = z - y;
            m[0] = (r + b) + g;
            count += std::min(std::min(r, g), b) < least;
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

// plane (h, w): Y, U or V of the correction; frames (h, w): how many it comes from; planes (3, h, w): the picture.
// powers (2, 3, 8, 8): noise power of the coefficients [vertical, horizontal] of this plane, for noise of variance 1 in the
// samples of R, G, B of one frame: if the picture holds the same noise, and what is added by each frame that only one of
// both holds.  held (cells) or empty: how many frames the picture holds, empty: noise-free.  noise: shot of R, G, B, then
// read.  shading (cells) or empty: gain of the reference; a cell is `side` pixels.
// Every coefficient c becomes c * max(0, 1 - tau^2 p / c^2).
void shrink(In<float, 2> plane, In<float, 2> frames, In<float, 3> planes, In<float, 4> powers, In<float, 2> held,
            In<float, 1> noise, In<float, 2> shading, int side, float tau, Out<float, 2> out) {
    const int h = plane.shape(0), w = plane.shape(1);
    const size_t area = (size_t)h * w;
    need((int)out.shape(0) == h && (int)out.shape(1) == w && (int)frames.shape(0) == h && (int)frames.shape(1) == w,
         "plane, frames and out must have one shape");
    need(planes.shape(0) == 3 && (int)planes.shape(1) == h && (int)planes.shape(2) == w, "planes must be (3, h, w)");
    need(powers.size() == 384 && noise.shape(0) == 6 && h >= N && w >= N && side >= 1, "wrong sizes");
    lanes8 power[6][N];  // [common, own][colour][horizontal], lanes vertical
    for (int c = 0; c < 6; c++)
        for (int u = 0; u < N; u++)
            for (int v = 0; v < N; v++) power[c][v][u] = powers.data()[(c * N + u) * N + v] * tau * tau;
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
                    const float *f = frames.data() + at;
                    float n = 0.25f * ((f[0] + f[3]) + (f[step] + f[step + 3]));
                    n = n > 0.5f ? n : 0.5f;
                    const float m = at_cell(held, cy, cx, 1e6f) * g, own = std::fabs(1 / n - 1 / (m > 0.5f ? m : 0.5f));
                    float v[6];
                    for (int c = 0; c < 3; c++) {
                        const float *p = planes.data() + c * area + at;
                        const float light = 0.25f * ((p[0] + p[3]) + (p[step] + p[step + 3]));
                        const float variance = (noise.data()[c] * (light > 0 ? light : 0.0f) + noise.data()[3 + c] * g) * g;
                        v[c] = variance / n;
                        v[3 + c] = variance * own;
                    }
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
                for (int x = 0; x < w; x++) {
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
            for (size_t x = 0, i = (size_t)row * w; x < (size_t)w; x++, i++) {
                const float g = y.data()[i] - 0.25f * (u.data()[i] + v.data()[i]);
                planes.data()[i] += share[x] * (g + u.data()[i]);
                planes.data()[area + i] += share[x] * g;
                planes.data()[2 * area + i] += share[x] * (g + v.data()[i]);
            }
        }
    });
}

// planes (3, h, w) -> rgb (h, w, 3).
void join(In<float, 3> planes, Out<float, 3> rgb) {
    const size_t h = rgb.shape(0), w = rgb.shape(1), area = h * w;
    need(planes.shape(0) == 3 && planes.shape(1) == h && planes.shape(2) == w && rgb.shape(2) == 3, "planes must be (3, h, w)");
    parallel_rows((int)h, 32, [&](int ya, int yb) {
        for (size_t i = ya * w; i < yb * w; i++)
            for (int c = 0; c < 3; c++) rgb.data()[3 * i + c] = planes.data()[c * area + i];
    });
}

}  // namespace

KERNEL("refine_spread", spread, "rgb"_a, "twice"_a, "planes"_a)
KERNEL("refine_contrast", contrast, "rgb"_a, "out"_a)
KERNEL("refine_divide", divide, "sum"_a, "mass"_a, "calm"_a, "least"_a)
KERNEL("refine_shrink", shrink, "plane"_a, "frames"_a, "planes"_a, "powers"_a, "held"_a, "noise"_a, "shading"_a,
       "side"_a, "tau"_a, "out"_a)
KERNEL("refine_add", add, "y"_a, "u"_a, "v"_a, "weight"_a, "side"_a, "amount"_a, "planes"_a)
KERNEL("refine_join", join, "planes"_a, "rgb"_a)
