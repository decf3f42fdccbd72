// SPDX-License-Identifier: Apache-2.0
// Integer histogram of log2 luminance, and the multiplication that follows from it.
#include "kernel.h"

// counts[i] counts luminances of 2^(low + i / steps); pixels near the centre count up to four times.
static void luminance_histogram(In<float, 3> rgb, In<float, 1> weights, float low, float steps, Out<int64_t, 1> counts) {
    need(rgb.shape(2) == 3 && weights.size() == 3, "luminance_histogram: rgb is h w 3, weights 3");
    const int h = (int)rgb.shape(0), w = (int)rgb.shape(1), bins = (int)counts.size(), band = 128;
    const float *k = weights.data();
    const int bands = (h + band - 1) / band;
    std::vector<int64_t> parts((size_t)bands * bins, 0);
    auto middle = [](int i, int n) { return 8 * std::min(i, n - 1 - i) / n; };  // 0 at the edge … 3 in the middle
    const int half = (w + 1) / 2;  // every second pixel of every second row
    std::vector<uint8_t> across(half);
    for (int x = 0; x < half; x++) across[x] = (uint8_t)middle(2 * x, w);
    parallel(bands, [&](int b) {
        int64_t *part = &parts[(size_t)b * bins];
        std::vector<float> row(half);
        for (int y = b * band; y < std::min(h, (b + 1) * band); y += 2) {
            const float *p = rgb.data() + (size_t)3 * w * y;
            for (int x = 0; x < half; x++)
                row[x] = k[0] * p[6 * x] + k[1] * p[6 * x + 1] + k[2] * p[6 * x + 2];
            for (int x = 0; x < half; x++) {
                float l = row[x];
                float at = l > 0.0f && l < 3e38f ? (log2_(l) - low) * steps : 0.0f;
                row[x] = at > 0.0f ? (at < (float)(bins - 1) ? at : (float)(bins - 1)) : 0.0f;
            }
            const int down = middle(y, h);
            for (int x = 0; x < half; x++) part[(int)row[x]] += 1 + std::min((int)across[x], down);
        }
    });
    for (int i = 0; i < bins; i++) {
        int64_t sum = 0;
        for (int b = 0; b < bands; b++) sum += parts[(size_t)b * bins + i];
        counts.data()[i] = sum;
    }
}
KERNEL("luminance_histogram", luminance_histogram, "rgb"_a, "weights"_a, "low"_a, "steps"_a, "counts"_a)

static void exposure(In<float, 3> rgb, float factor, Out<float, 3> out) {
    need(rgb.size() == out.size(), "exposure: out is like rgb");
    const size_t row = rgb.shape(1) * rgb.shape(2);
    parallel_rows((int)rgb.shape(0), 32, [&](int y0, int y1) {
        for (size_t i = row * y0; i < row * y1; i++) out.data()[i] = rgb.data()[i] * factor;
    });
}
KERNEL("exposure", exposure, "rgb"_a, "factor"_a, "out"_a)
