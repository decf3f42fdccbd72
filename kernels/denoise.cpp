// SPDX-License-Identifier: Apache-2.0
// Denoise: overlapping 8 x 8 cosine transforms, every coefficient shrunk by the noise it is known to hold.
// The idea stands in correct/denoise.py.  The vertical transforms are shared by all blocks of a strip; horizontal ones run
// on vectors whose eight lanes are the eight vertical frequencies.
#include "kernel.h"

namespace {

constexpr int N = 8, BAND = 64;
typedef float v8 __attribute__((vector_size(32)));

__attribute__((always_inline)) inline v8 load(const float *p) {
    v8 v;
    std::memcpy(&v, p, 32);
    return v;
}
__attribute__((always_inline)) inline void store(float *p, v8 v) { std::memcpy(p, &v, 32); }

// Orthonormal 8-point cosine transform (type II) and its inverse, on anything that adds and multiplies.
constexpr float C1 = 0.4903926402f, C2 = 0.4619397663f, C3 = 0.4157348062f, C4 = 0.3535533906f, C5 = 0.2777851165f,
                C6 = 0.1913417162f, C7 = 0.0975451610f;
template <class T> inline void forward(T *x) {
    T s0 = x[0] + x[7], s1 = x[1] + x[6], s2 = x[2] + x[5], s3 = x[3] + x[4];
    T d0 = x[0] - x[7], d1 = x[1] - x[6], d2 = x[2] - x[5], d3 = x[3] - x[4];
    T e0 = s0 + s3, e1 = s1 + s2, e2 = s0 - s3, e3 = s1 - s2;
    x[0] = (e0 + e1) * C4;
    x[4] = (e0 - e1) * C4;
    x[2] = e2 * C2 + e3 * C6;
    x[6] = e2 * C6 - e3 * C2;
    x[1] = (d0 * C1 + d1 * C3) + (d2 * C5 + d3 * C7);
    x[3] = (d0 * C3 - d1 * C7) - (d2 * C1 + d3 * C5);
    x[5] = (d0 * C5 - d1 * C1) + (d2 * C7 + d3 * C3);
    x[7] = (d0 * C7 - d1 * C5) + (d2 * C3 - d3 * C1);
}
template <class T> inline void inverse(T *x) {
    T a = (x[0] + x[4]) * C4, b = (x[0] - x[4]) * C4, c = x[2] * C2 + x[6] * C6, d = x[2] * C6 - x[6] * C2;
    T e0 = a + c, e3 = a - c, e1 = b + d, e2 = b - d;
    T o0 = (x[1] * C1 + x[3] * C3) + (x[5] * C5 + x[7] * C7), o1 = (x[1] * C3 - x[3] * C7) - (x[5] * C1 + x[7] * C5);
    T o2 = (x[1] * C5 - x[3] * C1) + (x[5] * C7 + x[7] * C3), o3 = (x[1] * C7 - x[3] * C5) + (x[5] * C3 - x[7] * C1);
    x[0] = e0 + o0; x[7] = e0 - o0;
    x[1] = e1 + o1; x[6] = e1 - o1;
    x[2] = e2 + o2; x[5] = e2 - o2;
    x[3] = e3 + o3; x[4] = e3 - o3;
}

// plane: the picture; one, more (8, 8): noise power of the coefficients [vertical, horizontal], for variance 1, of a single
// frame and of each further one; variance (h/s, w/s): noise variance of one sample, frames: how many were merged, both per
// cell of s pixels.  tau: shrink threshold in standard deviations.  step: distance of the blocks.
void shrink(In<float, 2> plane, In<float, 2> one, In<float, 2> more, In<float, 2> variance, In<float, 2> frames, int cell,
            float tau, int step, Out<float, 2> out) {
    const int h = plane.shape(0), w = plane.shape(1), hc = variance.shape(0), wc = variance.shape(1);
    need((int)out.shape(0) == h && (int)out.shape(1) == w, "out must have the shape of plane");
    need(one.size() == 64 && more.size() == 64, "noise power must be (8, 8)");
    need(frames.shape(0) == variance.shape(0) && frames.shape(1) == variance.shape(1), "frames must have the shape of variance");
    need(h >= N && w >= N, "plane must be at least 8 x 8");
    need(cell >= 1 && step >= 1 && step <= N, "cell and step must be positive");
    v8 p1[N], p2[N];  // [horizontal] lanes vertical
    for (int u = 0; u < N; u++)
        for (int v = 0; v < N; v++) {
            p1[v][u] = one.data()[u * N + v] * tau * tau;
            p2[v][u] = more.data()[u * N + v] * tau * tau;
        }
    p1[0][0] = p2[0][0] = 0;  // the mean stays
    parallel((h + BAND - 1) / BAND, [&](int band) {
        const int ya = band * BAND, yb = std::min(h, ya + BAND);
        static thread_local Scratch memory;
        const size_t strip = (size_t)w * N, area = (size_t)(yb - ya) * w;
        float *coef = memory.get<float>(2 * strip + 2 * area + w), *sum = coef + strip, *total = sum + strip,
              *norm = total + area, *mass = norm + area;
        std::fill(total, norm + area, 0.0f);
        // block rows start at multiples of step; the last one is moved up to the border
        int first = ya < N ? 0 : ((ya - N + 1 + step - 1) / step) * step;
        for (int y = first;; y += step) {
            const bool final_row = y >= h - N;
            const int y0 = final_row ? h - N : y;
            if (y0 >= yb) break;
            if (y0 + N > ya) {
                for (int x = 0; x + 8 <= w; x += 8) {
                    v8 t[N];
                    for (int k = 0; k < N; k++) t[k] = load(plane.data() + (size_t)(y0 + k) * w + x);
                    forward(t);
                    for (int i = 0; i < 8; i++)
                        for (int k = 0; k < N; k++) coef[(size_t)(x + i) * N + k] = t[k][i];
                }
                for (int x = w & ~7; x < w; x++) {
                    float t[N];
                    for (int k = 0; k < N; k++) t[k] = plane.data()[(size_t)(y0 + k) * w + x];
                    forward(t);
                    for (int k = 0; k < N; k++) coef[(size_t)x * N + k] = t[k];
                }
                std::fill(sum, sum + strip, 0.0f);
                std::fill(mass, mass + w, 0.0f);
                const int cy = std::min(hc - 1, (y0 + N / 2) / cell);
                for (int x = 0;; x += step) {
                    const bool final_block = x >= w - N;
                    const int x0 = final_block ? w - N : x;
                    const size_t c = (size_t)cy * wc + std::min(wc - 1, (x0 + N / 2) / cell);
                    const float n = frames.data()[c], var = variance.data()[c];
                    const float m = n > 1 ? n : 1, low = n > 1 ? 1 : n > 0.05f ? n : 0.05f;
                    const float a = var / (m * m * low), b = var * (m - 1) / (m * m);
                    v8 t[N];
                    for (int k = 0; k < N; k++) t[k] = load(&coef[(size_t)(x0 + k) * N]);
                    forward(t);
                    v8 kept = {};
                    for (int k = 0; k < N; k++) {
                        v8 power = p1[k] * a + p2[k] * b, e = t[k] * t[k];
                        v8 g = 1.0f - power / (e + 1e-30f);
                        g = g > 0.0f ? g : (v8){};
                        t[k] *= g;
                        kept += g * g;
                    }
                    const float live = ((kept[0] + kept[4]) + (kept[2] + kept[6])) + ((kept[1] + kept[5]) + (kept[3] + kept[7]));
                    const float weight = 1.0f / (1.0f + live);
                    inverse(t);
                    for (int k = 0; k < N; k++) {
                        float *s = &sum[(size_t)(x0 + k) * N];
                        store(s, load(s) + t[k] * weight);
                        mass[x0 + k] += weight;
                    }
                    if (final_block) break;
                }
                float rows[N];
                const int k0 = std::max(0, ya - y0), k1 = std::min(N, yb - y0);
                for (int x = 0; x + 8 <= w; x += 8) {
                    v8 t[N];
                    for (int k = 0; k < N; k++)
                        for (int i = 0; i < 8; i++) t[k][i] = sum[(size_t)(x + i) * N + k];
                    inverse(t);
                    const v8 m = load(&mass[x]);
                    for (int k = k0; k < k1; k++) {
                        float *o = &total[(size_t)(y0 + k - ya) * w + x], *q = &norm[(size_t)(y0 + k - ya) * w + x];
                        store(o, load(o) + t[k]);
                        store(q, load(q) + m);
                    }
                }
                for (int x = w & ~7; x < w; x++) {
                    for (int k = 0; k < N; k++) rows[k] = sum[(size_t)x * N + k];
                    inverse(rows);
                    for (int k = k0; k < k1; k++) {
                        total[(size_t)(y0 + k - ya) * w + x] += rows[k];
                        norm[(size_t)(y0 + k - ya) * w + x] += mass[x];
                    }
                }
            }
            if (final_row) break;
        }
        for (int y = ya; y < yb; y++)
            for (int x = 0; x < w; x++)
                out.data()[(size_t)y * w + x] = total[(size_t)(y - ya) * w + x] / norm[(size_t)(y - ya) * w + x];
    });
}

// RGB -> luma (R + 2G + B)/4 and the differences R - G, B - G, planar; and the mean green of the 2 x 2 cells.
void split(In<float, 3> rgb, Out<float, 3> planes, Out<float, 2> green) {
    const int h = rgb.shape(0), w = rgb.shape(1), hc = green.shape(0), wc = green.shape(1);
    need((int)planes.shape(1) == h && (int)planes.shape(2) == w && planes.shape(0) == 3, "planes must be (3, h, w)");
    need(hc == h / 2 && wc == w / 2, "green must be (h/2, w/2)");
    float *Y = planes.data(), *U = Y + (size_t)h * w, *V = U + (size_t)h * w;
    parallel_rows(h, 32, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++) {
            const float *p = rgb.data() + (size_t)y * w * 3;
            float *a = Y + (size_t)y * w, *b = U + (size_t)y * w, *c = V + (size_t)y * w;
            for (int x = 0; x < w; x++) {
                const float r = p[3 * x], g = p[3 * x + 1], bl = p[3 * x + 2];
                a[x] = 0.25f * (r + bl) + 0.5f * g;
                b[x] = r - g;
                c[x] = bl - g;
            }
            if (!(y & 1) && y / 2 < hc)
                for (int x = 0; x < wc; x++) {
                    const float *q = p + 6 * x;
                    green.data()[(size_t)(y / 2) * wc + x] = 0.25f * ((q[1] + q[4]) + (q[3 * w + 1] + q[3 * w + 4]));
                }
        }
    });
}

