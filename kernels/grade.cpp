// SPDX-License-Identifier: Apache-2.0
// The look: vignette, curve (per channel and by norm), colour in Oklab.
#include "grade.h"

static void grade(In<float, 3> rgb, In<float, 1> knobs, In<float, 3> matrices, Out<float, 3> out) {
    need(rgb.shape(2) == 3 && knobs.size() == look::KNOBS && matrices.size() == 45,
         "grade: rgb h w 3, knobs 36, matrices 5 3 3");
    need(rgb.shape(0) == out.shape(0) && rgb.shape(1) == out.shape(1) && out.shape(2) == 3, "grade: out is like rgb");
    const look::Look look(knobs.data(), matrices.data());
    const int h = (int)rgb.shape(0), w = (int)rgb.shape(1);
    const float cy = 0.5f * (float)(h - 1), cx = 0.5f * (float)(w - 1);
    const float inverse = 1.0f / std::max(cy * cy + cx * cx, 1e-6f);
    parallel_rows(h, 4, [&](int y0, int y1) {
        auto strip = std::make_unique<look::Strip>();
        look::Strip &s = *strip;
        for (int y = y0; y < y1; y++)
            for (int x0 = 0; x0 < w; x0 += look::N) {
                const int n = std::min(look::N, w - x0);
                const size_t start = 3 * ((size_t)y * w + x0);
                look::light(s, rgb.data() + start, n, look, {(float)y - cy, (float)x0 - cx, 1.0f, inverse});
                look::powers(s, n, look);
                look::curve(s, n, look);
                look::colour(s, n, look);
                float *to = out.data() + start;
                for (int i = 0; i < n; i++) {
                    to[3 * i] = s.rgb[0][i];
                    to[3 * i + 1] = s.rgb[1][i];
                    to[3 * i + 2] = s.rgb[2][i];
                }
            }
    });
}
KERNEL("grade", grade, "rgb"_a, "knobs"_a, "matrices"_a, "out"_a)
