// SPDX-License-Identifier: Apache-2.0
// The look for a strip of at most N pixels, one plane a colour, so that every loop is over a plain array and vectorises:
// light → powers → curve → colour.  What the powers hold serves displays of any brightness.
#pragma once
#include "kernel.h"

namespace look {
constexpr int N = 256, HUES = 3;

// Roots by Newton's method from a guess at the exponent: several times cheaper than by logarithms, division and square root.
inline float inverse_root2(float x) {  // 1/√x of x > 0; relative error < 4e-7
    float r = as_float(0x5f3759df - (as_int(x) >> 1));
    const float half = 0.5f * x;
    for (int i = 0; i < 3; i++) r = r * (1.5f - half * r * r);
    return r;
}
inline float root2(float x) { return x > 1e-30f ? x * inverse_root2(x) : 0.0f; }
inline float root3(float a) {  // of a ≥ 0; relative error < 3e-7: greys stay grey
    float r = as_float(0x54a2fa8c - (int32_t)((float)as_int(a) * (1.0f / 3.0f)));  // 1/∛a within 4 %
    const float d = 1.0f - (a * r) * (r * r);
    r += r * (d * (0.33333333f + d * (0.22222222f + d * 0.17283951f)));
    const float per = r * r;
    float y = a * per;
    y += (a - y * y * y) * (per * 0.33333333f);
    return a > 1e-30f ? y : 0.0f;
}

// The knobs as one flat array, in this order; grade.py fills it.
struct Knobs {
    float vignette, contrast, foot, foot_c, k, hue_keep;  // foot = toe · grey, foot_c = foot^contrast
    float saturation, shadow_saturation, highlight_saturation, purity;
    float shadow_a, shadow_b, mid_a, mid_b, highlight_a, highlight_b;
    float mono, red, green, blue;
    float hue[HUES][5];  // centre, 1 / width, chroma, shift (degrees), lightness
    float white;         // the brightest light; to_lms has it as a factor
};
constexpr int KNOBS = sizeof(Knobs) / sizeof(float);

// matrices: Rec. 2020 → P3, P3 → LMS, LMS' → Oklab, Oklab → LMS', LMS → P3
struct Look {
    Knobs k;
    const float *to_p3, *to_lms, *to_lab, *from_lab, *from_lms;
    float least;         // below it light counts as none
    float grey_lab[3];   // Oklab of the brightest grey: published matrices are not exactly neutral
    float hue[HUES][5];  // centre (turns), -½ log2(e) / width² (turns), chroma, shift (radians), twice the lightness
    int hues = 0;        // entries that do something come first
    Look(const float *knobs, const float *m) : to_p3(m), to_lms(m + 9), to_lab(m + 18), from_lab(m + 27), from_lms(m + 36) {
        std::memcpy(&k, knobs, sizeof k);
        least = as_float((127 - std::min(120, (int)(120.0f / k.contrast))) << 23);  // its power is no denormal number
        float lms[3];
        for (int c = 0; c < 3; c++) lms[c] = root3(to_lms[3 * c] + to_lms[3 * c + 1] + to_lms[3 * c + 2]);
        for (int c = 0; c < 3; c++)
            grey_lab[c] = to_lab[3 * c] * lms[0] + to_lab[3 * c + 1] * lms[1] + to_lab[3 * c + 2] * lms[2];
        for (const auto &q : k.hue) {
            if (q[2] == 0.0f && q[3] == 0.0f && q[4] == 0.0f) continue;
            const float narrow = 360.0f * q[1];
            const float entry[5] = {q[0] * (1.0f / 360.0f), -0.72134752f * narrow * narrow, q[2], q[3] * 0.01745329252f,
                                    2.0f * q[4]};
            std::memcpy(hue[hues++], entry, sizeof entry);
        }
    }
    bool grey() const { return k.mono == 1.0f; }
    bool tinted() const {
        for (float tint : {k.shadow_a, k.shadow_b, k.mid_a, k.mid_b, k.highlight_a, k.highlight_b})
            if (tint != 0.0f) return true;
        return false;
    }
};

struct Strip {
    float p[3][N];     // light in P3, ≥ 0
    float e[4][N];     // powers of the three and of their norm
    float ratio[N];    // 1 / norm
    float rgb[3][N];   // after the curve, then after the colour
    float L[N], A[N], B[N], C[N], H[N], gain[N], turn[N], lifted[N], light[N];
};

// Angle of (a, b) in turns, 0 … 1; error < 3e-7 turns.
inline float turns(float a, float b) {
    float u = a < 0.0f ? -a : a, v = b < 0.0f ? -b : b;
    float high = u > v ? u : v, low = u > v ? v : u;
    float t = low / (high + 1e-30f), z = t * t;
    float d = t * (0.15915485f + z * (-0.053046692f + z * (0.031753181f + z * (-0.022175423f + z * (0.015452855f +
              z * (-0.0090528764f + z * (0.0035916225f + z * -0.00067758797f)))))));
    d = v > u ? 0.25f - d : d;
    d = a < 0.0f ? 0.5f - d : d;
    return b < 0.0f ? 1.0f - d : d;
}

inline float bounded(float x, float low, float high) {
    x = x > low ? x : low;
    return x < high ? x : high;
}

// (x + foot)^c - foot^c; the exponents stay within those of a float, so nothing need be clamped.
inline float power(float x, const Look &look) {
    float v = x + look.k.foot;
    v = v > look.least ? v : look.least;
    const int32_t i = as_int(v), whole = (i - 0x3f3504f3) >> 23;  // mantissa in [√½, √2)
    const float m = as_float(i - whole * (1 << 23)), s = (m - 1.0f) / (m + 1.0f), z = s * s;
    const float l = s * (2.88539129f + z * (0.96147081f + z * 0.59897389f));
    const float y = ((float)whole + l) * look.k.contrast, r = y + 12582912.0f, f = y - (r - 12582912.0f), f2 = f * f;
    const float p = (1.0f + f * 0.6931469776f) + f2 * ((0.2402224209f + f * 0.05550733743f) +
                                                      f2 * (0.00967151264f + f * 0.00132647272f));
    const float e = p * as_float((as_int(r) - 0x4b400000 + 127) << 23) - look.k.foot_c;
    return e > 0.0f ? e : 0.0f;
}

// Where a strip lies in the picture: its row and first column from the centre, the step between its pixels, and
// 1 / (half the diagonal)².
struct Place {
    float y, x, step, inverse;
};

inline void light(Strip &s, const float *p, int n, const Look &look, const Place &at) {
    const Knobs &k = look.k;
    const float *m = look.to_p3, y2 = at.y * at.y;
    for (int i = 0; i < n; i++) {
        float dx = at.x + at.step * (float)i;
        float fall = 1.0f + k.vignette * (dx * dx + y2) * at.inverse;
        float dim = 1.0f / (fall * fall);
        float r = p[3 * i] * dim, g = p[3 * i + 1] * dim, b = p[3 * i + 2] * dim;
        float grey = k.red * r + k.green * g + k.blue * b;
        float q[3] = {m[0] * r + m[1] * g + m[2] * b, m[3] * r + m[4] * g + m[5] * b, m[6] * r + m[7] * g + m[8] * b};
        for (int c = 0; c < 3; c++) s.p[c][i] = bounded(q[c] + k.mono * (grey - q[c]), 0.0f, 1e6f);
    }
}

inline void powers(Strip &s, int n, const Look &look) {
    if (look.grey()) {
        for (int i = 0; i < n; i++) s.e[0][i] = power(s.p[0][i], look);
        return;
    }
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < n; i++) s.e[c][i] = power(s.p[c][i], look);
    if (look.k.hue_keep == 0.0f) return;
    for (int i = 0; i < n; i++) {
        const float r = s.p[0][i], g = s.p[1][i], b = s.p[2][i];
        const float rr = r * r, gg = g * g, bb = b * b, squares = rr + gg + bb, cubes = rr * r + gg * g + bb * b;
        s.e[3][i] = power(cubes / (squares + 1e-30f), look);
        s.ratio[i] = squares / (cubes + 1e-36f);
    }
}

