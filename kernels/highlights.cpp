// SPDX-License-Identifier: Apache-2.0
// Clipped colours from the unclipped ones: the offset of each colour's cube root from their mean is taken around the
// clipped places, carried into them by pull-push, and added to what the unclipped colours say.
#include "kernel.h"

namespace {
constexpr int BLOCK = 8;

inline float root3(float x) { return x > 0.0f ? exp2_(log2_(x) * (1.0f / 3.0f)) : 0.0f; }

// Offsets e[c] = cbrt(x[c]) - mean of the three, and how much they count, on a coarser and coarser raster.
struct Level {
    int h, w;
    std::vector<float> offset[3], weight;
    Level(int h_, int w_) : h(h_), w(w_), weight((size_t)h_ * w_) {
        for (auto &o : offset) o.resize((size_t)h_ * w_);
    }
};

Level measured(const float *rgb, const uint8_t *clipped, const float *gain, int h, int w) {
    Level level((h + BLOCK - 1) / BLOCK, (w + BLOCK - 1) / BLOCK);
    std::vector<uint8_t> touched(level.weight.size(), 0);
    parallel_rows(level.h, 4, [&](int j0, int j1) {
        for (int j = j0; j < j1; j++)
            for (int y = j * BLOCK; y < std::min(h, (j + 1) * BLOCK); y++)
                for (int x = 0; x < w; x++) touched[(size_t)j * level.w + x / BLOCK] |= clipped[(size_t)y * w + x];
    });
    parallel_rows(level.h, 4, [&](int j0, int j1) {
        for (int j = j0; j < j1; j++)
            for (int i = 0; i < level.w; i++) {
                uint8_t bits = 0;
                for (int dj = -1; dj <= 1; dj++)
                    for (int di = -1; di <= 1; di++)
                        bits |= touched[(size_t)clampi(j + dj, 0, level.h - 1) * level.w + clampi(i + di, 0, level.w - 1)];
                // sensors bend before they clip: where anything near is clipped, ask only if nobody else knows
                const float trust = bits ? 1e-3f : 1.0f;
                float sum[3] = {0, 0, 0}, total = 0.0f;
                for (int y = j * BLOCK + 1; y < std::min(h, (j + 1) * BLOCK); y += 3)
                    for (int x = i * BLOCK + 1; x < std::min(w, (i + 1) * BLOCK); x += 3) {
                        size_t at = (size_t)y * w + x;
                        const float *p = rgb + 3 * at;
                        float near = std::max(p[0] / gain[0], std::max(p[1] / gain[1], p[2] / gain[2]));
                        if (clipped[at] || !(std::min(p[0], std::min(p[1], p[2])) > 0.0f) || !(near < 64.0f)) continue;
                        if (near < 0.0625f) continue;
                        near = std::min(near, 1.0f);
                        float weight = trust * near * near * near * near;  // what is nearly as bright says most
                        float r = root3(p[0]), g = root3(p[1]), b = root3(p[2]), mean = (r + g + b) * (1.0f / 3.0f);
                        sum[0] += weight * (r - mean);
                        sum[1] += weight * (g - mean);
                        sum[2] += weight * (b - mean);
                        total += weight;
                    }
                size_t n = (size_t)j * level.w + i;
                for (int c = 0; c < 3; c++) level.offset[c][n] = total > 0.0f ? sum[c] / total : 0.0f;
                level.weight[n] = total * (1.0f / 9.0f);
            }
    });
    return level;
}

Level coarser(const Level &fine) {
    Level made((fine.h + 1) / 2, (fine.w + 1) / 2);
    for (int j = 0; j < made.h; j++)
        for (int i = 0; i < made.w; i++) {
            float sum[3] = {0, 0, 0}, total = 0.0f;
            for (int y = 2 * j; y < std::min(fine.h, 2 * j + 2); y++)
                for (int x = 2 * i; x < std::min(fine.w, 2 * i + 2); x++) {
                    size_t n = (size_t)y * fine.w + x;
                    for (int c = 0; c < 3; c++) sum[c] += fine.weight[n] * fine.offset[c][n];
                    total += fine.weight[n];
                }
            size_t n = (size_t)j * made.w + i;
            for (int c = 0; c < 3; c++) made.offset[c][n] = total > 0.0f ? sum[c] / total : 0.0f;
            made.weight[n] = total < 1.0f ? total : 1.0f;
        }
    return made;
}

float bilinear(const std::vector<float> &v, int h, int w, float y, float x) {
    y = y < 0.0f ? 0.0f : y > (float)(h - 1) ? (float)(h - 1) : y;
    x = x < 0.0f ? 0.0f : x > (float)(w - 1) ? (float)(w - 1) : x;
    int j = (int)y, i = (int)x, j1 = std::min(j + 1, h - 1), i1 = std::min(i + 1, w - 1);
    float t = y - (float)j, s = x - (float)i;
    float a = v[(size_t)j * w + i] + s * (v[(size_t)j * w + i1] - v[(size_t)j * w + i]);
    float b = v[(size_t)j1 * w + i] + s * (v[(size_t)j1 * w + i1] - v[(size_t)j1 * w + i]);
    return a + t * (b - a);
}

void fill(Level &fine, const Level &coarse) {  // where little is known, the coarser raster speaks
    parallel_rows(fine.h, 16, [&](int j0, int j1) {
        for (int j = j0; j < j1; j++)
            for (int i = 0; i < fine.w; i++) {
                size_t n = (size_t)j * fine.w + i;
                float own = fine.weight[n] < 0.25f ? fine.weight[n] * 4.0f : 1.0f;
                if (own == 1.0f) continue;
                for (int c = 0; c < 3; c++) {
                    float far = bilinear(coarse.offset[c], coarse.h, coarse.w, 0.5f * (float)j - 0.25f,
                                         0.5f * (float)i - 0.25f);
                    fine.offset[c][n] = own * fine.offset[c][n] + (1.0f - own) * far;
                }
            }
    });
}

// How clipped a pixel is, 0 … 1 per colour: the mean of the bits over 5 × 5 pixels.
void softened(const uint8_t *clipped, int h, int w, int y, int *column, float *out) {
    for (int x = 0; x < w; x++) {
        int s = 0;
        for (int d = -2; d <= 2; d++) {
            int bits = clipped[(size_t)clampi(y + d, 0, h - 1) * w + x];
            s += (bits & 1) | (bits & 2) << 7 | (bits & 4) << 14;  // three counters in one number
        }
        column[x] = s;
    }
    for (int x = 0; x < w; x++) {
        int s = 0;
        for (int d = -2; d <= 2; d++) s += column[clampi(x + d, 0, w - 1)];
        for (int c = 0; c < 3; c++) out[3 * x + c] = (float)(s >> (8 * c) & 255) * (1.0f / 25.0f);
    }
}

void rebuild(const float *p, const float *bits, const float *gain, const float *measured, float *to) {
    // where two are clipped, the third one near its end may have been bent: it follows them
    float soft[3];
    for (int c = 0; c < 3; c++) {
        float near = (p[c] / gain[c] - 0.85f) * 8.0f, others = std::min(bits[(c + 1) % 3], bits[(c + 2) % 3]);
        soft[c] = std::max(bits[c], others * (near > 0.0f ? (near < 1.0f ? near : 1.0f) : 0.0f));
    }
    const float known = 3.0f - (soft[0] + soft[1] + soft[2]), sure = known < 1.0f ? known : 1.0f;
    float root[3];
    for (int c = 0; c < 3; c++) root[c] = root3(p[c]);
    // what the unclipped colours say; where there are none, the least light that explains every colour
    auto brightness = [&](const float *e) {
        float level = 0.0f, least = -1e30f;
        for (int c = 0; c < 3; c++) {
            level += (1.0f - soft[c]) * (root[c] - e[c]);
            least = std::max(least, root[c] - e[c]);
        }
        return known > 1e-6f ? sure * level / known + (1.0f - sure) * least : least;
    };
    // colour fades from where the first colour clips to where a grey clips in all three: no step in between
    const float ceiling = std::max(1.15f, std::max(gain[0], std::max(gain[1], gain[2])));
    float fade = 3.0f * log2_(brightness(measured)) / log2_(1.5f * ceiling);
    fade = fade > 0.0f ? fade < 1.0f ? fade : 1.0f : 0.0f;
    const float keep = 1.0f - fade * fade * (3.0f - 2.0f * fade);
    float offset[3] = {keep * measured[0], keep * measured[1], keep * measured[2]};
    // bright things are seldom magenta: a clipped green may lag behind by a quarter of what was measured
    const float less = offset[1] < 0.0f ? 0.75f * soft[1] * offset[1] : 0.0f;
    offset[0] += 0.5f * less;
    offset[1] -= less;
    offset[2] += 0.5f * less;
    const float said = brightness(measured);
    float level = said;  // every clipped colour is at least what the sensor saw: a flame is yellow, not red
    for (int c = 0; c < 3; c++) level = std::max(level, said + soft[c] * (root[c] - measured[c] - said));
    for (int c = 0; c < 3; c++) {
        float wanted = level + offset[c];
        wanted = wanted * wanted * wanted - p[c];
        to[c] = wanted > 0.0f ? p[c] + soft[c] * wanted : p[c];
    }
}
}  // namespace

