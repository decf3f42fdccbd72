// SPDX-License-Identifier: Apache-2.0
// Local tone: a bilateral grid over (y, x, luminance) holds the gain, full-resolution pixels look it up.
#include "kernel.h"

namespace {
// Levels: two in every octave, at 1 and 1.5, so that a float's own bits say where between two of them it lies.
constexpr float LOWEST = -14.0f;  // log2 of the first
constexpr int LEVELS = 45;        // up to 2^8
constexpr int32_t ORIGIN = 0x38800000;  // the bits of 2^-14
constexpr float HALF_OCTAVE = 1.0f / (1 << 22);
constexpr float DARKEST = 6.103515625e-05f, BRIGHTEST = 255.99f;
constexpr int CHUNK = 512;
constexpr int NEAR = 5;           // levels whose light counts as one surface where it lies among the other's

float bounded(float y) {  // also NaN
    y = y > DARKEST ? y : DARKEST;
    return y < BRIGHTEST ? y : BRIGHTEST;
}
float level_of(float y) { return (float)(as_int(y) - ORIGIN) * HALF_OCTAVE; }  // of a bounded y
float light_of(int level) { return log2_(as_float(ORIGIN + level * (1 << 22))); }

struct Samples {  // one of every block × block pixels
    int block, h, w;
    std::vector<float> level, light, belief, right, down, rise;  // light: log2; right, down: how it goes on, in EV
    Samples(int y, int x, float cell)
        : block(std::max(4, (int)(cell / 6.0f))), h((y + block - 1) / block), w((x + block - 1) / block), level((size_t)h * w),
          light(level.size()), belief(level.size()), right(level.size()), down(level.size()), rise(level.size()) {}
};

struct Grid {
    int gy, gx;  // nodes in space; node (j, i) lies at pixel (j · cell, i · cell)
    float cell;  // pixels
    std::vector<float> sums, edges, gain;  // sums: of light, and how many; edges: how light rises right, down, at all
    Grid(int h, int w, float c) : gy((int)((h - 1) / c) + 2), gx((int)((w - 1) / c) + 2), cell(c),
                                  sums((size_t)gy * gx * LEVELS * 2), edges((size_t)gy * gx * 3) {}
};

// The mean of 2 × 2 pixels where they are alike, else one of them: a mean of both sides of an edge is neither.  Where
// in its block a sample lies is scattered, so that no texture beats with the samples.
void take(Samples &s, const float *rgb, int h, int w, const float *k) {
    const uint32_t room = (uint32_t)s.block - 1;
    parallel_rows(s.h, 8, [&](int b0, int b1) {
        for (int b = b0; b < b1; b++) {
            float *level = &s.level[(size_t)b * s.w], *light = &s.light[(size_t)b * s.w];
            for (int i = 0; i < s.w; i++) {
                uint32_t hash = ((uint32_t)b * 0x9e3779b1u ^ (uint32_t)i * 0x85ebca6bu) * 0xc2b2ae35u;
                const int y0 = b * s.block + (int)((hash >> 24) * room >> 8);
                const int x0 = i * s.block + (int)((hash >> 16 & 255) * room >> 8);
                const int x[2] = {3 * std::min(x0, w - 1), 3 * std::min(x0 + 1, w - 1)};
                float mean = 0.0f, low = 3e38f, high = -3e38f, y = 0.0f;
                for (int d = 0; d < 2; d++)
                    for (int at : x) {
                        const float *p = rgb + (size_t)3 * w * std::min(y0 + d, h - 1) + at;
                        y = k[0] * p[0] + k[1] * p[1] + k[2] * p[2];
                        low = y < low ? y : low;
                        high = y > high ? y : high;
                        mean += 0.25f * y;
                    }
                light[i] = bounded(high - low < 0.5f * mean ? mean : y);
            }
            for (int i = 0; i < s.w; i++) level[i] = level_of(light[i]);
            for (int i = 0; i < s.w; i++) light[i] = log2_(light[i]);
        }
    });
    parallel_rows(s.h, 8, [&](int b0, int b1) {
        for (int b = b0; b < b1; b++) {
            const float *own = &s.light[(size_t)b * s.w], *below = b + 1 < s.h ? own + s.w : own;
            float *right = &s.right[(size_t)b * s.w], *down = &s.down[(size_t)b * s.w];
            for (int i = 0; i + 1 < s.w; i++) right[i] = own[i + 1] - own[i];
            for (int i = 0; i < s.w; i++) down[i] = below[i] - own[i];
            float *belief = &s.belief[(size_t)b * s.w], *rise = &s.rise[(size_t)b * s.w];
            for (int i = 0; i < s.w; i++) {
                const float square = right[i] * right[i] + down[i] * down[i];
                belief[i] = 1.0f / (1.0f + 32.0f * square);  // a slope between two surfaces is neither
                rise[i] = std::sqrt(square);
            }
        }
    });
}

// One piece is one grid row, which gathers from the samples within a cell of it: no two pieces write the same node.
void splat(Grid &g, const Samples &s) {
    std::vector<int> node(s.w);
    std::vector<float> part(s.w);
    for (int i = 0; i < s.w; i++) {
        float at = ((float)(s.block * i) + 0.5f * (float)(s.block - 1)) / g.cell;
        node[i] = std::min((int)at, g.gx - 2);
        part[i] = at - (float)node[i];
    }
    parallel(g.gy, [&](int j) {
        float *sums = &g.sums[(size_t)j * g.gx * LEVELS * 2], *edges = &g.edges[(size_t)j * g.gx * 3];
        for (int b = 0; b < s.h; b++) {
            const float away = std::fabs(((float)(s.block * b) + 0.5f * (float)(s.block - 1)) / g.cell - (float)j);
            if (away >= 1.0f) continue;
            const size_t row = (size_t)b * s.w;
            for (int i = 0; i < s.w; i++) {
                const float l = s.light[row + i], at = s.level[row + i];
                const int k = std::min((int)at, LEVELS - 2);
                const float t = at - (float)k, belief = (1.0f - away) * s.belief[row + i];
                const float mix[4] = {belief * (1.0f - t) * l, belief * (1.0f - t), belief * t * l, belief * t};
                const float rise[3] = {s.right[row + i], s.down[row + i], s.rise[row + i]};
                float *to = sums + ((size_t)node[i] * LEVELS + k) * 2, *e = edges + 3 * node[i];
                const float far = part[i], close = 1.0f - far;
                for (int c = 0; c < 4; c++) to[c] += close * mix[c];
                for (int c = 0; c < 4; c++) to[2 * LEVELS + c] += far * mix[c];
                for (int c = 0; c < 3; c++) e[c] += (1.0f - away) * close * rise[c];
                for (int c = 0; c < 3; c++) e[3 + c] += (1.0f - away) * far * rise[c];
            }
        }
    });
}

// [1 4 6 4 1] / 16 along `length` of (outer, length, inner); what lies outside counts as empty.
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

// The mean over levels alike, `narrow` for edges and `wide` for texture; a level that nobody has keeps its own light.
struct Means {
    float near[LEVELS], wide[LEVELS];
};
void means(const float *sums, float empty, const float *light, Means &m) {
    constexpr int PAD = NEAR + 2;
    float v[2][LEVELS + 2 * PAD] = {}, box[2][LEVELS + 4];
    for (int k = 0; k < LEVELS; k++) v[0][k + PAD] = sums[2 * k], v[1][k + PAD] = sums[2 * k + 1];
    for (int a = 0; a < 2; a++)
        for (int k = 0; k < LEVELS + 4; k++) {
            float all = 0.0f;
            for (int d = 0; d < 2 * NEAR + 1; d++) all += k + d < LEVELS + 2 * PAD ? v[a][k + d] : 0.0f;
            box[a][k] = all;
        }
    auto smooth = [](const float *p) {
        return 0.0625f * (p[0] + p[4]) + 0.25f * (p[1] + p[3]) + 0.375f * p[2];
    };
    for (int k = 0; k < LEVELS; k++) {
        const float own = empty * light[k];
        m.near[k] = (smooth(&v[0][k + NEAR]) + own) / (smooth(&v[1][k + NEAR]) + empty);
        m.wide[k] = (smooth(&box[0][k]) + own) / (smooth(&box[1][k]) + empty);
    }
}

float lookup(const float *curve, int n, float l) {  // the curve covers the range of the grid
    float at = (l - LOWEST) * ((float)(n - 1) / (0.5f * (LEVELS - 1)));
    at = at < 0.0f ? 0.0f : at > (float)(n - 1) ? (float)(n - 1) : at;
    int i = std::min((int)at, n - 2);
    return curve[i] + (at - (float)i) * (curve[i + 1] - curve[i]);
}

// Sums become gains, as factors.
void gains(Grid &g, float samples, In<float, 1> move, In<float, 1> detail) {
    float light[LEVELS];
    g.gain.resize(g.sums.size() / 2);
    for (int k = 0; k < LEVELS; k++) light[k] = light_of(k);
    const float empty = 1e-3f * samples;
    parallel(g.gy, [&](int j) {
        Means m;
        for (int i = 0; i < g.gx; i++) {
            const size_t n = (size_t)j * g.gx + i;
            const float *e = &g.edges[3 * n];
            // 1 beside a lonely edge, where all rises one way; 0 in texture, where rises cancel
            float lonely = std::sqrt(e[0] * e[0] + e[1] * e[1]) / (e[2] + 1e-6f);
            lonely = (lonely - 0.2f) * 2.5f;
            lonely = lonely < 0.0f ? 0.0f : lonely > 1.0f ? 1.0f : lonely;
            means(&g.sums[n * LEVELS * 2], empty, light, m);
            float *gain = &g.gain[n * LEVELS], last = 0.0f;
            for (int k = 0; k < LEVELS; k++) {
                const float base = m.wide[k] + lonely * (m.near[k] - m.wide[k]);
                float d = light[k] - base;
                d = d < -1.0f ? -1.0f : d > 1.0f ? 1.0f : d;
                float v = lookup(move.data(), (int)move.size(), base);
                v += lookup(detail.data(), (int)detail.size(), base) * d;
                if (k > 0) v = std::max(v, last - 0.8f * (light[k] - light[k - 1]));  // brighter stays brighter
                gain[k] = last = v;
            }
            for (int k = 0; k < LEVELS; k++) gain[k] = exp2_(gain[k]);
        }
    });
}

// out = rgb · gain, between the eight nodes around each pixel.  Between two levels the light out, not the gain, is a
// straight line of the light in: what is brighter stays brighter.
void apply(const Grid &g, In<float, 3> rgb, const float *k, Out<float, 3> out) {
    const int h = (int)rgb.shape(0), w = (int)rgb.shape(1);
    const float k0 = k[0], k1 = k[1], k2 = k[2];
    std::vector<int> node(w);
    std::vector<float> part(w);
    for (int x = 0; x < w; x++) {
        float at = (float)x / g.cell;
        node[x] = std::min((int)at, g.gx - 2);
        part[x] = at - (float)node[x];
        node[x] *= LEVELS;
    }
    float step[LEVELS];  // from a level to the next
    for (int q = 0; q < LEVELS; q++) step[q] = q & 1 ? 4.0f / 3.0f : 1.5f;
    parallel_rows(h, 8, [&](int y0, int y1) {
        std::vector<float> slab((size_t)g.gx * LEVELS), corners((size_t)4 * g.gx * LEVELS);
        float level[CHUNK], share[CHUNK];
        for (int y = y0; y < y1; y++) {
            const float at = (float)y / g.cell;
            const int j = std::min((int)at, g.gy - 2);
            const float t = at - (float)j;
            const float *above = &g.gain[(size_t)j * g.gx * LEVELS], *below = above + g.gx * LEVELS;
            for (int x0 = 0; x0 < w; x0 += CHUNK) {  // few enough pixels for the nearest cache
                const int many = std::min(CHUNK, w - x0);
                const float *p = rgb.data() + ((size_t)w * y + x0) * 3, *beyond = &part[x0];
                const int *from = &node[x0];
                for (int x = 0; x < many; x++)
                    level[x] = level_of(bounded(k0 * p[3 * x] + k1 * p[3 * x + 1] + k2 * p[3 * x + 2]));
                int32_t lowest = 0x7fffffff, highest = 0;  // bits of positive floats rise with them
                for (int x = 0; x < many; x++) {
                    const int32_t bits = as_int(level[x]);
                    lowest = bits < lowest ? bits : lowest;
                    highest = bits > highest ? bits : highest;
                }
                const int first = (int)as_float(lowest), last = (int)as_float(highest);
                const int left = from[0] / LEVELS, right = from[many - 1] / LEVELS;
                for (int i = left; i <= right + 1; i++)
                    for (int n = i * LEVELS + first; n <= i * LEVELS + last + 1; n++)
                        slab[n] = above[n] + t * (below[n] - above[n]);
                for (int i = left; i <= right; i++)
                    for (int q = first; q <= last; q++) {  // what a pixel needs, side by side
                        const int n = i * LEVELS + q;
                        const float a = slab[n], b = slab[n + LEVELS], up = slab[n + 1] * step[q] - a;
                        corners[4 * n] = a;
                        corners[4 * n + 1] = up;
                        corners[4 * n + 2] = b - a;
                        corners[4 * n + 3] = slab[n + LEVELS + 1] * step[q] - b - up;
                    }
                for (int x = 0; x < many; x++) {
                    const int q = (int)level[x];
                    share[x] = 1.0f / (1.0f + (level[x] - (float)q) * (q & 1 ? 1.0f / 3.0f : 0.5f));
                }
                for (int x = 0; x < many; x++) {
                    const int q = (int)level[x];
                    const float *c = &corners[(size_t)4 * (from[x] + q)], f = level[x] - (float)q;
                    share[x] *= c[0] + f * c[1] + beyond[x] * (c[2] + f * c[3]);
                }
                float *to = out.data() + ((size_t)w * y + x0) * 3;
                for (int x = 0; x < many; x++) {
                    to[3 * x] = p[3 * x] * share[x];
                    to[3 * x + 1] = p[3 * x + 1] * share[x];
                    to[3 * x + 2] = p[3 * x + 2] * share[x];
                }
            }
        }
    });
}
}  // namespace