// Pairs share a division: 1/x = y · 1/(x y).  Powers are below 1e18.
inline void curve(Strip &s, int n, const Look &look) {
    const float k = look.k.k, keep = look.k.hue_keep;
    if (look.grey()) {
        for (int i = 0; i < n; i++) s.rgb[0][i] = s.e[0][i] / (s.e[0][i] + k);
        return;
    }
    for (int i = 0; i < n; i++) {
        const float e0 = s.e[0][i], e1 = s.e[1][i], e2 = s.e[2][i];
        const float a = e0 + k, b = e1 + k, inverse = 1.0f / (a * b);
        s.rgb[0][i] = e0 * (b * inverse);
        s.rgb[1][i] = e1 * (a * inverse);
        s.rgb[2][i] = e2 / (e2 + k);
    }
    if (keep == 0.0f) return;
    for (int i = 0; i < n; i++) {
        const float r = s.p[0][i], g = s.p[1][i], b = s.p[2][i], Y = s.e[3][i] / (s.e[3][i] + k), to = Y * s.ratio[i];
        float top = r > g ? r : g;
        top = b > top ? b : top;
        const float over = top * to;  // what the largest channel becomes
        const float root = inverse_root2(over > 1.0f ? over : 1.0f), pull = root * root * root;
        s.rgb[0][i] += keep * (Y + (r * to - Y) * pull - s.rgb[0][i]);
        s.rgb[1][i] += keep * (Y + (g * to - Y) * pull - s.rgb[1][i]);
        s.rgb[2][i] += keep * (Y + (b * to - Y) * pull - s.rgb[2][i]);
    }
}

