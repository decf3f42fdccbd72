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

    // Values above 1 read the table at 1; saturations above 1 (a negative channel) read it at 1.
    void apply(float *p) const {
        float top = std::max(p[0], std::max(p[1], p[2])), low = std::min(p[0], std::min(p[1], p[2]));
        float span = top - low;
        if (!(top > 0.0f) || !(top < 3e38f)) return;  // black, NaN and infinity have no hue
        float hue = 0.0f;  // 0 … 6
        if (span > 0.0f) {
            if (top == p[0]) hue = (p[1] - p[2]) / span;
            else if (top == p[1]) hue = 2.0f + (p[2] - p[0]) / span;
            else hue = 4.0f + (p[0] - p[1]) / span;
            if (hue < 0.0f) hue += 6.0f;
        }
        float saturation = span / top;
        float value = encoded ? srgb_encode(std::min(top, 1.0f)) : std::min(top, 1.0f);

        float fh = hue * (1.0f / 6.0f) * (float)hues, fs = std::min(saturation, 1.0f) * (float)(saturations - 1);
        float fv = value * (float)(values - 1);
        int h0 = std::min((int)fh, hues - 1), h1 = h0 + 1 == hues ? 0 : h0 + 1;
        int s0 = std::min((int)fs, std::max(saturations - 2, 0)), s1 = std::min(s0 + 1, saturations - 1);
        int v0 = std::min((int)fv, std::max(values - 2, 0)), v1 = std::min(v0 + 1, values - 1);
        float th = fh - (float)h0, ts = fs - (float)s0, tv = fv - (float)v0;
        float got[3];
        for (int c = 0; c < 3; c++) {
            auto at = [&](int v, int h, int s) { return cells[((size_t)(v * hues + h) * saturations + s) * 3 + c]; };
            auto plane = [&](int v) {
                float a = at(v, h0, s0) + ts * (at(v, h0, s1) - at(v, h0, s0));
                float b = at(v, h1, s0) + ts * (at(v, h1, s1) - at(v, h1, s0));
                return a + th * (b - a);
            };
            float a = plane(v0);
            got[c] = tv > 0.0f ? a + tv * (plane(v1) - a) : a;
        }

        hue += got[0] * (1.0f / 60.0f);
        hue -= 6.0f * std::floor(hue * (1.0f / 6.0f));
        float wanted = saturation * got[1];
        saturation = saturation > 1.0f ? std::min(wanted, saturation) : std::min(wanted, 1.0f);
        float bright = top * got[2];
        if (encoded) bright = top <= 1.0f ? srgb_decode(value * got[2]) : top * srgb_decode(got[2]);

        int sector = std::min((int)hue, 5);
        float part = hue - (float)sector;
        float p0 = bright * (1.0f - saturation), fall = bright * (1.0f - saturation * part);
        float rise = bright * (1.0f - saturation * (1.0f - part));
        const float wheel[6][3] = {{bright, rise, p0}, {fall, bright, p0}, {p0, bright, rise},
                                   {p0, fall, bright}, {rise, p0, bright}, {bright, p0, fall}};
        for (int c = 0; c < 3; c++) p[c] = wheel[sector][c];
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
    const size_t w = rgb.shape(1);
    auto product = [](const float *m, const float *x, float *y) {
        for (int i = 0; i < 3; i++) y[i] = m[3 * i] * x[0] + m[3 * i + 1] * x[1] + m[3 * i + 2] * x[2];
    };
    parallel_rows((int)rgb.shape(0), 8, [&](int y0, int y1) {
        for (size_t i = w * y0; i < w * y1; i++) {
            float p[3];
            product(before.data(), rgb.data() + 3 * i, p);
            first.apply(p);
            second.apply(p);
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