void join(In<float, 3> planes, Out<float, 3> rgb) {
    const int h = rgb.shape(0), w = rgb.shape(1);
    need((int)planes.shape(1) == h && (int)planes.shape(2) == w && planes.shape(0) == 3, "planes must be (3, h, w)");
    const float *Y = planes.data(), *U = Y + (size_t)h * w, *V = U + (size_t)h * w;
    parallel_rows(h, 32, [&](int y0, int y1) {
        for (size_t i = (size_t)y0 * w; i < (size_t)y1 * w; i++) {
            const float g = Y[i] - 0.25f * (U[i] + V[i]);
            rgb.data()[3 * i] = g + U[i];
            rgb.data()[3 * i + 1] = g;
            rgb.data()[3 * i + 2] = g + V[i];
        }
    });
}

// Mean of 2 x 2.
void halve(In<float, 2> in, Out<float, 2> out) {
    const int w = in.shape(1), hc = out.shape(0), wc = out.shape(1);
    need(hc == (int)in.shape(0) / 2 && wc == w / 2, "out must be half of in");
    parallel_rows(hc, 32, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++) {
            const float *a = in.data() + (size_t)2 * y * w, *b = a + w;
            for (int x = 0; x < wc; x++)
                out.data()[(size_t)y * wc + x] = 0.25f * ((a[2 * x] + a[2 * x + 1]) + (b[2 * x] + b[2 * x + 1]));
        }
    });
}

