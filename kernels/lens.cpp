// SPDX-License-Identifier: Apache-2.0
// Resampling along a radial table per plane (Catmull-Rom), and radial gain.
#include "kernel.h"

namespace {
struct Taps {
    int at[4];
    float weight[4];
};

Taps taps(float v, int n) {
    v = v < 0.0f ? 0.0f : v > (float)(n - 1) ? (float)(n - 1) : v;  // beyond the edge lies the edge
    if (!(v == v)) v = 0.0f;
    int i = std::min((int)v, std::max(n - 2, 0));
    float t = v - (float)i;
    Taps made;
    for (int k = 0; k < 4; k++) made.at[k] = clampi(i + k - 1, 0, n - 1);
    made.weight[0] = t * (-0.5f + t * (1.0f - 0.5f * t));
    made.weight[1] = 1.0f + t * t * (-2.5f + 1.5f * t);
    made.weight[2] = t * (0.5f + t * (2.0f - 1.5f * t));
    made.weight[3] = t * t * (-0.5f + 0.5f * t);
    return made;
}

inline float radial(const float *table, int n, float r) {
    float at = r * (float)(n - 1);
    int i = at < (float)(n - 2) ? (int)at : n - 2;
    return table[i] + (at - (float)i) * (table[i + 1] - table[i]);
}
}  // namespace

// out(y, x)[c] = rgb at centre + size · (f_c(r) · d + tangential_c), d = ((x, y) - centre) / size, r = |d|, 0 … 1
static void lens_warp(In<float, 3> rgb, In<float, 2> tables, In<float, 2> tangential, float cy, float cx, float size,
                      Out<float, 3> out) {
    need(rgb.shape(2) == 3 && tables.shape(1) >= 2 && tables.shape(0) == tangential.shape(0) && tangential.shape(1) == 2,
         "lens_warp: rgb is h w 3, tables planes n, tangential planes 2");
    need(tables.shape(0) == 1 || tables.shape(0) == 3, "lens_warp: 1 or 3 planes of coefficients");
    need(rgb.shape(0) == out.shape(0) && rgb.shape(1) == out.shape(1) && out.shape(2) == 3, "lens_warp: out is like rgb");
    const int h = (int)rgb.shape(0), w = (int)rgb.shape(1), n = (int)tables.shape(1), sets = (int)tables.shape(0);
    const float inverse = 1.0f / size;
    parallel_rows(h, 16, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++)
            for (int x = 0; x < w; x++) {
                float dx = ((float)x - cx) * inverse, dy = ((float)y - cy) * inverse, r2 = dx * dx + dy * dy;
                float r = std::sqrt(r2);
                Taps ty{}, tx{};
                for (int c = 0; c < 3; c++) {
                    if (c < sets) {
                        float f = radial(tables.data() + (size_t)c * n, n, r);
                        float t0 = tangential.data()[2 * c], t1 = tangential.data()[2 * c + 1];
                        tx = taps(cx + size * (f * dx + t0 * 2.0f * dx * dy + t1 * (r2 + 2.0f * dx * dx)), w);
                        ty = taps(cy + size * (f * dy + t1 * 2.0f * dx * dy + t0 * (r2 + 2.0f * dy * dy)), h);
                    }
                    float sum = 0.0f;
                    for (int j = 0; j < 4; j++) {
                        const float *row = rgb.data() + (size_t)3 * w * ty.at[j] + c;
                        sum += ty.weight[j] * (tx.weight[0] * row[3 * tx.at[0]] + tx.weight[1] * row[3 * tx.at[1]] +
                                               tx.weight[2] * row[3 * tx.at[2]] + tx.weight[3] * row[3 * tx.at[3]]);
                    }
                    const float *a = rgb.data() + (size_t)3 * w * ty.at[1] + c, *b = rgb.data() + (size_t)3 * w * ty.at[2] + c;
                    float least = 0.5f * std::min(std::min(a[3 * tx.at[1]], a[3 * tx.at[2]]),
                                                  std::min(b[3 * tx.at[1]], b[3 * tx.at[2]]));
                    // beside a lamp the kernel's negative lobes must not dig a black ring
                    out.data()[3 * ((size_t)y * w + x) + c] = least > 0.0f && sum < least ? least : sum;
                }
            }
    });
}
KERNEL("lens_warp", lens_warp, "rgb"_a, "tables"_a, "tangential"_a, "cy"_a, "cx"_a, "size"_a, "out"_a)

// out = image · table(r), any number of planes
static void lens_gain(In<float, 3> image, In<float, 1> table, float cy, float cx, float size, Out<float, 3> out) {
    need(image.size() == out.size() && table.size() >= 2, "lens_gain: out is like image, the table has 2 or more values");
    const int h = (int)image.shape(0), w = (int)image.shape(1), planes = (int)image.shape(2);
    const float inverse = 1.0f / size;
    parallel_rows(h, 16, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++)
            for (int x = 0; x < w; x++) {
                float dx = ((float)x - cx) * inverse, dy = ((float)y - cy) * inverse;
                float gain = radial(table.data(), (int)table.size(), std::sqrt(dx * dx + dy * dy));
                size_t at = (size_t)planes * ((size_t)y * w + x);
                for (int c = 0; c < planes; c++) out.data()[at + c] = image.data()[at + c] * gain;
            }
    });
}
KERNEL("lens_gain", lens_gain, "image"_a, "table"_a, "cy"_a, "cx"_a, "size"_a, "out"_a)