inline void to_oklab(Strip &s, int n, const Look &look) {
    const float *m = look.to_lms, *q = look.to_lab;
    for (int i = 0; i < n; i++) {
        const float r = s.rgb[0][i], g = s.rgb[1][i], b = s.rgb[2][i];
        const float x = root3(m[0] * r + m[1] * g + m[2] * b);
        const float y = root3(m[3] * r + m[4] * g + m[5] * b);
        const float z = root3(m[6] * r + m[7] * g + m[8] * b);
        s.L[i] = q[0] * x + q[1] * y + q[2] * z;
        s.A[i] = q[3] * x + q[4] * y + q[5] * z;
        s.B[i] = q[6] * x + q[7] * y + q[8] * z;
    }
    for (int i = 0; i < n; i++) s.C[i] = root2(s.A[i] * s.A[i] + s.B[i] * s.B[i]);
}

// What the entries of the look do to hues: chroma (a factor), turn (radians), lightness.
inline void hues(Strip &s, int n, const Look &look) {
    for (int i = 0; i < n; i++) {
        s.H[i] = turns(s.A[i], s.B[i]);
        s.gain[i] = 1.0f;
        s.turn[i] = s.lifted[i] = 0.0f;
    }
    for (int j = 0; j < look.hues; j++) {
        const float centre = look.hue[j][0], reach = look.hue[j][1], chroma = look.hue[j][2], shift = look.hue[j][3],
                    lightness = look.hue[j][4];
        for (int i = 0; i < n; i++) {
            float d = s.H[i] - centre;
            d -= (d + 12582912.0f) - 12582912.0f;  // the nearest way round
            float y = d * d * reach;
            y = y > -120.0f ? y : -120.0f;
            const float r = y + 12582912.0f, f = y - (r - 12582912.0f), colourful = s.C[i] * 25.0f;
            const float p = 1.0f + f * (0.69314718056f + f * (0.24022650696f + f * (0.05550410866f + f * 0.00961812911f)));
            const float weight = p * as_float((as_int(r) - 0x4b400000 + 127) << 23) * (colourful < 1.0f ? colourful : 1.0f);
            s.gain[i] *= 1.0f + chroma * weight;
            s.turn[i] += shift * weight;
            s.lifted[i] += lightness * weight;
        }
    }
    for (int i = 0; i < n; i++) {
        const float t = s.turn[i], z = t * t, C = s.C[i], a = s.A[i], b = s.B[i];
        const float sine = t * (1.0f + z * (-0.16666667f + z * (0.0083333310f + z * -0.00019840874f)));
        const float cosine = 1.0f + z * (-0.5f + z * (0.041666638f + z * -0.0013888378f));
        s.A[i] = (cosine * a - sine * b) * s.gain[i];
        s.B[i] = (sine * a + cosine * b) * s.gain[i];
        s.C[i] = C * s.gain[i];
        s.light[i] = s.L[i] + s.lifted[i] * C;
    }
}

