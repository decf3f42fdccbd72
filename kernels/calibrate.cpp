// SPDX-License-Identifier: Apache-2.0
// Camera colour to linear Rec. 2020: one matrix, or matrix - HSV tables - matrix; and the average colour of a scene.
#include "kernel.h"

static void calibrate(In<float, 3> rgb, In<float, 2> matrix, Out<float, 3> out) {
    need(rgb.shape(2) == 3 && matrix.shape(0) == 3 && matrix.shape(1) == 3, "calibrate: rgb is h w 3, matrix 3 3");
    need(out.shape(0) == rgb.shape(0) && out.shape(1) == rgb.shape(1) && out.shape(2) == 3, "calibrate: out is like rgb");
    const size_t w = rgb.shape(1);
    const float *m = matrix.data();
    const float a = m[0], b = m[1], c = m[2], d = m[3], e = m[4], f = m[5], g = m[6], h = m[7], k = m[8];
    parallel_rows((int)rgb.shape(0), 16, [&](int y0, int y1) {
        const float *in = rgb.data() + 3 * w * y0;
        float *to = out.data() + 3 * w * y0;
        for (size_t i = 0, n = w * (y1 - y0); i < n; i++) {
            float r = in[3 * i], v = in[3 * i + 1], u = in[3 * i + 2];
            to[3 * i] = a * r + b * v + c * u;
            to[3 * i + 1] = d * r + e * v + f * u;
            to[3 * i + 2] = g * r + h * v + k * u;
        }
    });
}
KERNEL("calibrate", calibrate, "rgb"_a, "matrix"_a, "out"_a)

// ---- HSV tables of a camera profile: trilinear in value, hue (wraps) and saturation

static float srgb_encode(float x) {
    return x <= 0.0031308f ? 12.92f * x : 1.055f * pow_(x, 1.0f / 2.4f) - 0.055f;
}
static float srgb_decode(float x) {
    return x <= 0.04045f ? x / 12.92f : pow_((x + 0.055f) / 1.055f, 2.4f);
}

struct HSVTable {
    const float *cells;
    int values, hues, saturations;
    bool encoded;  // the value axis is sRGB-encoded

    bool idle() const {
        return values * hues * saturations == 1 && cells[0] == 0.0f && cells[1] == 1.0f && cells[2] == 1.0f;
    }

    // Values above 1 read the table at 1; saturations above 1 (a negative channel) read it at 1.
    void apply(float *p) const {
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
        for (int c = 0; c < 3; c++) {  // red, green and blue are at 5, 3 and 1 of the wheel of six
            float k = hue + (float)(5 - 2 * c);
            k = k >= 6.0f ? k - 6.0f : k;
            float away = std::min(std::min(k, 4.0f - k), 1.0f);
            p[c] = bright * (1.0f - full * std::max(away, 0.0f));
        }
    }
};

static HSVTable table_of(In<float, 4> &cells, bool encoded) {
    need(cells.shape(3) == 3 && cells.shape(0) && cells.shape(1) && cells.shape(2), "calibrate: a table is v h s 3");
    return {cells.data(), (int)cells.shape(0), (int)cells.shape(1), (int)cells.shape(2), encoded};
}

static void calibrate_tables(In<float, 3> rgb, In<float, 2> before, In<float, 4> hue_sat, bool hue_sat_encoded,
                             In<float, 4> look, bool look_encoded, In<float, 2> after, Out<float, 3> out) {
    need(rgb.shape(2) == 3 && out.shape(0) == rgb.shape(0) && out.shape(1) == rgb.shape(1) && out.shape(2) == 3,
         "calibrate_tables: rgb and out are h w 3");
    need(before.size() == 9 && after.size() == 9, "calibrate_tables: the matrices are 3 3");
    const HSVTable first = table_of(hue_sat, hue_sat_encoded), second = table_of(look, look_encoded);
    const bool idle1 = first.idle(), idle2 = second.idle();
    const size_t w = rgb.shape(1);
    auto product = [](const float *m, const float *x, float *y) {
        for (int i = 0; i < 3; i++) y[i] = m[3 * i] * x[0] + m[3 * i + 1] * x[1] + m[3 * i + 2] * x[2];
    };
    parallel_rows((int)rgb.shape(0), 8, [&](int y0, int y1) {
        for (size_t i = w * y0; i < w * y1; i++) {
            float p[3];
            product(before.data(), rgb.data() + 3 * i, p);
            if (!idle1) first.apply(p);
            if (!idle2) second.apply(p);
            product(after.data(), p, out.data() + 3 * i);
        }
    });
}
KERNEL("calibrate_tables", calibrate_tables, "rgb"_a, "before"_a, "hue_sat"_a, "hue_sat_encoded"_a, "look"_a,
       "look_encoded"_a, "after"_a, "out"_a)

// ---- sums of x and of x⁶ over every second pixel that is neither clipped nor near black: sums[2][3], then their count
static void shades(In<float, 3> rgb, In<uint8_t, 2> clipped, In<float, 1> low, In<float, 1> high, Out<double, 1> sums) {
    need(rgb.shape(2) == 3 && clipped.shape(0) == rgb.shape(0) && clipped.shape(1) == rgb.shape(1),
         "shades: rgb is h w 3, clipped h w");
    need(low.size() == 3 && high.size() == 3 && sums.size() == 7, "shades: low and high have 3 values, sums 7");
    const int h = (int)rgb.shape(0), w = (int)rgb.shape(1), band = 64, bands = (h + band - 1) / band;
    std::vector<double> parts((size_t)bands * 7, 0.0);
    parallel(bands, [&](int i) {
        double *part = &parts[(size_t)i * 7];
        for (int y = i * band; y < std::min(h, (i + 1) * band); y += 2)
            for (int x = 0; x < w; x += 2) {
                const float *p = rgb.data() + 3 * ((size_t)y * w + x);
                bool good = clipped.data()[(size_t)y * w + x] == 0;
                for (int c = 0; c < 3; c++) good = good && p[c] > low.data()[c] && p[c] < high.data()[c];
                if (!good) continue;
                for (int c = 0; c < 3; c++) {
                    double q = (double)p[c] * p[c];
                    part[c] += p[c];
                    part[3 + c] += q * q * q;
                }
                part[6] += 1.0;
            }
    });
    for (int j = 0; j < 7; j++) sums.data()[j] = 0.0;
    for (int i = 0; i < bands; i++)  // in order: the same sum for any number of threads
        for (int j = 0; j < 7; j++) sums.data()[j] += parts[(size_t)i * 7 + j];
}
KERNEL("shades", shades, "rgb"_a, "clipped"_a, "low"_a, "high"_a, "sums"_a)
