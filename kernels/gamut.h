// SPDX-License-Identifier: Apache-2.0
// What a screen cannot show, at constant hue and lightness of Oklab: of the photo and of its gain map alike.
#pragma once
#include "kernel.h"

namespace gamut {
inline float unit(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }

// The gamut.  Along a line of constant hue and lightness in Oklab, L + t·d in its cone responses, each colour of the
// screen is a cubic in t; t = 1 is the colour asked for, and where a cubic leaves 0 … 1 is the end of the gamut.
constexpr int BLOCK = 128;  // so many lines at once that no lane waits for its last result
constexpr float INNER = 0.15f;  // "well inside": still inside when saturation in linear light grows by 1 / (1 - 0.15)
constexpr float FURTHEST = 1.3f;

struct Lines {  // the cubics of a block of pixels
    float c0[BLOCK], c1[3][BLOCK], c2[3][BLOCK], c3[3][BLOCK], low[BLOCK], high;
    float at(int c, int i, float t) const { return c0[i] + t * (c1[c][i] + t * (c2[c][i] + t * c3[c][i])); }
    float margin(int i, float t) const {  // to the nearest wall; < 0 is outside
        const float a = at(0, i, t), b = at(1, i, t), c = at(2, i, t);
        float least = a < b ? a : b, most = a < b ? b : a;
        least = (c < least ? c : least) - low[i];
        most = high - (c > most ? c : most);
        return least < most ? least : most;
    }
    // Where the first n lines leave: halvings, then twice the place where a straight line between the ends would.
    void ends(float *t, int n) const {
        float in[BLOCK], out[BLOCK];
        for (int i = 0; i < n; i++) in[i] = 0.0f, out[i] = FURTHEST;
        for (int k = 0; k < 7; k++)
            for (int i = 0; i < n; i++) {
                const float half = 0.5f * (in[i] + out[i]), m = margin(i, half);
                in[i] = m >= 0.0f ? half : in[i];
                out[i] = m >= 0.0f ? out[i] : half;
            }
        for (int k = 0; k < 2; k++)
            for (int i = 0; i < n; i++) {
                float a = margin(i, in[i]), b = margin(i, out[i]);
                a = a > 0.0f ? a : 0.0f;
                b = b < -1e-12f ? b : -1e-12f;
                const float mid = in[i] + (out[i] - in[i]) * (a / (a - b)), m = margin(i, mid);
                t[i] = mid;
                in[i] = m >= 0.0f ? mid : in[i];
                out[i] = m >= 0.0f ? out[i] : mid;
            }
    }
};

struct Block {
    float p[3][BLOCK], d[3][BLOCK], at[BLOCK], skin[BLOCK], end[BLOCK], from[BLOCK];
    Lines outer, inner;
};

// The lines of a block.  k: luminance of the three colours, m: colours → cones, f: cones → colours.
inline void lines(Block &s, int n, const float *k, const float *m, const float *f) {
    constexpr float FAR = 1e4f;
    Lines &o = s.outer;
    for (int i = 0; i < n; i++) {
        float v[3], x[3];
        for (int c = 0; c < 3; c++) v[c] = s.p[c][i] < FAR ? (s.p[c][i] > -FAR ? s.p[c][i] : -FAR) : FAR;
        for (int c = 0; c < 3; c++) x[c] = cbrt_(m[3 * c] * v[0] + m[3 * c + 1] * v[1] + m[3 * c + 2] * v[2]);
        const float lightness = 0.2104542553f * x[0] + 0.7936177850f * x[1] - 0.0040720468f * x[2], L = unit(lightness);
        float d0 = x[0] - lightness, d1 = x[1] - lightness, d2 = x[2] - lightness;
        const float A = 1.9779984951f * d0 - 2.4285922050f * d1 + 0.4505937099f * d2;
        const float B = 0.0259040371f * d0 + 0.7827717662f * d1 - 0.8086757660f * d2;
        const float C = std::sqrt(A * A + B * B) + 1e-12f;
        const float far = C / (0.9f * L + 1e-6f), at = far > 1.0f ? far : 1.0f;  // no screen shows C > 0.9 L: t = 1 is there
        const float per = 1.0f / at;
        s.d[0][i] = d0 * per, s.d[1][i] = d1 * per, s.d[2][i] = d2 * per;
        s.at[i] = at;
        // Skin, hue 50° ± 20° (cos 38° … 20°): the knee begins no earlier than at its chroma.
        s.skin[i] = 0.15f * unit(((0.64278761f * A + 0.76604444f * B) / C - 0.78801075f) * (1.0f / 0.15168187f)) / C * at;
        o.c0[i] = L * L * L;
        o.low[i] = -0.002f * o.c0[i];  // a little outside: some walls near blue are almost along the line
        s.inner.c0[i] = (1.0f - INNER) * o.c0[i];
        s.inner.low[i] = 0.0f;
        s.from[i] = 3.0f * L;
    }
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < n; i++) {
            const float d0 = s.d[0][i], d1 = s.d[1][i], d2 = s.d[2][i], L3 = s.from[i];
            const float u = f[3 * c] * d0, v = f[3 * c + 1] * d1, w = f[3 * c + 2] * d2;
            o.c1[c][i] = L3 * L3 * (1.0f / 3.0f) * (u + v + w);
            o.c2[c][i] = L3 * (u * d0 + v * d1 + w * d2);
            o.c3[c][i] = u * d0 * d0 + v * d1 * d1 + w * d2 * d2;
        }
    for (int i = 0; i < n; i++) {  // the same walls for colours less INNER · luminance
        const float y1 = INNER * (k[0] * o.c1[0][i] + k[1] * o.c1[1][i] + k[2] * o.c1[2][i]);
        const float y2 = INNER * (k[0] * o.c2[0][i] + k[1] * o.c2[1][i] + k[2] * o.c2[2][i]);
        const float y3 = INNER * (k[0] * o.c3[0][i] + k[1] * o.c3[1][i] + k[2] * o.c3[2][i]);
        for (int c = 0; c < 3; c++) {
            s.inner.c1[c][i] = o.c1[c][i] - y1;
            s.inner.c2[c][i] = o.c2[c][i] - y2;
            s.inner.c3[c][i] = o.c3[c][i] - y3;
        }
    }
    o.high = 1.0f;
    s.inner.high = 1.0f - INNER;
}

