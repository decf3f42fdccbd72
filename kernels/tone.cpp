// SPDX-License-Identifier: Apache-2.0
// Local tone: a bilateral grid over (y, x, log2 luminance) holds the gain, full-resolution pixels look it up.
#include "kernel.h"

namespace {
constexpr float LOWEST = -16.0f, STEP = 0.5f;  // log2 of the first bin, EV a bin
constexpr int BINS = 65;                       // up to +16
constexpr int BLOCK = 4;                       // pixels between samples that enter the grid

struct Grid {
    int gy, gx;       // nodes in space; node (j, i) lies at pixel (j · cell, i · cell)
    float cell;       // pixels
    std::vector<float> sum, count;
    Grid(int h, int w, float c) : gy((int)((h - 1) / c) + 2), gx((int)((w - 1) / c) + 2), cell(c),
                                  sum((size_t)gy * gx * BINS), count((size_t)gy * gx * BINS) {}
};

// log2 of the luminance of every BLOCK-th 2 × 2 pixels: few enough not to mix what lies either side of an edge
std::vector<float> samples_of(const float *rgb, int h, int w, const float *k, int bh, int bw) {
    std::vector<float> made((size_t)bh * bw);
    parallel_rows(bh, 8, [&](int b0, int b1) {
        for (int b = b0; b < b1; b++) {
            float *row = &made[(size_t)b * bw];
            const float *rows[2];
            for (int d = 0; d < 2; d++) rows[d] = rgb + (size_t)3 * w * std::min(b * BLOCK + 1 + d, h - 1);
            for (int i = 0; i < bw; i++) {
                const int x[2] = {3 * std::min(i * BLOCK + 1, w - 1), 3 * std::min(i * BLOCK + 2, w - 1)};
                float s = 0.0f;
                for (const float *p : rows)
                    for (int at : x) s += k[0] * p[at] + k[1] * p[at + 1] + k[2] * p[at + 2];
                row[i] = s > 6.4e-5f ? 0.25f * s : 1.6e-5f;  // also NaN
            }
            for (int i = 0; i < bw; i++) {
                float l = log2_(row[i]);
                row[i] = l < 15.9f ? l : 15.9f;
            }
        }
    });
    return made;
}

// One piece is one grid row, which gathers from the samples within a cell of it: no two pieces write the same node.
void splat(Grid &g, const std::vector<float> &samples, int bh, int bw) {
    std::vector<int> node(bw);
    std::vector<float> part(bw);
    for (int i = 0; i < bw; i++) {
        float at = (BLOCK * (float)i + 0.5f * (BLOCK - 1)) / g.cell;
        node[i] = std::min((int)at, g.gx - 2);
        part[i] = at - (float)node[i];
    }
    parallel(g.gy, [&](int j) {
        float *sum = &g.sum[(size_t)j * g.gx * BINS], *count = &g.count[(size_t)j * g.gx * BINS];
        for (int b = 0; b < bh; b++) {
            float away = std::fabs((BLOCK * (float)b + 0.5f * (BLOCK - 1)) / g.cell - (float)j);
            if (away >= 1.0f) continue;
            for (int i = 0; i < bw; i++) {
                float l = samples[(size_t)b * bw + i], at = (l - LOWEST) * (1.0f / STEP);
                int k = std::min((int)at, BINS - 2);
                float t = at - (float)k;
                for (int side = 0; side < 2; side++) {
                    float weight = (1.0f - away) * (side ? part[i] : 1.0f - part[i]);
                    size_t n = (size_t)(node[i] + side) * BINS + k;
                    count[n] += weight * (1.0f - t);
                    count[n + 1] += weight * t;
                    sum[n] += weight * (1.0f - t) * l;
                    sum[n + 1] += weight * t * l;
                }
            }
        }
    });
}

// [1 4 6 4 1] / 16 along one axis of a (rows, BINS) slab or across rows; what lies outside counts as empty.
void blur(std::vector<float> &v, int outer, int length, int inner, std::vector<float> &scratch) {
    scratch.resize(v.size());
    parallel(outer, [&](int o) {
        const float *in = &v[(size_t)o * length * inner];
        float *out = &scratch[(size_t)o * length * inner];
        const float tap[5] = {0.0625f, 0.25f, 0.375f, 0.25f, 0.0625f};
        for (int i = 0; i < length; i++) {
            float *to = out + (size_t)i * inner;
            std::fill(to, to + inner, 0.0f);
            for (int d = -2; d <= 2; d++) {
                if (i + d < 0 || i + d >= length) continue;
                const float *from = in + (size_t)(i + d) * inner;
                for (int q = 0; q < inner; q++) to[q] += tap[d + 2] * from[q];
            }
        }
    });
    v.swap(scratch);
}

float lookup(const float *curve, int n, float l) {  // the curve covers the range of the grid
    float at = (l - LOWEST) * ((float)(n - 1) / (STEP * (BINS - 1)));
    at = at < 0.0f ? 0.0f : at > (float)(n - 1) ? (float)(n - 1) : at;
    int i = std::min((int)at, n - 2);
    return curve[i] + (at - (float)i) * (curve[i + 1] - curve[i]);
}
}  // namespace

