// SPDX-License-Identifier: Apache-2.0
// Picture light to display code: primaries, gamut at constant hue and lightness of Oklab, transfer curve.
#include "gamut.h"

namespace {
constexpr int N = 512;
enum Transfer { SRGB, PQ, HLG };

using gamut::unit;

// 1.055 x^(5/12) - 0.055 as a polynomial of the fourth root: two square roots instead of a logarithm and an exponential.
// Error < 4e-7, and 1 is 1.
inline float srgb_curve(float x) {
    const float y = std::sqrt(std::sqrt(x));
    float p = -0.05771848f + y * (0.111461505f + y * (1.5463175f + y * (-1.482194f + y * (1.9653002f +
              y * (-1.981031f + y * (1.3320514f + y * (-0.525976479f + y * 0.0917893946f)))))));
    return x <= 0.0031308f ? 12.92f * x : p;
}

// SMPTE ST 2084 of light in units of 10 000 cd/m².  The base of the last power is 1 - v with small v, so that its
// logarithm is taken of v: the exponent 78.8 would make much of what rounding takes from the base.
inline float pq_curve(float x) {
    const float y = exp2_(0.1593017578125f * log2_(x));
    const float v = 0.1640625f * (1.0f - y) / (1.0f + 18.6875f * y);
    const float s = v / (2.0f - v), z = s * s;
    const float log = s * (2.8853900818f + z * (0.9617966939f + z * (0.5770780164f + z * 0.4121985831f)));
    return exp2_(-78.84375f * log);
}

// The opto-electronic curve of BT.2100 HLG.
inline float hlg_curve(float x) {
    const float low = std::sqrt(3.0f * x);
    const float high = 0.17883277f * 0.69314718f * log2_(12.0f * x - 0.28466892f) + 0.55991073f;
    return x <= 1.0f / 12.0f ? low : high;
}

}  // namespace

// Light is taken times `scale`, mapped into the cube 0 … 1, and encoded with 1 standing for `peak`: of SDR white, of
// 10 000 cd/m² (PQ), of the scene light that makes 1000 cd/m² (HLG).
// matrices: Display P3 → colours of the screen → cone responses of Oklab → colours of the screen.
static void display(In<float, 3> rgb, In<float, 3> matrices, In<float, 1> luminance, int transfer, float scale, float peak,
                    Out<float, 3> out) {
    need(rgb.shape(2) == 3 && matrices.size() == 27 && luminance.size() == 3, "display: rgb h w 3, matrices 3 3 3, luminance 3");
    need(rgb.shape(0) == out.shape(0) && rgb.shape(1) == out.shape(1) && out.shape(2) == 3, "display: out is like rgb");
    const float *m = matrices.data(), *k = luminance.data();
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
                float a = p[3 * i] * scale, b = p[3 * i + 1] * scale, c = p[3 * i + 2] * scale;
                plane[0][i] = m0 * a + m1 * b + m2 * c;
                plane[1][i] = m3 * a + m4 * b + m5 * c;
                plane[2][i] = m6 * a + m7 * b + m8 * c;
            }
            if (transfer == HLG)  // the inverse of the display's system gamma: light times luminance^(1/1.2 - 1)
                for (int i = 0; i < n; i++) {
                    const float y = k0 * plane[0][i] + k1 * plane[1][i] + k2 * plane[2][i];
                    const float per = exp2_(log2_(y > 1e-8f ? y : 1e-8f) * (-1.0f / 6.0f));
                    for (auto &v : plane) v[i] *= per;
                }
            gamut::within<N>(plane, n, k, m + 9, m + 18);
            for (auto &v : plane) {
                if (transfer == SRGB)
                    for (int i = 0; i < n; i++) v[i] = srgb_curve(unit(v[i]));
                else if (transfer == PQ)
                    for (int i = 0; i < n; i++) v[i] = pq_curve(unit(v[i]) * peak);
                else
                    for (int i = 0; i < n; i++) v[i] = hlg_curve(unit(v[i]) * peak);
            }
            for (int i = 0; i < n; i++) {
                to[3 * i] = plane[0][i];
                to[3 * i + 1] = plane[1][i];
                to[3 * i + 2] = plane[2][i];
            }
        }
    });
}
KERNEL("display", display, "rgb"_a, "matrices"_a, "luminance"_a, "transfer"_a, "scale"_a, "peak"_a, "out"_a)
