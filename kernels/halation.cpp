// SPDX-License-Identifier: Apache-2.0
// Light that a film's base throws back: what lies above a threshold, summed over cells of the picture, blurred there by
// three Gaussians that together are nearly exp(-r / radius), and read bilinearly.
#include "kernel.h"

namespace {
constexpr int GAUSSIANS = 3;
constexpr float SIGMA[GAUSSIANS] = {0.55296f, 1.22840f, 2.26970f};  // fitted to exp(-r) / 2 pi for r = 0.2 ... 8
constexpr float SHARE[GAUSSIANS] = {0.11749f, 0.46789f, 0.41462f};
constexpr float MOST = 32.0f;  // one small sun does not veil the picture

inline float above(float x, float threshold) {  // 0 for NaN: what is not a number glows not
    float e = x > threshold ? x - threshold : 0.0f;
    return e < MOST ? e : MOST;
}

struct Plane {
    int h, w;
    std::vector<float> v;
    Plane(int h_, int w_) : h(h_), w(w_), v((size_t)h_ * w_) {}
    float *row(int y) { return &v[(size_t)y * w]; }
    const float *row(int y) const { return &v[(size_t)y * w]; }
};

// Mean of the light above the threshold in cells of `cell` x `cell` pixels.
Plane cells_of(const float *rgb, int h, int w, int c, int cell, float threshold) {
    Plane made((h + cell - 1) / cell, (w + cell - 1) / cell);
    parallel_rows(made.h, 4, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++) {
            float *to = made.row(y);
            const int top = y * cell, bottom = std::min(h, top + cell);
            for (int x = 0; x < made.w; x++) {
                const int left = x * cell, right = std::min(w, left + cell);
                float sum = 0.0f;
                for (int j = top; j < bottom; j++) {
                    const float *p = rgb + 3 * ((size_t)j * w) + c;
                    for (int i = left; i < right; i++) sum += above(p[3 * i], threshold);
                }
                to[x] = sum / (float)((bottom - top) * (right - left));
            }
        }
    });
    return made;
}

std::vector<float> taps_of(float sigma) {  // one half, the centre first; sums to 1
    const int reach = std::max(1, (int)(3.0f * sigma + 0.999f));
    std::vector<float> tap(reach + 1);
    float sum = 0.0f;
    for (int i = 0; i <= reach; i++) {
        tap[i] = exp_(-0.5f * (float)(i * i) / (sigma * sigma));
        sum += i ? 2.0f * tap[i] : tap[i];
    }
    for (float &t : tap) t /= sum;
    return tap;
}

void gaussian(const Plane &in, float sigma, float share, Plane &sum) {
    const std::vector<float> tap = taps_of(sigma);
    const int reach = (int)tap.size() - 1, h = in.h, w = in.w;
    Plane across(h, w);
    parallel_rows(h, 8, [&](int y0, int y1) {
        std::vector<float> wide(w + 2 * reach);
        for (int y = y0; y < y1; y++) {
            const float *p = in.row(y);
            for (int x = -reach; x < w + reach; x++) wide[x + reach] = p[mirror(x, w)];
            float *to = across.row(y);
            for (int x = 0; x < w; x++) to[x] = tap[0] * wide[x + reach];
            for (int k = 1; k <= reach; k++)
                for (int x = 0; x < w; x++) to[x] += tap[k] * (wide[x + reach - k] + wide[x + reach + k]);
        }
    });
    parallel_rows(h, 8, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++) {
            float *to = sum.row(y);
            for (int k = -reach; k <= reach; k++) {
                const float *p = across.row(mirror(y + k, h));
                const float t = share * tap[k < 0 ? -k : k];
                for (int x = 0; x < w; x++) to[x] += t * p[x];
            }
        }
    });
}
}  // namespace

// radius in pixels; amounts: share of the light above the threshold that is scattered, a colour
static void halation(In<float, 3> rgb, float threshold, float radius, In<float, 1> amounts, Out<float, 3> out) {
    need(rgb.shape(2) == 3 && amounts.size() == 3, "halation: rgb h w 3, amounts 3");
    need(rgb.shape(0) == out.shape(0) && rgb.shape(1) == out.shape(1) && out.shape(2) == 3, "halation: out is like rgb");
    const int h = (int)rgb.shape(0), w = (int)rgb.shape(1);
    const int cell = std::max(1, (int)(radius * 0.4f));
    const float scale = 1.0f / (float)cell;
    for (int c = 0; c < 3; c++) {
        const float amount = amounts.data()[c];
        const Plane light = cells_of(rgb.data(), h, w, c, cell, threshold);
        Plane glow(light.h, light.w);
        if (amount > 0.0f)
            for (int g = 0; g < GAUSSIANS; g++)
                gaussian(light, std::max(SIGMA[g] * radius * scale, 0.2f), SHARE[g], glow);
        std::vector<int> left(w);
        std::vector<float> part(w);
        for (int x = 0; x < w; x++) {
            float at = std::max(((float)x + 0.5f) * scale - 0.5f, 0.0f);
            left[x] = std::min((int)at, glow.w - 1);
            part[x] = at - (float)left[x];
        }
        parallel_rows(h, 16, [&](int y0, int y1) {
            for (int y = y0; y < y1; y++) {
                const float at = std::max(((float)y + 0.5f) * scale - 0.5f, 0.0f);
                const int j = std::min((int)at, glow.h - 1);
                const float down = at - (float)j;
                const float *a = glow.row(j), *b = glow.row(std::min(j + 1, glow.h - 1));
                const float *p = rgb.data() + 3 * ((size_t)y * w) + c;
                float *to = out.data() + 3 * ((size_t)y * w) + c;
                for (int x = 0; x < w; x++) {
                    const int i = left[x], k = std::min(i + 1, glow.w - 1);
                    const float u = a[i] + down * (b[i] - a[i]), v = a[k] + down * (b[k] - a[k]);
                    const float light_here = above(p[3 * x], threshold);
                    to[3 * x] = p[3 * x] + amount * (u + part[x] * (v - u) - light_here);
                }
            }
        });
    }
}
KERNEL("halation", halation, "rgb"_a, "threshold"_a, "radius"_a, "amounts"_a, "out"_a)
