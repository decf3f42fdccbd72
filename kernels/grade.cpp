// SPDX-License-Identifier: Apache-2.0
// The look: vignette, curve (per channel and by norm), colour in Oklab.  Rows in strips of N pixels, one plane a colour,
// so that every loop is over a plain array and vectorises.
#include "kernel.h"

namespace {
constexpr int N = 256, HUES = 3;

// The knobs as one flat array, in this order; grade.py fills it.
struct Knobs {
    float vignette, contrast, foot, foot_c, k, hue_keep;                        // foot = toe · grey, foot_c = foot^contrast
    float saturation, shadow_saturation, highlight_saturation, purity;
    float shadow_a, shadow_b, highlight_a, highlight_b;
    float mono, red, green, blue;
    float hue[HUES][5];  // centre, 1 / width, chroma, shift (degrees), lightness
};
constexpr int KNOBS = sizeof(Knobs) / sizeof(float);

// Roots by Newton's method from a guess at the exponent: several times cheaper than by logarithms, division and square root.
inline float inverse_root2(float x) {  // 1/√x of x > 0; relative error < 4e-7
    float r = as_float(0x5f3759df - (as_int(x) >> 1));
    const float half = 0.5f * x;
    for (int i = 0; i < 3; i++) r = r * (1.5f - half * r * r);
    return r;
}
inline float root2(float x) { return x > 1e-30f ? x * inverse_root2(x) : 0.0f; }
inline float root3(float x) {  // relative error < 2e-7: greys stay grey
    const float a = x < 0.0f ? -x : x;
    float r = as_float(0x54a2fa8c - (int32_t)((float)as_int(a) * (1.0f / 3.0f)));  // 1/∛a within 4 %
    for (int i = 0; i < 2; i++) {
        const float d = 1.0f - (a * r) * (r * r);
        r += r * (d * (0.33333333f + 0.22222222f * d));
    }
    const float per = r * r;
    float y = a * per;
    y += (a - y * y * y) * (per * 0.33333333f);
    y = a > 1e-30f ? y : 0.0f;
    return x < 0.0f ? -y : y;
}

// Angle of (a, b) in degrees, 0 … 360; error < 1e-4 degrees.
inline float degrees(float a, float b) {
    float u = a < 0.0f ? -a : a, v = b < 0.0f ? -b : b;
    float high = u > v ? u : v, low = u > v ? v : u;
    float t = low / (high + 1e-30f), z = t * t;
    float d = t * (57.295746f + z * (-19.096811f + z * (11.431145f + z * (-7.9831524f + z * (5.5630482f +
              z * (-3.2590351f + z * (1.2929839f + z * -0.24393157f)))))));
    d = v > u ? 90.0f - d : d;
    d = a < 0.0f ? 180.0f - d : d;
    return b < 0.0f ? 360.0f - d : d;
}

struct Strip {
    float p[3][N], curved[3][N], L[N], A[N], B[N], C[N], H[N], gain[N], turn[N], light[N];
};

inline float curve(float x, const Knobs &k) {
    float e = exp2_(log2_(x + k.foot) * k.contrast) - k.foot_c;
    e = x + k.foot > 1e-30f ? e : 0.0f;
    e = e > 0.0f ? e : 0.0f;
    return e / (e + k.k);
}

void tone_curve(Strip &s, int n, const Knobs &k) {
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < n; i++) s.curved[c][i] = curve(s.p[c][i], k);
    if (k.hue_keep == 0.0f) return;
    const float keep = k.hue_keep;
    for (int i = 0; i < n; i++) {
        float r = s.p[0][i], g = s.p[1][i], b = s.p[2][i];
        float top = r > g ? r : g;
        top = b > top ? b : top;
        const float rr = r * r, gg = g * g, bb = b * b, squares = rr + gg + bb, cubes = rr * r + gg * g + bb * b;
        const float Y = curve(cubes / (squares + 1e-30f), k), to = Y * squares / (cubes + 1e-36f);
        float over = top * to;  // what the largest channel becomes
        float root = inverse_root2(over > 1.0f ? over : 1.0f);
        float pull = root * root * root;
        s.curved[0][i] += keep * (Y + (r * to - Y) * pull - s.curved[0][i]);
        s.curved[1][i] += keep * (Y + (g * to - Y) * pull - s.curved[1][i]);
        s.curved[2][i] += keep * (Y + (b * to - Y) * pull - s.curved[2][i]);
    }
}