// out = rgb · 2^(move(base) + detail(base) · (l - base)), l the log2 luminance of a pixel, base its edge-keeping mean.
static void tone(In<float, 3> rgb, In<float, 1> weights, In<float, 1> move, In<float, 1> detail, float cell, int spread,
                 Out<float, 3> out) {
    need(rgb.shape(2) == 3 && weights.size() == 3, "tone: rgb is h w 3, weights 3");
    need(move.size() >= 2 && detail.size() >= 2, "tone: move and detail are 2 or more");
    need(rgb.shape(0) == out.shape(0) && rgb.shape(1) == out.shape(1) && out.shape(2) == 3, "tone: out is like rgb");
    need(cell >= 1.0f && spread >= 1, "tone: cell and spread are at least 1");
    const int h = (int)rgb.shape(0), w = (int)rgb.shape(1);
    if (h == 0 || w == 0) return;
    Grid g(h, w, cell);
    int block;
    {
        Samples s(h, w, cell);
        block = s.block;
        take(s, rgb.data(), h, w, weights.data());
        splat(g, s);
    }
    std::vector<float> scratch;
    for (int i = 0; i < spread; i++)
        for (auto *v : {&g.sums, &g.edges}) {
            const int inner = v == &g.edges ? 3 : 2 * LEVELS;
            blur(*v, g.gy, g.gx, inner, scratch);
            blur(*v, 1, g.gy, g.gx * inner, scratch);
        }
    gains(g, cell * cell / (float)(block * block), move, detail);
    apply(g, rgb, weights.data(), out);
}
KERNEL("tone", tone, "rgb"_a, "weights"_a, "move"_a, "detail"_a, "cell"_a, "spread"_a, "out"_a)