// out = rgb · 2^(curve(base) + clarity · (l - base)), l the log2 luminance of a pixel, base its edge-keeping mean.
static void tone(In<float, 3> rgb, In<float, 1> weights, In<float, 1> curve, float clarity, float cell, int spread,
                 Out<float, 3> out) {
    need(rgb.shape(2) == 3 && weights.size() == 3 && curve.size() >= 2, "tone: rgb is h w 3, weights 3, curve 2 or more");
    need(rgb.shape(0) == out.shape(0) && rgb.shape(1) == out.shape(1) && out.shape(2) == 3, "tone: out is like rgb");
    need(cell >= 1.0f && spread >= 1, "tone: cell and spread are at least 1");
    const int h = (int)rgb.shape(0), w = (int)rgb.shape(1);
    if (h == 0 || w == 0) return;
    const float k0 = weights.data()[0], k1 = weights.data()[1], k2 = weights.data()[2];
    const int bh = (h + BLOCK - 1) / BLOCK, bw = (w + BLOCK - 1) / BLOCK;
    Grid g(h, w, cell);
    {
        auto samples = samples_of(rgb.data(), h, w, weights.data(), bh, bw);
        splat(g, samples, bh, bw);
    }
    std::vector<float> scratch;
    for (auto *v : {&g.sum, &g.count}) {
        blur(*v, g.gy * g.gx, BINS, 1, scratch);
        for (int i = 0; i < spread; i++) {
            blur(*v, g.gy, g.gx, BINS, scratch);
            blur(*v, 1, g.gy, g.gx * BINS, scratch);
        }
    }
    std::vector<float> &gain = g.sum;
    parallel(g.gy, [&](int j) {
        for (int i = 0; i < g.gx; i++)
            for (int k = 0; k < BINS; k++) {
                size_t n = ((size_t)j * g.gx + i) * BINS + k;
                float own = LOWEST + STEP * (float)k;
                float base = (g.sum[n] + 1e-4f * own) / (g.count[n] + 1e-4f);  // an empty node keeps its own level
                float detail = own - base;
                detail = detail < -1.0f ? -1.0f : detail > 1.0f ? 1.0f : detail;
                gain[n] = lookup(curve.data(), (int)curve.size(), base) + clarity * detail;
            }
    });

    std::vector<int> node(w);
    std::vector<float> part(w);
    for (int x = 0; x < w; x++) {
        float at = (float)x / g.cell;
        node[x] = std::min((int)at, g.gx - 2);
        part[x] = at - (float)node[x];
        node[x] *= BINS;
    }
    parallel_rows(h, 8, [&](int y0, int y1) {
        std::vector<float> slab((size_t)g.gx * BINS), level(w);
        for (int y = y0; y < y1; y++) {
            float at = (float)y / g.cell;
            int j = std::min((int)at, g.gy - 2);
            float t = at - (float)j;
            const float *above = &gain[(size_t)j * g.gx * BINS], *below = above + (size_t)g.gx * BINS;
            for (size_t n = 0; n < slab.size(); n++) slab[n] = above[n] + t * (below[n] - above[n]);
            const float *p = rgb.data() + (size_t)3 * w * y;
            float *to = out.data() + (size_t)3 * w * y;
            for (int x = 0; x < w; x++) {
                float l = log2_(k0 * p[3 * x] + k1 * p[3 * x + 1] + k2 * p[3 * x + 2]);
                l = (l - LOWEST) * (1.0f / STEP);
                level[x] = l > 0.0f ? (l < (float)(BINS - 1) ? l : (float)(BINS - 1)) : 0.0f;
            }
            const float *s = slab.data();
            for (int x = 0; x < w; x++) {
                int k = (int)level[x];
                k = k < BINS - 2 ? k : BINS - 2;
                float f = level[x] - (float)k;
                int n = node[x] + k;
                float a = s[n] + f * (s[n + 1] - s[n]), b = s[n + BINS] + f * (s[n + BINS + 1] - s[n + BINS]);
                level[x] = a + part[x] * (b - a);
            }
            for (int x = 0; x < w; x++) {
                float e = exp2_(level[x]);
                to[3 * x] = p[3 * x] * e;
                to[3 * x + 1] = p[3 * x + 1] * e;
                to[3 * x + 2] = p[3 * x + 2] * e;
            }
        }
    });
}
KERNEL("tone", tone, "rgb"_a, "weights"_a, "curve"_a, "clarity"_a, "cell"_a, "spread"_a, "out"_a)
