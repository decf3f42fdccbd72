// SPDX-License-Identifier: Apache-2.0
// A table of colours: encode, one-dimensional shaper, tetrahedra of a cube, decode.  Rows in strips of N pixels.
#include "lanes.h"

namespace {
constexpr int N = 256;
enum Kind { LINEAR, SRGB, POWER, LOG };
constexpr float FOOT = 0.000244140625f, DEEPEST = 12.0f, SPAN = 19.0000027f;  // 2^-12; log2(2^7 + 2^-12) + 12

struct Strip {
    float linear[3][N], code[3][N], f[3][N], weight[4][N], mapped[4 * N], scale[N];
    int32_t cell[N], first[N], second[N];
};

void encode(float *v, int n, int kind, float gamma) {
    if (kind == SRGB)
        for (int i = 0; i < n; i++) {
            float curved = 1.055f * exp2_(log2_(v[i]) * (1.0f / 2.4f)) - 0.055f;
            v[i] = v[i] <= 0.0031308f ? 12.92f * v[i] : curved;
        }
    else if (kind == POWER)
        for (int i = 0; i < n; i++) v[i] = v[i] > 0.0f ? exp2_(log2_(v[i]) * (1.0f / gamma)) : 0.0f;
    else if (kind == LOG)
        for (int i = 0; i < n; i++) v[i] = (log2_(v[i] + FOOT) + DEEPEST) * (1.0f / SPAN);
}

void decode(float *v, int n, int kind, float gamma) {
    if (kind == SRGB)
        for (int i = 0; i < n; i++) {
            float curved = exp2_(log2_((v[i] + 0.055f) * (1.0f / 1.055f)) * 2.4f);
            v[i] = v[i] <= 0.04045f ? v[i] * (1.0f / 12.92f) : curved;
        }
    else if (kind == POWER)
        for (int i = 0; i < n; i++) v[i] = v[i] > 0.0f ? exp2_(log2_(v[i]) * gamma) : 0.0f;
    else if (kind == LOG)
        for (int i = 0; i < n; i++) v[i] = exp2_(v[i] * SPAN - DEEPEST) - FOOT;
}

// Straight lines between the entries; beyond the domain the value at its end.
void shape(float *v, int n, const float *table, int entries, float low, float high) {
    const float per = (float)(entries - 1) / (high - low);
    for (int i = 0; i < n; i++) {
        float x = (v[i] - low) * per;
        x = x > 0.0f ? (x < (float)(entries - 1) ? x : (float)(entries - 1)) : 0.0f;
        int k = std::min((int)x, entries - 2);
        float a = table[3 * k], b = table[3 * k + 3];
        v[i] = a + (x - (float)k) * (b - a);
    }
}

inline float span(float a, float b, float c) {  // between the largest and the smallest, and a little
    const float ab = a > b ? a : b, ba = a > b ? b : a;
    return (ab > c ? ab : c) - (ba < c ? ba : c) + 1e-4f;
}

// The cell of each colour and its place there; then the four corners of its tetrahedron, by the order of the three.
void tetrahedra(Strip &s, int n, const float *cube, int side, const float *low, const float *per) {
    const int32_t step[3] = {4 * side * side, 4 * side, 4};
    for (int i = 0; i < n; i++) s.cell[i] = 0;
    for (int c = 0; c < 3; c++) {
        const float most = (float)(side - 1), last = (float)(side - 2), from = low[c], times = per[c];
        for (int i = 0; i < n; i++) {
            float x = (s.code[c][i] - from) * times;
            x = x > 0.0f ? (x < most ? x : most) : 0.0f;  // NaN reads black here and stays NaN in what is left over
            float y = x < last ? x : last;
            int32_t k = (int32_t)y;
            s.f[c][i] = x - (float)k;
            s.cell[i] += k * step[c];
        }
    }
    const int32_t s0 = step[0], s1 = step[1], s2 = step[2], all = s0 + s1 + s2;
    for (int i = 0; i < n; i++) {
        const float r = s.f[0][i], g = s.f[1][i], b = s.f[2][i];
        const float rg = r > g ? r : g, gr = r > g ? g : r;
        const float high = rg > b ? rg : b, lower = gr < b ? gr : b;
        const float between = rg < b ? rg : b, middle = gr > between ? gr : between;
        const int32_t of_rg = r > g ? s0 : s1, of_gr = r > g ? s1 : s0;
        const int32_t first = rg > b ? of_rg : s2, least = gr < b ? of_gr : s2;
        s.first[i] = s.cell[i] + first;
        s.second[i] = s.cell[i] + all - least;
        s.weight[0][i] = 1.0f - high;
        s.weight[1][i] = high - middle;
        s.weight[2][i] = middle - lower;
        s.weight[3][i] = lower;
    }
    for (int i = 0; i < n; i++) {
        lanes4 p, q, u, v;
        std::memcpy(&p, cube + s.cell[i], 16);
        std::memcpy(&q, cube + s.first[i], 16);
        std::memcpy(&u, cube + s.second[i], 16);
        std::memcpy(&v, cube + s.cell[i] + all, 16);
        const lanes4 mixed = s.weight[0][i] * p + s.weight[1][i] * q + s.weight[2][i] * u + s.weight[3][i] * v;
        std::memcpy(s.mapped + 4 * i, &mixed, 16);
    }
}
}  // namespace

