// SPDX-License-Identifier: Apache-2.0
// numbers: light → the digital numbers of a DNG; overshoot: how far light exceeds the clip level.
#include "kernel.h"

static void scaled(const float *__restrict in, const float *scale, float top, int w, float *__restrict r, float *__restrict g,
                   float *__restrict b) {
    const float sr = scale[0], sg = scale[1], sb = scale[2];
    for (int x = 0; x < w; x++) {
        const float vr = in[3 * x] * sr, vg = in[3 * x + 1] * sg, vb = in[3 * x + 2] * sb;
        float m = vr > vg ? vr : vg;
        m = m > vb ? m : vb;
        const float down = m > top ? top / m : 1.0f;
        r[x] = vr * down, g[x] = vg * down, b[x] = vb * down;
    }
}

// What is below 0 is taken from the next of the row.
static void pay(float *row, int w, float limit) {
    constexpr int RUN = 32;
    float owed = 0.0f;
    for (int x0 = 0; x0 < w; x0 += RUN) {
        const int x1 = std::min(w, x0 + RUN);
        if (owed == 0.0f) {
            int below = 0;
            for (int x = x0; x < x1; x++) below |= row[x] < 0.0f;
            if (!below) continue;
        }
        for (int x = x0; x < x1; x++) {
            float v = row[x];
            if (v < 0.0f) {
                owed -= v;
                row[x] = 0.0f;
            } else if (owed > 0.0f) {
                float paid = owed < limit ? owed : limit;
                paid = v < paid ? v : paid;
                row[x] = v - paid;
                owed -= paid;
            }
            owed *= 0.96875f;
            owed = owed < 8.0f * limit ? owed : 8.0f * limit;
        }
    }
}

static void rounded(const float *__restrict in, float offset, int w, uint16_t *__restrict out) {
    for (int x = 0; x < w; x++) {
        float v = in[x] + (offset + 0.5f);
        v = v > 0.0f ? v : 0.0f;  // NaN too
        out[x] = (uint16_t)(int32_t)(v < 65535.0f ? v : 65535.0f);
    }
}

// out = clamp(rgb · scale + offset), rounded; with a pattern only the colour of each photosite.  A pixel with a colour above
// the white level is scaled down as a whole: it keeps its hue.
//
// Three colours at offset 0 lose what is below black, and the mean of dark noise would rise.  So the next pixels of the row
// pay for it, at most `most` (about a standard deviation) each; what is not paid fades by 1/32 a pixel.
static void numbers(In<float, 3> rgb, In<float, 1> scale, float offset, In<float, 1> most, In<int32_t, 1> pattern,
                    Out<uint16_t, 3> out) {
    const int h = (int)rgb.shape(0), w = (int)rgb.shape(1), c = (int)out.shape(2);
    need(rgb.shape(2) == 3 && scale.shape(0) == 3 && (int)out.shape(0) == h && (int)out.shape(1) == w, "numbers");
    need(c == 3 ? pattern.shape(0) == 0 : c == 1 && pattern.shape(0) == 4, "numbers: pattern");
    need(most.shape(0) == 3, "numbers: most");
    const float top = 65535.0f - offset;
    parallel_rows(h, 32, [&](int y0, int y1) {
        std::vector<float> planes[3];
        std::vector<uint16_t> whole[3];
        for (auto &p : planes) p.resize(w);
        for (auto &p : whole) p.resize(w);
        for (int y = y0; y < y1; y++) {
            scaled(rgb.data() + 3 * (size_t)y * w, scale.data(), top, w, planes[0].data(), planes[1].data(), planes[2].data());
            uint16_t *to = out.data() + (size_t)c * y * w;
            if (c == 3) {
                for (int k = 0; k < 3; k++) {
                    if (offset == 0.0f) pay(planes[k].data(), w, most(k));
                    rounded(planes[k].data(), offset, w, whole[k].data());
                }
                const uint16_t *r = whole[0].data(), *g = whole[1].data(), *b = whole[2].data();
                for (int x = 0, n = w; x < n; x++) to[3 * x] = r[x], to[3 * x + 1] = g[x], to[3 * x + 2] = b[x];
            } else
                for (int j = 0; j < 2; j++) {
                    const int k = pattern(2 * (y & 1) + j);
                    rounded(planes[k].data(), offset, w, whole[k].data());
                    for (int x = j, n = w; x < n; x += 2) to[x] = whole[k][x];
                }
        }
    });
}
KERNEL("numbers", numbers, "rgb"_a, "scale"_a, "offset"_a, "most"_a, "pattern"_a, "out"_a)

static const int MOST_EV = 16;

// over[k]: pixels with a colour above 1.005 · 2^k times its clip level.
static void overshoot(In<float, 3> rgb, In<float, 1> gain, Out<int64_t, 1> over) {
    const int h = (int)rgb.shape(0), w = (int)rgb.shape(1);
    const int EV = (int)over.shape(0);
    need(rgb.shape(2) == 3 && gain.shape(0) == 3 && EV >= 1 && EV <= MOST_EV, "overshoot");
    std::atomic<int64_t> sums[MOST_EV] = {};
    const float r = 1 / gain(0), g = 1 / gain(1), b = 1 / gain(2);
    parallel_rows(h, 64, [&](int y0, int y1) {
        int64_t own[MOST_EV] = {};
        for (int y = y0; y < y1; y++) {
            const float *in = rgb.data() + 3 * (size_t)y * w;
            int32_t row[MOST_EV] = {};
            for (int x = 0; x < w; x++) {
                float v = std::max(std::max(in[3 * x] * r, in[3 * x + 1] * g), in[3 * x + 2] * b);
                for (int k = 0; k < EV; k++) row[k] += v > 1.005f * (float)(1 << k);
            }
            for (int k = 0; k < EV; k++) own[k] += row[k];
        }
        for (int k = 0; k < EV; k++) sums[k] += own[k];
    });
    for (int k = 0; k < EV; k++) over(k) = sums[k];
}
KERNEL("overshoot", overshoot, "rgb"_a, "gain"_a, "over"_a)
