// SPDX-License-Identifier: Apache-2.0
// Camera colour to linear Rec. 2020: one matrix, or matrix - HSV tables - matrix; and the average colour of a scene.
#include "hsv.h"

static void calibrate(In<float, 3> rgb, In<float, 2> matrix, Out<float, 3> out) {
    need(rgb.shape(2) == 3 && matrix.shape(0) == 3 && matrix.shape(1) == 3, "calibrate: rgb is h w 3, matrix 3 3");
    need(out.shape(0) == rgb.shape(0) && out.shape(1) == rgb.shape(1) && out.shape(2) == 3, "calibrate: out is like rgb");
    const size_t w = rgb.shape(1);
    const float *m = matrix.data();
    const float a = m[0], b = m[1], c = m[2], d = m[3], e = m[4], f = m[5], g = m[6], h = m[7], k = m[8];
    parallel_rows((int)rgb.shape(0), 16, [&](int y0, int y1) {
        const float *in = rgb.data() + 3 * w * y0;
        float *to = out.data() + 3 * w * y0;
        for (size_t i = 0, n = w * (y1 - y0); i < n; i++) {
            float r = in[3 * i], v = in[3 * i + 1], u = in[3 * i + 2];
            to[3 * i] = a * r + b * v + c * u;
            to[3 * i + 1] = d * r + e * v + f * u;
            to[3 * i + 2] = g * r + h * v + k * u;
        }
    });
}
KERNEL("calibrate", calibrate, "rgb"_a, "matrix"_a, "out"_a)

// ---- with the HSV tables of a camera profile

static void calibrate_tables(In<float, 3> rgb, In<float, 2> before, In<float, 4> hue_sat, bool hue_sat_encoded,
                             In<float, 4> look, bool look_encoded, In<float, 2> after, Out<float, 3> out) {
    need(rgb.shape(2) == 3 && out.shape(0) == rgb.shape(0) && out.shape(1) == rgb.shape(1) && out.shape(2) == 3,
         "calibrate_tables: rgb and out are h w 3");
    need(before.size() == 9 && after.size() == 9, "calibrate_tables: the matrices are 3 3");
    const HSVTable first = table_of(hue_sat, hue_sat_encoded), second = table_of(look, look_encoded);
    const bool idle1 = first.idle(), idle2 = second.idle();
    const size_t w = rgb.shape(1);
    parallel_rows((int)rgb.shape(0), 8, [&](int y0, int y1) {
        for (size_t i = w * y0; i < w * y1; i++) {
            float p[3];
            product(before.data(), rgb.data() + 3 * i, p);
            if (!idle1) first.apply(p);
            if (!idle2) second.apply(p);
            product(after.data(), p, out.data() + 3 * i);
        }
    });
}
KERNEL("calibrate_tables", calibrate_tables, "rgb"_a, "before"_a, "hue_sat"_a, "hue_sat_encoded"_a, "look"_a,
       "look_encoded"_a, "after"_a, "out"_a)

// ---- sums of x and of x⁶ over every second pixel that is neither clipped nor near black: sums[2][3], then their count
static void shades(In<float, 3> rgb, In<uint8_t, 2> clipped, In<float, 1> low, In<float, 1> high, Out<double, 1> sums) {
    need(rgb.shape(2) == 3 && clipped.shape(0) == rgb.shape(0) && clipped.shape(1) == rgb.shape(1),
         "shades: rgb is h w 3, clipped h w");
    need(low.size() == 3 && high.size() == 3 && sums.size() == 7, "shades: low and high have 3 values, sums 7");
    const int h = (int)rgb.shape(0), w = (int)rgb.shape(1), band = 64, bands = (h + band - 1) / band;
    std::vector<double> parts((size_t)bands * 7, 0.0);
    parallel(bands, [&](int i) {
        double *part = &parts[(size_t)i * 7];
        for (int y = i * band; y < std::min(h, (i + 1) * band); y += 2)
            for (int x = 0; x < w; x += 2) {
                const float *p = rgb.data() + 3 * ((size_t)y * w + x);
                bool good = clipped.data()[(size_t)y * w + x] == 0;
                for (int c = 0; c < 3; c++) good = good && p[c] > low.data()[c] && p[c] < high.data()[c];
                if (!good) continue;
                for (int c = 0; c < 3; c++) {
                    double q = (double)p[c] * p[c];
                    part[c] += p[c];
                    part[3 + c] += q * q * q;
                }
                part[6] += 1.0;
            }
    });
    for (int j = 0; j < 7; j++) sums.data()[j] = 0.0;
    for (int i = 0; i < bands; i++)  // in order: the same sum for any number of threads
        for (int j = 0; j < 7; j++) sums.data()[j] += parts[(size_t)i * 7 + j];
}
KERNEL("shades", shades, "rgb"_a, "clipped"_a, "low"_a, "high"_a, "sums"_a)
