// SPDX-License-Identifier: Apache-2.0
// Lens and sampling of the simulated camera; formulas in simulate/lens.py.
#include "kernel.h"

namespace {

constexpr int MOST = 16;  // largest radius of a point-spread function

// Scene RGB -> camera colours, then a symmetric separable point spread per colour; taps[c][k] = weight at distance k.
void optics(In<float, 3> scene, In<float, 2> matrix, In<float, 2> taps, Out<float, 3> out) {
    const int h = scene.shape(1), w = scene.shape(2), r = (int)taps.shape(1) - 1, planes = scene.shape(0), n = out.shape(0);
    need(r >= 0 && r <= MOST && (int)taps.shape(0) == n, "taps must be (colours, 1 ... 17)");
    need((int)matrix.shape(0) == n && (int)matrix.shape(1) == planes, "matrix must be (colours, planes)");
    need((int)out.shape(1) == h && (int)out.shape(2) == w, "out must be (colours, h, w)");
    parallel_rows(h, 64, [&](int y0, int y1) {
        std::vector<float> mixed(w + 2 * r), across((size_t)(y1 - y0 + 2 * r) * w);
        for (int c = 0; c < n; c++) {
            const float *k = taps.data() + (size_t)c * (r + 1);
            for (int j = 0; j < y1 - y0 + 2 * r; j++) {
                const size_t row = (size_t)clampi(y0 - r + j, 0, h - 1) * w;
                float *m = mixed.data() + r, *a = across.data() + (size_t)j * w;
                for (int x = 0; x < w; x++) m[x] = 0;
                for (int p = 0; p < planes; p++) {
                    const float g = matrix.data()[c * planes + p], *s = scene.data() + (size_t)p * h * w + row;
                    for (int x = 0; x < w; x++) m[x] += g * s[x];
                }
                for (int x = 1; x <= r; x++) m[-x] = m[0], m[w - 1 + x] = m[w - 1];
                for (int x = 0; x < w; x++) a[x] = k[0] * m[x];
                for (int i = 1; i <= r; i++)
                    for (int x = 0; x < w; x++) a[x] += k[i] * (m[x - i] + m[x + i]);
            }
            for (int y = y0; y < y1; y++) {
                const float *a = across.data() + (size_t)(y - y0 + r) * w;
                float *o = out.data() + ((size_t)c * h + y) * w;
                for (int x = 0; x < w; x++) o[x] = k[0] * a[x];
                for (int i = 1; i <= r; i++) {
                    const float *up = a - (size_t)i * w, *down = a + (size_t)i * w;
                    for (int x = 0; x < w; x++) o[x] += k[i] * (up[x] + down[x]);
                }
            }
        }
    });
}

inline void spline(float t, float *k) {  // uniform cubic B-spline: never negative, sums to one
    const float s = 1.0f - t;
    k[0] = s * s * s * (1.0f / 6.0f);
    k[1] = (t * t * (3.0f * t - 6.0f) + 4.0f) * (1.0f / 6.0f);
    k[3] = t * t * t * (1.0f / 6.0f);
    k[2] = 1.0f - k[0] - k[1] - k[3];
}

inline float sum4(const float *p, const float *k) { return k[0] * p[0] + k[1] * p[1] + k[2] * p[2] + k[3] * p[3]; }

// Weights and place of the 4 x 4 samples around a position; positions outside repeat the edge.
struct Tap {
    int iy, ix, h, w;
    float ky[4], kx[4];
    Tap(double y, double x, int h, int w) : h(h), w(w) {
        y = y < -4 ? -4 : y > h + 4 ? h + 4 : y;
        x = x < -4 ? -4 : x > w + 4 ? w + 4 : x;
        iy = (int)(y + 8) - 9;
        ix = (int)(x + 8) - 9;
        spline((float)(y - (iy + 1)), ky);
        spline((float)(x - (ix + 1)), kx);
    }
    float of(const float *p) const {
        if (iy >= 0 && ix >= 0 && iy + 3 < h && ix + 3 < w) {
            p += (size_t)iy * w + ix;
            return ky[0] * sum4(p, kx) + ky[1] * sum4(p + w, kx) + ky[2] * sum4(p + 2 * (size_t)w, kx) +
                   ky[3] * sum4(p + 3 * (size_t)w, kx);
        }
        float sum = 0;
        for (int j = 0; j < 4; j++) {
            const float *row = p + (size_t)clampi(iy + j, 0, h - 1) * w;
            float edge[4];
            for (int i = 0; i < 4; i++) edge[i] = row[clampi(ix + i, 0, w - 1)];
            sum += ky[j] * sum4(edge, kx);
        }
        return sum;
    }
};

// The pixels (y0, x0, y1, x1) of an h x w frame that see a layer of ph x pw pixels.
struct Window {
    int y0, x0, y1, x1;
    Window(const double *p, int ph, int pw, int h, int w) {
        const double det = p[0] * p[4] - p[1] * p[3];
        double lo[2] = {1e9, 1e9}, hi[2] = {-1e9, -1e9};
        for (int k = 0; k < 4; k++) {
            const double y = (k & 1 ? ph + 2 : -3) - p[2], x = (k & 2 ? pw + 2 : -3) - p[5];
            const double at[2] = {(p[4] * y - p[1] * x) / det, (p[0] * x - p[3] * y) / det};
            for (int a = 0; a < 2; a++) lo[a] = std::min(lo[a], at[a]), hi[a] = std::max(hi[a], at[a]);
        }
        y0 = clampi((int)std::max(-1.0, lo[0]), 0, h);
        x0 = clampi((int)std::max(-1.0, lo[1]), 0, w);
        y1 = clampi((int)std::min(h + 1.0, hi[0] + 2), y0, h);
        x1 = clampi((int)std::min(w + 1.0, hi[1] + 2), x0, w);
    }
};

// Samples of `planes` at pose(pixel), one colour per pixel (mosaic, colour[4] of the 2x2 cell) or three (colour empty).
// With `alpha`, laid over what is in `out`; without, `out` is replaced.
template <int CHANNELS>
void sample(const In<float, 3> &planes, const In<float, 3> &alpha, const In<double, 2> &pose, const uint8_t *colour, float *out,
            int h, int w) {
    const int ph = planes.shape(1), pw = planes.shape(2);
    const size_t size = (size_t)ph * pw;
    const bool over = alpha.size() > 0;
    need(planes.shape(0) == 3 && pose.shape(0) == 2 && pose.shape(1) == 3, "planes must be (3, h, w) and pose (2, 3)");
    need(!over || (alpha.size() == planes.size()), "alpha must be as large as planes");
    const double *p = pose.data();
    Window seen(p, ph, pw, h, w);
    if (!over) seen.y0 = seen.x0 = 0, seen.y1 = h, seen.x1 = w;
    parallel_rows(seen.y1 - seen.y0, 16, [&](int j0, int j1) {
        for (int y = seen.y0 + j0; y < seen.y0 + j1; y++)
            for (int x = seen.x0; x < seen.x1; x++) {
                const Tap tap(p[0] * y + p[1] * x + p[2], p[3] * y + p[4] * x + p[5], ph, pw);
                float *o = out + ((size_t)y * w + x) * CHANNELS;
                for (int c = 0; c < CHANNELS; c++) {
                    const size_t plane = size * (CHANNELS == 3 ? c : colour[2 * (y & 1) + (x & 1)]);
                    const float v = tap.of(planes.data() + plane);
                    o[c] = over ? o[c] * (1.0f - tap.of(alpha.data() + plane)) + v : v;
                }
            }
    });
}

void render(In<float, 3> planes, In<float, 3> alpha, In<double, 2> pose, In<uint8_t, 1> colour, Out<float, 2> out) {
    need(colour.size() == 4 && colour.data()[0] < 3 && colour.data()[1] < 3 && colour.data()[2] < 3 && colour.data()[3] < 3,
         "colour must be four of 0, 1, 2");
    sample<1>(planes, alpha, pose, colour.data(), out.data(), out.shape(0), out.shape(1));
}
void render_rgb(In<float, 3> planes, In<float, 3> alpha, In<double, 2> pose, Out<float, 3> out) {
    need(out.shape(2) == 3, "out must be (h, w, 3)");
    sample<3>(planes, alpha, pose, nullptr, out.data(), out.shape(0), out.shape(1));
}

}  // namespace

KERNEL("optics", optics, "scene"_a, "matrix"_a, "taps"_a, "out"_a)
KERNEL("render", render, "planes"_a, "alpha"_a, "pose"_a, "colour"_a, "out"_a)
KERNEL("render_rgb", render_rgb, "planes"_a, "alpha"_a, "pose"_a, "out"_a)