// plane += what denoising changed at half size (after - before), bilinear between cell centres.
void add_change(In<float, 2> before, In<float, 2> after, Out<float, 2> plane) {
    const int h = plane.shape(0), w = plane.shape(1), hc = before.shape(0), wc = before.shape(1);
    need(hc == h / 2 && wc == w / 2 && after.shape(0) == before.shape(0) && after.shape(1) == before.shape(1),
         "before and after must be half of plane");
    parallel_rows(h, 32, [&](int ya, int yb) {
        std::vector<float> line(wc);
        for (int y = ya; y < yb; y++) {
            const int i = std::min(y / 2, hc - 1), k = clampi(y & 1 ? i + 1 : i - 1, 0, hc - 1);
            const size_t p = (size_t)i * wc, q = (size_t)k * wc;
            for (int x = 0; x < wc; x++)
                line[x] = 0.75f * (after.data()[p + x] - before.data()[p + x]) + 0.25f * (after.data()[q + x] - before.data()[q + x]);
            float *o = plane.data() + (size_t)y * w;
            for (int x = 0; x < w; x++) {
                const int a = std::min(x / 2, wc - 1), b = clampi(x & 1 ? a + 1 : a - 1, 0, wc - 1);
                o[x] += 0.75f * line[a] + 0.25f * line[b];
            }
        }
    });
}

}  // namespace

KERNEL("denoise_shrink", shrink, "plane"_a, "one"_a, "more"_a, "variance"_a, "frames"_a, "cell"_a, "tau"_a, "step"_a, "out"_a)
KERNEL("denoise_split", split, "rgb"_a, "planes"_a, "green"_a)
KERNEL("denoise_join", join, "planes"_a, "rgb"_a)
KERNEL("denoise_halve", halve, "image"_a, "out"_a)
KERNEL("denoise_add_change", add_change, "before"_a, "after"_a, "plane"_a)