// How far n colours are from where mapping begins; < 0 is beyond.  k: luminance of the three colours.
template <int N> void nearness(const float (*plane)[N], int n, const float *k, float *near) {
    const float k0 = k[0], k1 = k[1], k2 = k[2];
    for (int i = 0; i < n; i++) {
        const float r = plane[0][i], g = plane[1][i], u = plane[2][i];
        const float grey = INNER * (k0 * r + k1 * g + k2 * u);
        float low = r < g ? r : g, high = r < g ? g : r;
        low = (u < low ? u : low) - grey;
        high = 1.0f - INNER - ((u > high ? u : high) - grey);
        near[i] = low < high ? low : high;
    }
}

// Brings n colours of a screen, light 0 … 1, into its gamut, but for what rounding leaves outside.  k: luminance of its
// colours, m: colours → cone responses of Oklab, f: cone responses → colours.  Only colours near the walls or beyond are
// mapped, a block of them at a time.
template <int N> void within(float (*plane)[N], int n, const float *k, const float *m, const float *f) {
    constexpr int FEW = 32;
    float near[N];
    int where[N + 1], found = 0;
    nearness<N>(plane, n, k, near);
    for (int start = 0; start < n; start += FEW) {
        const int stop = std::min(n, start + FEW);
        float least = 0.0f;
        for (int i = start; i < stop; i++) least = near[i] < least ? near[i] : least;
        if (!(least < 0.0f)) continue;
        for (int i = start; i < stop; i++) {
            where[found] = i;
            found += near[i] < 0.0f;
        }
    }
    Block s;
    for (int first = 0; first < found; first += BLOCK) {
        const int count = std::min(found - first, BLOCK), whole = (count + 15) & ~15;
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < whole; i++) s.p[c][i] = i < count ? plane[c][where[first + i]] : 0.0f;
        lines(s, whole, k, m, f);
        s.outer.ends(s.end, whole);
        s.inner.ends(s.from, whole);
        for (int i = 0; i < whole; i++) {
            const float most = 0.98f * s.end[i], skin = s.skin[i] < most ? s.skin[i] : most;
            const float knee = s.from[i] > skin ? s.from[i] : skin, over = s.at[i] - knee;
            const float room = s.end[i] > knee ? s.end[i] - knee : 0.0f;
            const float t = knee + over * room / std::sqrt(room * room + over * over + 1e-20f);
            for (int c = 0; c < 3; c++) {
                const float mapped = s.outer.at(c, i, t), given = s.p[c][i];
                s.p[c][i] = over > 0.0f ? mapped : given;
            }
        }
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < count; i++) plane[c][where[first + i]] = s.p[c][i];
    }
}
}  // namespace gamut
