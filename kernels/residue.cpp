// SPDX-License-Identifier: Apache-2.0
// Mean of blocks all over a picture, and their variance about a sloping plane.  The use of it stands in publish/residue.py.
#include "kernel.h"

namespace {

constexpr int SIDE = 32, LANES = 8;

// `side` x side samples, side a multiple of 8.
void moments(const float *v, int side, double &mean, double &variance) {
    const int n = side * side;
    double sum = 0;
    for (int y = 0; y < side; y++) {
        float lane[LANES] = {};
        for (int x = 0; x < side; x += LANES)
            for (int l = 0; l < LANES; l++) lane[l] += v[y * side + x + l];
        for (float t : lane) sum += t;
    }
    mean = sum / n;
    const float middle = (float)mean, centre = 0.5f * (side - 1);
    double total = 0, rest = 0, down = 0, across = 0, norm = 0;
    for (int y = 0; y < side; y++) {
        float d1[LANES] = {}, d2[LANES] = {}, dx[LANES] = {};
        for (int x = 0; x < side; x += LANES)
            for (int l = 0; l < LANES; l++) {
                const float d = v[y * side + x + l] - middle;
                d1[l] += d, d2[l] += d * d, dx[l] += d * ((float)(x + l) - centre);
            }
        double row = 0;
        for (int l = 0; l < LANES; l++) row += d1[l], total += d2[l], across += dx[l];
        rest += row;
        down += row * (y - centre);
        norm += side * (double)((y - centre) * (y - centre));
    }
    variance = (total - rest * rest / n - (down * down + across * across) / norm) / (n - 3);
}

// Blocks of 32 x 32 pixels every `step`, whole ones; with a pattern of 2 x 2 only the sites of each colour.
void residue_moments(In<float, 3> light, int step, In<int32_t, 1> pattern, Out<double, 2> mean, Out<double, 2> variance) {
    const int h = light.shape(0), w = light.shape(1), across = (w - SIDE) / step + 1, down = (h - SIDE) / step + 1;
    need(light.shape(2) == 3 && step > 0 && h >= SIDE && w >= SIDE, "residue_moments: light");
    need(pattern.shape(0) == 0 || (pattern.shape(0) == 4 && step % 2 == 0), "residue_moments: pattern");
    for (auto *a : {&mean, &variance})
        need(a->shape(0) == 3 && (int)a->shape(1) == down * across, "residue_moments: out is (3, n)");
    const int every = pattern.shape(0) ? 2 : 1, side = SIDE / every;
    parallel(down, [&](int j) {
        float v[SIDE * SIDE];
        for (int i = 0; i < across; i++)
            for (int c = 0; c < 3; c++) {
                int first = 0;
                while (every == 2 && first < 3 && pattern(first) != c) first++;
                const float *in = light.data() + 3 * ((size_t)(j * step + first / 2) * w + i * step + first % 2) + c;
                for (int y = 0; y < side; y++)
                    for (int x = 0; x < side; x++) v[y * side + x] = in[3 * every * ((size_t)y * w + x)];
                const size_t at = (size_t)c * down * across + j * across + i;
                moments(v, side, mean.data()[at], variance.data()[at]);
            }
    });
}

}  // namespace

KERNEL("residue_moments", residue_moments, "light"_a, "step"_a, "pattern"_a, "mean"_a, "variance"_a)