// From Oklab, with the chroma and the tints of the look, back to light; weights go by the lightness before `hues`.
inline void from_oklab(Strip &s, int n, const Look &look, const float *light) {
    const Knobs k = look.k;
    const float *m = look.from_lab, *q = look.from_lms;
    const float dark_more = k.shadow_saturation - 1.0f, bright_more = k.highlight_saturation - 1.0f;
    const float dark_a = k.shadow_a - k.mid_a, dark_b = k.shadow_b - k.mid_b;  // what mid-tones have, all begin with
    const float bright_a = k.highlight_a - k.mid_a, bright_b = k.highlight_b - k.mid_b;
    for (int i = 0; i < n; i++) {
        const float bright = s.L[i], L = light[i];
        float ws = 1.0f - bright * (1.0f / 0.45f), wh = bright * 4.0f - 3.0f;
        ws = ws > 0.0f ? ws : 0.0f;
        wh = wh > 0.0f ? (wh < 1.0f ? wh : 1.0f) : 0.0f;
        const float gain = k.saturation * (1.0f + dark_more * ws) * (1.0f + bright_more * wh);
        const float excess = (s.C[i] * gain - 0.22f) * 10.0f;
        const float keep = gain / (1.0f + k.purity * (excess > 0.0f ? excess : 0.0f));
        const float a = keep * s.A[i] + k.mid_a + dark_a * ws + bright_a * wh;
        const float b = keep * s.B[i] + k.mid_b + dark_b * ws + bright_b * wh;
        float x = m[0] * L + m[1] * a + m[2] * b, y = m[3] * L + m[4] * a + m[5] * b, w = m[6] * L + m[7] * a + m[8] * b;
        x = x * x * x, y = y * y * y, w = w * w * w;
        s.rgb[0][i] = q[0] * x + q[1] * y + q[2] * w;
        s.rgb[1][i] = q[3] * x + q[4] * y + q[5] * w;
        s.rgb[2][i] = q[6] * x + q[7] * y + q[8] * w;
    }
}

// Colour of a strip after its curve.  Greys have no colour that could move.
inline void colour(Strip &s, int n, const Look &look) {
    if (look.grey() && !look.tinted()) {
        for (int i = 0; i < n; i++) s.rgb[0][i] = s.rgb[1][i] = s.rgb[2][i] = look.k.white * s.rgb[0][i];
        return;
    }
    if (look.grey()) {
        for (int i = 0; i < n; i++) {
            const float x = root3(s.rgb[0][i]);
            s.L[i] = x * look.grey_lab[0];
            s.A[i] = x * look.grey_lab[1];
            s.B[i] = x * look.grey_lab[2];
            s.C[i] = 0.0f;
        }
        from_oklab(s, n, look, s.L);
        return;
    }
    to_oklab(s, n, look);
    if (look.hues) hues(s, n, look);
    from_oklab(s, n, look, look.hues ? s.light : s.L);
}
}  // namespace look
