// SPDX-License-Identifier: Apache-2.0
// The HSV tables of a camera profile, HueSatMap and LookTable, and its product of matrix and colour.
#pragma once
#include "kernel.h"

inline void product(const float *m, const float *x, float *y) {
    for (int i = 0; i < 3; i++) y[i] = m[3 * i] * x[0] + m[3 * i + 1] * x[1] + m[3 * i + 2] * x[2];
}

// ---- HSV tables of a camera profile: trilinear in value, hue (wraps) and saturation

inline float srgb_encode(float x) {
    return x <= 0.0031308f ? 12.92f * x : 1.055f * pow_(x, 1.0f / 2.4f) - 0.055f;
}
inline float srgb_decode(float x) {
    return x <= 0.04045f ? x / 12.92f : pow_((x + 0.055f) / 1.055f, 2.4f);
}

struct HSVTable {
    const float *cells;
    int values, hues, saturations;
    bool encoded;  // the value axis is sRGB-encoded

    bool idle() const {
        return values * hues * saturations == 1 && cells[0] == 0.0f && cells[1] == 1.0f && cells[2] == 1.0f;
    }

    // Values above 1 read the table at 1; saturations above 1 (a negative channel) read it at 1.  What comes out is
    // no brighter than `brightest`.
    void apply(float *p, float brightest = INFINITY) const {
        const float r = p[0], g = p[1], b = p[2];
        const float top = std::max(r, std::max(g, b)), span = top - std::min(r, std::min(g, b));
        if (!(top > 0.0f) || !(top < 3e38f) || !(span < 3e38f)) return;  // black, NaN and infinity have no hue
        const float per = span > 0.0f ? 1.0f / span : 0.0f;
        float hue = top == r ? (g - b) * per : top == g ? 2.0f + (b - r) * per : 4.0f + (r - g) * per;  // 0 … 6
        hue = hue < 0.0f ? hue + 6.0f : hue;
        const float saturation = span / top, capped = std::min(top, 1.0f);
        const float value = encoded ? srgb_encode(capped) : capped;

        const float fh = hue * (1.0f / 6.0f) * (float)hues, fs = std::min(saturation, 1.0f) * (float)(saturations - 1);
        const int h0 = std::min((int)fh, hues - 1), h1 = h0 + 1 == hues ? 0 : h0 + 1;
        const int s0 = std::max(std::min((int)fs, saturations - 2), 0), step = saturations > 1 ? 3 : 0;
        const float th = fh - (float)h0, ts = fs - (float)s0;
        float got[3];
        auto plane = [&](int v, float *to) {
            const float *a = cells + ((size_t)(v * hues + h0) * saturations + s0) * 3;
            const float *d = cells + ((size_t)(v * hues + h1) * saturations + s0) * 3;
            for (int c = 0; c < 3; c++) {
                float x = a[c] + ts * (a[c + step] - a[c]), y = d[c] + ts * (d[c + step] - d[c]);
                to[c] = x + th * (y - x);
            }
        };
        if (values == 1) {
            plane(0, got);
        } else {
            const float fv = value * (float)(values - 1);
            const int v0 = std::min((int)fv, values - 2);
            float above[3];
            plane(v0, got);
            plane(v0 + 1, above);
            for (int c = 0; c < 3; c++) got[c] += (fv - (float)v0) * (above[c] - got[c]);
        }

        hue += got[0] * (1.0f / 60.0f);
        hue -= 6.0f * std::floor(hue * (1.0f / 6.0f));
        const float full = std::min(saturation * got[1], std::max(saturation, 1.0f));
        float bright = top * got[2];
        if (encoded) bright = top <= 1.0f ? srgb_decode(value * got[2]) : top * srgb_decode(got[2]);
        bright = std::min(bright, brightest);
        for (int c = 0; c < 3; c++) {  // red, green and blue are at 5, 3 and 1 of the wheel of six
            float k = hue + (float)(5 - 2 * c);
            k = k >= 6.0f ? k - 6.0f : k;
            float away = std::min(std::min(k, 4.0f - k), 1.0f);
            p[c] = bright * (1.0f - full * std::max(away, 0.0f));
        }
    }
};

inline HSVTable table_of(In<float, 4> &cells, bool encoded) {
    need(cells.shape(3) == 3 && cells.shape(0) && cells.shape(1) && cells.shape(2), "an HSV table is v h s 3");
    return {cells.data(), (int)cells.shape(0), (int)cells.shape(1), (int)cells.shape(2), encoded};
}
