// SPDX-License-Identifier: Apache-2.0
// Encoded light to whole-number codes.
#include "kernel.h"

// Codes 0 … top.  With dither 1 the threshold of rounding varies over the pixels, alike for the three colours, so
// that a smooth sky has no steps: interleaved gradient noise, fract(52.98 · fract(0.067 x + 0.0058 y)), in integers.
template <class T> static void quantized(In<float, 3> rgb, float dither, float top, Out<T, 3> out) {
    need(rgb.shape(0) == out.shape(0) && rgb.shape(1) == out.shape(1) && rgb.shape(2) == out.shape(2),
         "quantize: out is like rgb");
    need(rgb.shape(2) == 3, "quantize: rgb is h w 3");
    const int w = (int)rgb.shape(1);
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
static void quantize8(In<float, 3> rgb, float dither, Out<uint8_t, 3> out) { quantized<uint8_t>(rgb, dither, 255.0f, out); }
static void quantize16(In<float, 3> rgb, Out<uint16_t, 3> out, int top, float dither) {
    need(top > 0 && top <= 65535, "quantize16: top is 1 ... 65535");
    quantized<uint16_t>(rgb, dither, (float)top, out);
}
KERNEL("quantize8", quantize8, "rgb"_a, "dither"_a, "out"_a)
KERNEL("quantize16", quantize16, "rgb"_a, "out"_a, "top"_a = 65535, "dither"_a = 0.0f)
