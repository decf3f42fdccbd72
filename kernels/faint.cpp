// SPDX-License-Identifier: Apache-2.0
// Frames are averaged where they lie on the sensor: see capture/faint.py.
#include "kernel.h"

#include <nanobind/stl/vector.h>

// Σ frames · factor, rounded, at most 65535.
static void faint_mean(std::vector<In<uint16_t, 2>> frames, float factor, Out<uint16_t, 2> mean) {
    const int h = mean.shape(0), w = mean.shape(1);
    for (auto &f : frames) need((int)f.shape(0) == h && (int)f.shape(1) == w, "faint_mean: frames are like mean");
    parallel_rows(h, 16, [&](int y0, int y1) {
        std::vector<uint32_t> sum(w);
        for (int y = y0; y < y1; y++) {
            std::fill(sum.begin(), sum.end(), 0u);
            uint32_t *__restrict s = sum.data();
            for (auto &f : frames) {
                const uint16_t *__restrict in = f.data() + (size_t)y * w;
                for (int x = 0; x < w; x++) s[x] += in[x];
            }
            uint16_t *__restrict to = mean.data() + (size_t)y * w;
            for (int x = 0; x < w; x++) {
                const float v = (float)(int32_t)s[x] * factor + 0.5f;
                to[x] = (uint16_t)(int32_t)(v < 65535.0f ? v : 65535.0f);
            }
        }
    });
}
KERNEL("faint_mean", faint_mean, "frames"_a, "factor"_a, "mean"_a)
