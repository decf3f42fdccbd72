// SPDX-License-Identifier: Apache-2.0
// Encoded light to whole-number codes.
#include "kernel.h"

namespace {
// Codes 0 … top of (value - low) · per.  With dither 1 the threshold of rounding varies over the pixels, alike for the
// three colours, so that a smooth sky has no steps: interleaved gradient noise, fract(52.98 · fract(0.067 x + 0.0058 y)),
// in integers.  Where codes have a fourth of a pixel, which image libraries keep for its alignment, it is 255.
struct Scale {
    float dither, low, per, top;
};
template <class T> void coded(const float *__restrict p, const float *__restrict t, int n, Scale s, T *__restrict to) {
    for (int i = 0; i < n; i++) {
        float v = (p[i] - s.low) * s.per * s.top + t[i];
        v = v > 0.0f ? (v < s.top ? v : s.top) : 0.0f;
        to[i] = (T)(int32_t)v;
    }
}
void fourth(const uint8_t *__restrict three, int w, uint8_t *__restrict to) {  // reads one byte beyond
    for (int x = 0; x < w; x++) {
        uint32_t pixel;
        std::memcpy(&pixel, three + 3 * (size_t)x, 4);
        pixel = (pixel & 0xffffffu) | 0xff000000u;
        std::memcpy(to + 4 * (size_t)x, &pixel, 4);
    }
}
void thresholds(int y, int w, float dither, float *__restrict t) {
    for (int x = 0; x < w; x++) {
        uint32_t inner = 288237660u * (uint32_t)x + 25070368u * (uint32_t)y;  // a fraction of 2^32
        uint32_t outer = (uint32_t)((uint64_t)inner * 222226469u >> 22);      // times 52.98
        t[3 * x] = t[3 * x + 1] = t[3 * x + 2] = 0.5f + dither * ((float)(int32_t)(outer >> 8) * (1.0f / 16777216.0f) - 0.5f);
    }
}
template <class T> void quantized(In<float, 3> rgb, const Scale &scale, Out<T, 3> out) {
    need(rgb.shape(0) == out.shape(0) && rgb.shape(1) == out.shape(1), "quantize: out is like rgb");
    need(rgb.shape(2) == 3 && (out.shape(2) == 3 || (out.shape(2) == 4 && sizeof(T) == 1)),
         "quantize: rgb is h w 3, out h w 3, of bytes also h w 4");
    const int w = (int)rgb.shape(1), each = (int)out.shape(2);
    parallel_rows((int)rgb.shape(0), 16, [&](int y0, int y1) {
        std::vector<float> threshold((size_t)3 * w, 0.5f);
        std::vector<T> three(each == 4 ? (size_t)3 * w + 1 : 0);
        for (int y = y0; y < y1; y++) {
            if (scale.dither != 0.0f) thresholds(y, w, scale.dither, threshold.data());
            T *row = out.data() + (size_t)each * w * y;
            coded(rgb.data() + (size_t)3 * w * y, threshold.data(), 3 * w, scale, each == 4 ? three.data() : row);
            if constexpr (sizeof(T) == 1)
                if (each == 4) fourth(three.data(), w, row);
        }
    });
}
}  // namespace

static void quantize8(In<float, 3> rgb, float dither, Out<uint8_t, 3> out, float low, float per) {
    quantized<uint8_t>(rgb, {dither, low, per, 255.0f}, out);
}
static void quantize16(In<float, 3> rgb, Out<uint16_t, 3> out, int top, float dither) {
    need(top > 0 && top <= 65535, "quantize16: top is 1 ... 65535");
    quantized<uint16_t>(rgb, {dither, 0.0f, 1.0f, (float)top}, out);
}
KERNEL("quantize8", quantize8, "rgb"_a, "dither"_a, "out"_a, "low"_a = 0.0f, "per"_a = 1.0f)
KERNEL("quantize16", quantize16, "rgb"_a, "out"_a, "top"_a = 65535, "dither"_a = 0.0f)

// The lowest and the highest value of every row; what is no number is beyond infinity.  Bits of floats, those of negative
// ones turned round, rise as the floats do, and whole numbers can be compared in any order.
static void extent(In<float, 3> values, Out<float, 2> out) {
    need(out.shape(0) == values.shape(0) && out.shape(1) == 2 && values.size() > 0, "extent: out is h 2");
    const size_t n = values.shape(1) * values.shape(2);
    auto turned = [](int32_t i) { return i ^ (i >> 31 & 0x7fffffff); };
    parallel_rows((int)values.shape(0), 16, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++) {
            const float *p = values.data() + n * y;
            int32_t low = turned(as_int(p[0])), high = low;
            for (size_t i = 0; i < n; i++) {
                const int32_t v = turned(as_int(p[i]));
                low = v < low ? v : low;
                high = v > high ? v : high;
            }
            out.data()[2 * y] = as_float(turned(low));
            out.data()[2 * y + 1] = as_float(turned(high));
        }
    });
}
KERNEL("extent", extent, "values"_a, "out"_a)