static void highlights(In<float, 3> rgb, In<uint8_t, 2> clipped, In<float, 1> gain, Out<float, 3> out) {
    need(rgb.shape(2) == 3 && gain.size() == 3, "highlights: rgb is h w 3, gain 3");
    need(clipped.shape(0) == rgb.shape(0) && clipped.shape(1) == rgb.shape(1), "highlights: clipped is h w");
    need(out.shape(0) == rgb.shape(0) && out.shape(1) == rgb.shape(1) && out.shape(2) == 3, "highlights: out is like rgb");
    const int h = (int)rgb.shape(0), w = (int)rgb.shape(1);
    std::vector<Level> levels;
    levels.push_back(measured(rgb.data(), clipped.data(), gain.data(), h, w));
    while (levels.back().h > 1 || levels.back().w > 1) levels.push_back(coarser(levels.back()));
    for (size_t i = levels.size() - 1; i-- > 0;) fill(levels[i], levels[i + 1]);
    const Level &field = levels[0];

    parallel_rows(h, 16, [&](int y0, int y1) {
        std::vector<int> column(w);
        std::vector<float> soft((size_t)3 * w);
        for (int y = y0; y < y1; y++) {
            const float *p = rgb.data() + (size_t)3 * w * y;
            float *to = out.data() + (size_t)3 * w * y;
            std::copy(p, p + (size_t)3 * w, to);
            bool any = false;
            for (int d = -2; d <= 2 && !any; d++) {
                const uint8_t *row = clipped.data() + (size_t)clampi(y + d, 0, h - 1) * w;
                uint8_t bits = 0;
                for (int x = 0; x < w; x++) bits |= row[x];
                any = bits != 0;
            }
            if (!any) continue;
            softened(clipped.data(), h, w, y, column.data(), soft.data());
            for (int x = 0; x < w; x++) {
                const float *s = &soft[(size_t)3 * x];
                if (s[0] + s[1] + s[2] == 0.0f) continue;
                float offset[3];
                for (int c = 0; c < 3; c++)
                    offset[c] = bilinear(field.offset[c], field.h, field.w, ((float)y - 0.5f * (BLOCK - 1)) / BLOCK,
                                         ((float)x - 0.5f * (BLOCK - 1)) / BLOCK);
                rebuild(p + 3 * x, s, gain.data(), offset, to + 3 * x);
            }
        }
    });
}
KERNEL("highlights", highlights, "rgb"_a, "clipped"_a, "gain"_a, "out"_a)
