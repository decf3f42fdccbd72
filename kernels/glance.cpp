// SPDX-License-Identifier: Apache-2.0
// What is measured of the digital numbers of a frame in passing: the light of blocks, and how sharp it is.
// The use of it stands in capture/exposures.py and capture/glance.py.
#include "kernel.h"

namespace {

// Add a row of photosites to those above it, and keep the largest.
void below(const uint16_t *__restrict in, uint32_t *__restrict sum, uint16_t *__restrict top, int n) {
    for (int x = 0; x < n; x++) sum[x] += in[x];
    for (int x = 0; x < n; x++) top[x] = top[x] > in[x] ? top[x] : in[x];
}

// Mean and maximum of whole blocks of side x side photosites.
void light_blocks(In<uint16_t, 2> dn, int side, Out<float, 2> mean, Out<uint16_t, 2> most) {
    const int w = dn.shape(1), nb = mean.shape(0), mb = mean.shape(1);
    need(side > 0 && side <= 256 && nb == (int)dn.shape(0) / side && mb == w / side, "light_blocks: mean is (h/side, w/side)");
    need((int)most.shape(0) == nb && (int)most.shape(1) == mb, "light_blocks: most is like mean");
    parallel_rows(nb, 4, [&](int j0, int j1) {
        std::vector<uint32_t> sum(mb * (size_t)side);
        std::vector<uint16_t> top(mb * (size_t)side);
        for (int j = j0; j < j1; j++) {
            std::fill(sum.begin(), sum.end(), 0u);
            std::fill(top.begin(), top.end(), (uint16_t)0);
            for (int y = j * side; y < (j + 1) * side; y++) below(dn.data() + (size_t)y * w, sum.data(), top.data(), mb * side);
            for (int i = 0; i < mb; i++) {
                uint64_t s = 0;
                uint16_t t = 0;
                for (int x = i * side; x < (i + 1) * side; x++) s += sum[x], t = std::max(t, top[x]);
                mean.data()[(size_t)j * mb + i] = (float)((double)s / ((double)side * side));
                most.data()[(size_t)j * mb + i] = t;
            }
        }
    });
}

// Mean energy of the Laplacian of 4 x 4 means of the digital numbers, in every fourth band of 64 rows: how sharp a frame is
// compared with others of its burst, whose noise is the same.
double sharpness(In<uint16_t, 2> dn) {
    const int h = dn.shape(0) / 4, w = dn.shape(1) / 4, W = dn.shape(1), band = 16, bands = std::max(1, h / (4 * band));
    if (h < 3 || w < 3) return 0;
    std::vector<double> sums(bands, 0.0);
    parallel(bands, [&](int b) {
        const int y0 = b * 4 * band, n = std::min(h - y0, band);
        std::vector<float> mean((size_t)n * w);
        for (int j = 0; j < n; j++)
            for (int k = 0; k < 4; k++) {
                const uint16_t *p = dn.data() + (size_t)(4 * (y0 + j) + k) * W;
                float *o = &mean[(size_t)j * w];
                for (int x = 0; x < w; x++) o[x] += (float)(p[4 * x] + p[4 * x + 1] + p[4 * x + 2] + p[4 * x + 3]);
            }
        double total = 0;
        for (int j = 1; j < n - 1; j++) {
            const float *p = &mean[(size_t)j * w];
            float row = 0;
            for (int x = 1; x < w - 1; x++) {
                const float l = 4 * p[x] - p[x - 1] - p[x + 1] - p[x - w] - p[x + w];
                row += l * l;
            }
            total += row;
        }
        sums[b] = total;
    });
    double total = 0;
    for (double v : sums) total += v;
    return total;
}

}  // namespace

KERNEL("light_blocks", light_blocks, "dn"_a, "side"_a, "mean"_a, "most"_a)
KERNEL("sharpness", sharpness, "dn"_a)
