// SPDX-License-Identifier: Apache-2.0
// Picture light to display code: primaries, gamut at constant hue and lightness of Oklab, transfer curve.
#include "kernel.h"

namespace {
constexpr int N = 512;
enum Transfer { SRGB, PQ, HLG };

inline float unit(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }

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

// ---- the gamut.  Along a line of constant hue and lightness in Oklab, L + t·d in its cone responses, each colour of the
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
void lines(Block &s, int n, const float *k, const float *m, const float *f) {
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

// Only colours near the walls or beyond (`near` < 0) are mapped, a block of them at a time.
void gamut(float (*plane)[N], int n, const float *near, const float *k, const float *m, const float *f) {
    constexpr int FEW = 32;
    int where[N + 1], found = 0;
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
        float plane[3][N], near[N];
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
            for (int i = 0; i < n; i++) {
                const float r = plane[0][i], g = plane[1][i], u = plane[2][i];
                const float grey = INNER * (k0 * r + k1 * g + k2 * u);
                float low = r < g ? r : g, high = r < g ? g : r;
                low = (u < low ? u : low) - grey;
                high = 1.0f - INNER - ((u > high ? u : high) - grey);
                near[i] = low < high ? low : high;
            }
            gamut(plane, n, near, k, m + 9, m + 18);
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