void colour(Strip &s, int n, const Knobs &k, const float *to_lms, const float *to_lab, const float *from_lab,
            const float *from_lms) {
    for (int i = 0; i < n; i++) {
        float r = s.curved[0][i], g = s.curved[1][i], b = s.curved[2][i];
        float x = root3(to_lms[0] * r + to_lms[1] * g + to_lms[2] * b);
        float y = root3(to_lms[3] * r + to_lms[4] * g + to_lms[5] * b);
        float z = root3(to_lms[6] * r + to_lms[7] * g + to_lms[8] * b);
        s.L[i] = to_lab[0] * x + to_lab[1] * y + to_lab[2] * z;
        s.A[i] = to_lab[3] * x + to_lab[4] * y + to_lab[5] * z;
        s.B[i] = to_lab[6] * x + to_lab[7] * y + to_lab[8] * z;
    }
    for (int i = 0; i < n; i++) {
        float a = s.A[i], b = s.B[i];
        s.C[i] = root2(a * a + b * b);
        s.H[i] = degrees(a, b);
        float L = s.L[i] > 0.0f ? (s.L[i] < 1.2f ? s.L[i] : 1.2f) : 0.0f;
        float ws = 1.0f - L * (1.0f / 0.45f), wh = (L - 0.75f) * 4.0f;
        ws = ws > 0.0f ? ws : 0.0f;
        wh = wh > 0.0f ? (wh < 1.0f ? wh : 1.0f) : 0.0f;
        s.gain[i] = k.saturation * (1.0f + (k.shadow_saturation - 1.0f) * ws) * (1.0f + (k.highlight_saturation - 1.0f) * wh);
        s.turn[i] = 0.0f;
        s.light[i] = 0.0f;
        s.p[0][i] = k.shadow_a * ws + k.highlight_a * wh;  // p is free by now: the split tone
        s.p[1][i] = k.shadow_b * ws + k.highlight_b * wh;
    }
    for (const auto &q : k.hue) {
        const float centre = q[0], narrow = q[1], chroma = q[2], shift = q[3], light = 2.0f * q[4];
        if (chroma == 0.0f && shift == 0.0f && light == 0.0f) continue;
        for (int i = 0; i < n; i++) {
            float d = s.H[i] - centre;
            float turns = (d * (1.0f / 360.0f) + 12582912.0f) - 12582912.0f;  // to the nearest whole number
            d = (d - 360.0f * turns) * narrow;
            float colourful = s.C[i] * 25.0f;
            float weight = exp2_(d * d * -0.72134752f) * (colourful < 1.0f ? colourful : 1.0f);
            s.gain[i] *= 1.0f + chroma * weight;
            s.turn[i] += shift * weight;
            s.light[i] += light * weight * s.C[i];
        }
    }
    for (int i = 0; i < n; i++) {
        float C = s.C[i] * s.gain[i], excess = (C - 0.22f) * 10.0f;
        float gain = s.gain[i] / (1.0f + k.purity * (excess > 0.0f ? excess : 0.0f));
        float t = s.turn[i] * 0.01745329252f, z = t * t;
        float sine = t * (1.0f + z * (-0.16666667f + z * (0.0083333310f + z * -0.00019840874f)));
        float cosine = 1.0f + z * (-0.5f + z * (0.041666638f + z * -0.0013888378f));
        float a = gain * (cosine * s.A[i] - sine * s.B[i]) + s.p[0][i];
        float b = gain * (sine * s.A[i] + cosine * s.B[i]) + s.p[1][i];
        float L = s.L[i] + s.light[i];
        float x = from_lab[0] * L + from_lab[1] * a + from_lab[2] * b;
        float y = from_lab[3] * L + from_lab[4] * a + from_lab[5] * b;
        float w = from_lab[6] * L + from_lab[7] * a + from_lab[8] * b;
        x = x * x * x, y = y * y * y, w = w * w * w;
        s.curved[0][i] = from_lms[0] * x + from_lms[1] * y + from_lms[2] * w;
        s.curved[1][i] = from_lms[3] * x + from_lms[4] * y + from_lms[5] * w;
        s.curved[2][i] = from_lms[6] * x + from_lms[7] * y + from_lms[8] * w;
    }
}
}  // namespace

// matrices: Rec. 2020 → P3, P3 → LMS, LMS' → Oklab, Oklab → LMS', LMS → P3
static void grade(In<float, 3> rgb, In<float, 1> knobs, In<float, 3> matrices, Out<float, 3> out) {
    need(rgb.shape(2) == 3 && knobs.size() == KNOBS && matrices.size() == 45, "grade: rgb h w 3, knobs 33, matrices 5 3 3");
    need(rgb.shape(0) == out.shape(0) && rgb.shape(1) == out.shape(1) && out.shape(2) == 3, "grade: out is like rgb");
    Knobs k;
    std::memcpy(&k, knobs.data(), sizeof k);
    const float *m = matrices.data();
    const int h = (int)rgb.shape(0), w = (int)rgb.shape(1);
    const float cy = 0.5f * (float)(h - 1), cx = 0.5f * (float)(w - 1);
    const float inverse = 1.0f / std::max(cy * cy + cx * cx, 1e-6f);
    parallel_rows(h, 4, [&](int y0, int y1) {
        auto strip = std::make_unique<Strip>();
        Strip &s = *strip;
        for (int y = y0; y < y1; y++)
            for (int x0 = 0; x0 < w; x0 += N) {
                const int n = std::min(N, w - x0);
                const float *p = rgb.data() + 3 * ((size_t)y * w + x0);
                float *to = out.data() + 3 * ((size_t)y * w + x0);
                const float dy = (float)y - cy, dy2 = dy * dy;
                for (int i = 0; i < n; i++) {
                    float dx = (float)(x0 + i) - cx;
                    float fall = 1.0f + k.vignette * (dx * dx + dy2) * inverse;
                    float dim = 1.0f / (fall * fall);
                    float r = p[3 * i] * dim, g = p[3 * i + 1] * dim, b = p[3 * i + 2] * dim;
                    float grey = k.red * r + k.green * g + k.blue * b;
                    float q[3] = {m[0] * r + m[1] * g + m[2] * b, m[3] * r + m[4] * g + m[5] * b,
                                  m[6] * r + m[7] * g + m[8] * b};
                    for (int c = 0; c < 3; c++) {
                        float v = q[c] + k.mono * (grey - q[c]);
                        s.p[c][i] = v > 0.0f ? (v < 1e6f ? v : 1e6f) : 0.0f;
                    }
                }
                tone_curve(s, n, k);
                colour(s, n, k, m + 9, m + 18, m + 27, m + 36);
                for (int i = 0; i < n; i++) {
                    to[3 * i] = s.curved[0][i];
                    to[3 * i + 1] = s.curved[1][i];
                    to[3 * i + 2] = s.curved[2][i];
                }
            }
    });
}
KERNEL("grade", grade, "rgb"_a, "knobs"_a, "matrices"_a, "out"_a)