// curves: kind and gamma of the encoding, kind and gamma of the output.  shaper: n 3, none with n = 0.  domains: low and
// high of the shaper, low and high of the cube, each a triple.  range: linear light between which the table is asked.
static void lut(In<float, 3> rgb, In<float, 3> matrices, In<float, 2> curves, In<float, 2> shaper, In<float, 4> cube,
                In<float, 2> domains, In<float, 1> range, float amount, Out<float, 3> out) {
    need(rgb.shape(2) == 3 && matrices.size() == 18 && curves.size() == 4, "lut: rgb h w 3, matrices 2 3 3, curves 2 2");
    need(rgb.shape(0) == out.shape(0) && rgb.shape(1) == out.shape(1) && out.shape(2) == 3, "lut: out is like rgb");
    const int side = (int)cube.shape(0), entries = (int)shaper.shape(0);
    need(side >= 2 && cube.size() == (size_t)side * side * side * 4 && cube.shape(3) == 4, "lut: a cube is n n n 4");
    need((entries == 0 || entries >= 2) && shaper.shape(1) == 3, "lut: a shaper is n 3");
    need(domains.size() == 12 && range.size() == 2, "lut: domains 4 3, range 2");
    const float *m = matrices.data(), *back = m + 9, *k = curves.data(), *d = domains.data();
    const float m0 = m[0], m1 = m[1], m2 = m[2], m3 = m[3], m4 = m[4], m5 = m[5], m6 = m[6], m7 = m[7], m8 = m[8];
    const float b0 = back[0], b1 = back[1], b2 = back[2], b3 = back[3], b4 = back[4], b5 = back[5], b6 = back[6],
                b7 = back[7], b8 = back[8];
    const int kind = (int)k[0], kind2 = (int)k[2];
    const float gamma = k[1], gamma2 = k[3], low = range.data()[0], high = range.data()[1];
    float per[3];
    for (int c = 0; c < 3; c++) per[c] = (float)(side - 1) / (d[9 + c] - d[6 + c]);
    const size_t w = rgb.shape(1);
    parallel_rows((int)rgb.shape(0), 8, [&](int y0, int y1) {
        auto strip = std::make_unique<Strip>();
        Strip &s = *strip;
        for (size_t start = w * y0, stop = w * y1; start < stop; start += N) {
            const int n = (int)std::min<size_t>(N, stop - start);
            const float *p = rgb.data() + 3 * start;
            float *to = out.data() + 3 * start;
            for (int i = 0; i < n; i++) {
                float r = p[3 * i], g = p[3 * i + 1], b = p[3 * i + 2];
                s.linear[0][i] = m0 * r + m1 * g + m2 * b;
                s.linear[1][i] = m3 * r + m4 * g + m5 * b;
                s.linear[2][i] = m6 * r + m7 * g + m8 * b;
            }
            for (int i = 0; i < n; i++) {
                float x = s.linear[0][i], y = s.linear[1][i], z = s.linear[2][i];
                float top = x > y ? x : y;
                top = z > top ? z : top;
                top = top > high ? top : high;
                float scale = high / top;  // beyond the table: its colour there, as bright as before
                s.scale[i] = top / high;
                s.linear[0][i] = x * scale, s.linear[1][i] = y * scale, s.linear[2][i] = z * scale;
            }
            for (int c = 0; c < 3; c++) {
                for (int i = 0; i < n; i++) s.code[c][i] = s.linear[c][i] > low ? s.linear[c][i] : low;
                encode(s.code[c], n, kind, gamma);
                if (entries) shape(s.code[c], n, shaper.data() + c, entries, d[c], d[3 + c]);
            }
            tetrahedra(s, n, cube.data(), side, d + 6, per);
            for (int c = 0; c < 3; c++) {
                for (int i = 0; i < n; i++) s.code[c][i] = s.mapped[4 * i + c];
                decode(s.code[c], n, kind2, gamma2);
            }
            for (int i = 0; i < n; i++) {
                const float x = s.linear[0][i], y = s.linear[1][i], z = s.linear[2][i];
                const float a = x > low ? x : low, b = y > low ? y : low, c = z > low ? z : low;
                float r = s.code[0][i], g = s.code[1][i], u = s.code[2][i];
                // what lies below the table comes back as far as the table leaves colours their colourfulness
                const float kept = span(r, g, u) / span(a, b, c), k = kept < 1.0f ? kept : 1.0f, scale = s.scale[i];
                s.code[0][i] = (r + k * (x - a)) * scale;
                s.code[1][i] = (g + k * (y - b)) * scale;
                s.code[2][i] = (u + k * (z - c)) * scale;
            }
            for (int i = 0; i < n; i++) {
                const float r = s.code[0][i], g = s.code[1][i], u = s.code[2][i];
                s.linear[0][i] = b0 * r + b1 * g + b2 * u;
                s.linear[1][i] = b3 * r + b4 * g + b5 * u;
                s.linear[2][i] = b6 * r + b7 * g + b8 * u;
            }
            for (int i = 0; i < n; i++) {
                float r = p[3 * i], g = p[3 * i + 1], b = p[3 * i + 2];
                to[3 * i] = r + amount * (s.linear[0][i] - r);
                to[3 * i + 1] = g + amount * (s.linear[1][i] - g);
                to[3 * i + 2] = b + amount * (s.linear[2][i] - b);
            }
        }
    });
}
KERNEL("lut", lut, "rgb"_a, "matrices"_a, "curves"_a, "shaper"_a, "cube"_a, "domains"_a, "range"_a, "amount"_a, "out"_a)
