// SPDX-License-Identifier: Apache-2.0
// Picture light to display code: primaries, gamut by desaturation at equal luminance, sRGB transfer curve.
#include "kernel.h"

#include <limits>

static void display(In<float, 3> rgb, In<float, 2> matrix, In<float, 1> luminance, Out<float, 3> out) {
    need(rgb.shape(2) == 3 && matrix.size() == 9 && luminance.size() == 3, "display: rgb is h w 3, matrix 3 3, luminance 3");
    need(rgb.shape(0) == out.shape(0) && rgb.shape(1) == out.shape(1) && out.shape(2) == 3, "display: out is like rgb");
    constexpr int N = 256;
    const float *m = matrix.data(), *k = luminance.data();
    const float m0 = m[0], m1 = m[1], m2 = m[2], m3 = m[3], m4 = m[4], m5 = m[5], m6 = m[6], m7 = m[7], m8 = m[8];
    const float k0 = k[0], k1 = k[1], k2 = k[2];
    const size_t w = rgb.shape(1);
    parallel_rows((int)rgb.shape(0), 8, [&](int y0, int y1) {
        float plane[3][N];
        for (size_t start = w * y0, stop = w * y1; start < stop; start += N) {
            const int n = (int)std::min<size_t>(N, stop - start);
            const float *p = rgb.data() + 3 * start;
            float *to = out.data() + 3 * start;
            for (int i = 0; i < n; i++) {
                float a = p[3 * i], b = p[3 * i + 1], c = p[3 * i + 2];
                float r = m0 * a + m1 * b + m2 * c, g = m3 * a + m4 * b + m5 * c, u = m6 * a + m7 * b + m8 * c;
                float y = k0 * r + k1 * g + k2 * u;
                y = y > 0.0f ? (y < 1.0f ? y : 1.0f) : 0.0f;
                float low = r < g ? r : g, high = r < g ? g : r;
                low = u < low ? u : low;
                high = u > high ? u : high;
                float t = low < 0.0f ? y / (y - low) : 1.0f;
                float s = high > 1.0f ? (1.0f - y) / (high - y) : 1.0f;
                t = s < t ? s : t;
                plane[0][i] = y + (r - y) * t;
                plane[1][i] = y + (g - y) * t;
                plane[2][i] = y + (u - y) * t;
            }
            for (auto &v : plane)
                for (int i = 0; i < n; i++) {
                    float x = v[i] > 0.0f ? (v[i] < 1.0f ? v[i] : 1.0f) : 0.0f;
                    float curved = 1.055f * exp2_(log2_(x) * (1.0f / 2.4f)) - 0.055f;
                    v[i] = x <= 0.0031308f ? 12.92f * x : curved;
                }
            for (int i = 0; i < n; i++) {
                to[3 * i] = plane[0][i];
                to[3 * i + 1] = plane[1][i];
                to[3 * i + 2] = plane[2][i];
            }
        }
    });
}
KERNEL("display", display, "rgb"_a, "matrix"_a, "luminance"_a, "out"_a)

// Codes of 8 or 16 bits.  With dither 1 the threshold of rounding varies over the pixels, alike for the three colours, so
// that a smooth sky has no steps: interleaved gradient noise, fract(52.98 · fract(0.067 x + 0.0058 y)), in integers.
template <class T> static void quantized(In<float, 3> rgb, float dither, Out<T, 3> out) {
    need(rgb.shape(0) == out.shape(0) && rgb.shape(1) == out.shape(1) && rgb.shape(2) == out.shape(2),
         "quantize: out is like rgb");
    need(rgb.shape(2) == 3, "quantize: rgb is h w 3");
    const int w = (int)rgb.shape(1);
    const float top = (float)std::numeric_limits<T>::max();
    parallel_rows((int)rgb.shape(0), 16, [&](int y0, int y1) {
        std::vector<float> threshold((size_t)3 * w);
        for (int y = y0; y < y1; y++) {
            for (int x = 0; x < w; x++) {
                uint32_t inner = 288237660u * (uint32_t)x + 25070368u * (uint32_t)y;  // a fraction of 2^32
                uint32_t outer = (uint32_t)((uint64_t)inner * 222226469u >> 22);      // times 52.98
                float t = 0.5f + dither * ((float)(int32_t)(outer >> 8) * (1.0f / 16777216.0f) - 0.5f);
                threshold[3 * x] = threshold[3 * x + 1] = threshold[3 * x + 2] = t;
            }
            const float *p = rgb.data() + (size_t)3 * w * y;
            const float *t = threshold.data(), most = top;  // bytes may alias all that is captured
            const int n = 3 * w;
            T *__restrict to = out.data() + (size_t)3 * w * y;
            for (int i = 0; i < n; i++) {
                float v = p[i] * most + t[i];
                v = v > 0.0f ? (v < most ? v : most) : 0.0f;
                to[i] = (T)(int32_t)v;
            }
        }
    });
}
static void quantize8(In<float, 3> rgb, float dither, Out<uint8_t, 3> out) { quantized<uint8_t>(rgb, dither, out); }
static void quantize16(In<float, 3> rgb, Out<uint16_t, 3> out) { quantized<uint16_t>(rgb, 0.0f, out); }
KERNEL("quantize8", quantize8, "rgb"_a, "dither"_a, "out"_a)
KERNEL("quantize16", quantize16, "rgb"_a, "out"_a)
