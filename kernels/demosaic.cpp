// SPDX-License-Identifier: Apache-2.0
// Demosaic by ratio-corrected directional interpolation; the idea and the formulas stand in capture/demosaic.py.
// Works on tiles with a margin; inside a tile every step runs over all sites, branch-free, and parities are selected.
#include "kernel.h"

namespace {

constexpr int TH = 64, TW = 240, M = 8;             // tile and margin: what the longest chain of filters reaches
constexpr int BH = TH + 2 * M, BW = TW + 2 * M;     // buffer
struct Tile {
    float c[BH * BW], low[BH * BW], vh[BH * BW], pq[BH * BW], g[BH * BW], k[BH * BW], kd[BH * BW], eps[BH * BW];
};

inline float sq(float a) { return a * a; }
inline float ab(float a) { return a < 0 ? -a : a; }

// High-pass along a direction with step d: zero for constants and ramps, and for the alternation of the CFA.
inline float high(const float *c, int d) {
    return (c[-3 * d] + c[3 * d]) - (c[-d] + c[d]) - 3.0f * (c[-2 * d] + c[2 * d]) + 6.0f * c[0];
}

void demosaic_tile(Tile &t, const float *cfa, int h, int w, int ry, int rx, float shot, float read, int y0, int x0,
                   int y1, int x1, float *out) {
    const int nh = y1 - y0 + 2 * M, nw = x1 - x0 + 2 * M;
    for (int j = 0; j < nh; j++) {
        const float *src = cfa + (size_t)mirror(y0 - M + j, h) * w;
        float *dst = t.c + j * BW;
        const int xa = x0 - M;
        if (xa >= 0 && xa + nw <= w) std::memcpy(dst, src + xa, sizeof(float) * nw);
        else
            for (int i = 0; i < nw; i++) dst[i] = src[mirror(xa + i, w)];
    }
    // low-pass of all colours together: a proxy of luminance
    for (int j = 1; j < nh - 1; j++) {
        const float *c = t.c + j * BW;
        float *o = t.low + j * BW;
        for (int i = 1; i < nw - 1; i++)
            o[i] = 0.25f * c[i] + 0.125f * (c[i - 1] + c[i + 1] + c[i - BW] + c[i + BW]) +
                   0.0625f * (c[i - BW - 1] + c[i - BW + 1] + c[i + BW - 1] + c[i + BW + 1]);
    }
    // direction: energy of the high-pass along each axis (1 = vertical activity, interpolate horizontally) and diagonal
    for (int j = 4; j < nh - 4; j++) {
        const float *c = t.c + j * BW, *l = t.low + j * BW;
        float *o = t.vh + j * BW, *q = t.pq + j * BW, *eps = t.eps + j * BW;
        float hh[BW], h2[BW];
        for (int i = 3; i < nw - 3; i++) hh[i] = sq(high(c + i, 1));
        for (int i = 3; i < nw - 3; i++) h2[i] = sq(high(c + i, BW));
        const float n = 60.0f;  // noise of the high-pass: sum of squares of its taps times 3 positions
        for (int i = 4; i < nw - 4; i++) {
            float v = sq(high(c + i - BW, BW)) + h2[i] + sq(high(c + i + BW, BW));
            float hz = hh[i - 1] + hh[i] + hh[i + 1];
            float variance = shot * (l[i] > 0 ? l[i] : 0) + read;
            float e = n * variance + 1e-10f;
            eps[i] = 1e-5f + 0.2f * __builtin_sqrtf(variance);
            o[i] = (v + e) / (v + hz + 2 * e);
            float p = sq(high(c + i, BW + 1)), m = sq(high(c + i, BW - 1));
            q[i] = (p + e) / (p + m + 2 * e);
        }
    }
    // green at red and blue sites
    for (int j = 5; j < nh - 5; j++) {
        const float *c = t.c + j * BW, *l = t.low + j * BW, *s = t.vh + j * BW, *eps = t.eps + j * BW;
        float *g = t.g + j * BW, *k = t.k + j * BW;
        const int par = (y0 - M + j + ry) & 1;  // 0: row holds red, 1: blue
        // site of colour (red or blue) where ((x + rx + par) & 1) == 0
        const int first = (x0 - M + rx + par) & 1;
        for (int i = 5; i < nw - 5; i++) {
            float e = eps[i];
            float n_ = e + ab(c[i - BW] - c[i + BW]) + ab(c[i] - c[i - 2 * BW]) + ab(c[i - BW] - c[i - 3 * BW]) + ab(c[i - 2 * BW] - c[i - 4 * BW]);
            float s_ = e + ab(c[i - BW] - c[i + BW]) + ab(c[i] - c[i + 2 * BW]) + ab(c[i + BW] - c[i + 3 * BW]) + ab(c[i + 2 * BW] - c[i + 4 * BW]);
            float w_ = e + ab(c[i - 1] - c[i + 1]) + ab(c[i] - c[i - 2]) + ab(c[i - 1] - c[i - 3]) + ab(c[i - 2] - c[i - 4]);
            float e_ = e + ab(c[i - 1] - c[i + 1]) + ab(c[i] - c[i + 2]) + ab(c[i + 1] - c[i + 3]) + ab(c[i + 2] - c[i + 4]);
            float l0 = l[i] + c[i];
            auto est = [&](int d) {
                float ln = l[i + 2 * d] + c[i + 2 * d], den = l0 + ln;
                return c[i + d] + (c[i + d] > 0 ? c[i + d] : 0) * (l0 - ln) / (den > 60 * e ? den : 60 * e);
            };
            float ve = (s_ * est(-BW) + n_ * est(BW)) / (n_ + s_);
            float he = (e_ * est(-1) + w_ * est(1)) / (w_ + e_);
            float nb = 0.25f * (s[i - BW - 1] + s[i - BW + 1] + s[i + BW - 1] + s[i + BW + 1]);
            float d = ab(0.5f - s[i]) < ab(0.5f - nb) ? nb : s[i];
            float green = ve + d * (he - ve);
            bool colour = ((i + first) & 1) == 0;
            g[i] = colour ? green : c[i];
            k[i] = colour ? c[i] - green : 0.0f;
        }
    }
    // the other colour at red and blue sites, along diagonals
    for (int j = 7; j < nh - 7; j++) {
        const float *c = t.c + j * BW, *g = t.g + j * BW, *k = t.k + j * BW, *s = t.pq + j * BW, *eps = t.eps + j * BW;
        float *o = t.kd + j * BW;
        constexpr int P = BW + 1, Q = BW - 1;
        for (int i = 7; i < nw - 7; i++) {
            float e = eps[i];
            float p0 = e + ab(c[i - P] - c[i + P]) + ab(c[i - P] - c[i - 3 * P]) + ab(g[i] - g[i - 2 * P]);
            float p1 = e + ab(c[i - P] - c[i + P]) + ab(c[i + P] - c[i + 3 * P]) + ab(g[i] - g[i + 2 * P]);
            float q0 = e + ab(c[i - Q] - c[i + Q]) + ab(c[i - Q] - c[i - 3 * Q]) + ab(g[i] - g[i - 2 * Q]);
            float q1 = e + ab(c[i - Q] - c[i + Q]) + ab(c[i + Q] - c[i + 3 * Q]) + ab(g[i] - g[i + 2 * Q]);
            float pe = (p1 * k[i - P] + p0 * k[i + P]) / (p0 + p1);
            float qe = (q1 * k[i - Q] + q0 * k[i + Q]) / (q0 + q1);
            float nb = 0.25f * (s[i - P] + s[i - Q] + s[i + Q] + s[i + P]);
            float d = ab(0.5f - s[i]) < ab(0.5f - nb) ? nb : s[i];
            o[i] = pe + d * (qe - pe);
        }
    }
    // red and blue at green sites, and out
    for (int j = M; j < nh - M; j++) {
        const float *c = t.c + j * BW, *g = t.g + j * BW, *k = t.k + j * BW, *kd = t.kd + j * BW, *s = t.vh + j * BW,
                    *eps = t.eps + j * BW;
        float *o = out + ((size_t)(y0 + j - M) * w + x0) * 3;
        const int par = (y0 - M + j + ry) & 1;
        const int first = (x0 - M + rx + par) & 1;
        float own[BW], oth[BW];
        for (int i = M; i < nw - M; i++) {
            bool colour = ((i + first) & 1) == 0;
            float e = eps[i];
            float nb = 0.25f * (s[i - BW - 1] + s[i - BW + 1] + s[i + BW - 1] + s[i + BW + 1]);
            float d = ab(0.5f - s[i]) < ab(0.5f - nb) ? nb : s[i];
            float gn = e + ab(g[i] - g[i - 2 * BW]) , gs = e + ab(g[i] - g[i + 2 * BW]);
            float gw = e + ab(g[i] - g[i - 2]), ge = e + ab(g[i] - g[i + 2]);
            float cv = ab(c[i - BW] - c[i + BW]), ch = ab(c[i - 1] - c[i + 1]);
            float n_ = gn + cv + ab(c[i - BW] - c[i - 3 * BW]), s_ = gs + cv + ab(c[i + BW] - c[i + 3 * BW]);
            float w_ = gw + ch + ab(c[i - 1] - c[i - 3]), e_ = ge + ch + ab(c[i + 1] - c[i + 3]);
            float iv = 1.0f / (n_ + s_), ih = 1.0f / (w_ + e_);
            float ownv = (s_ * kd[i - BW] + n_ * kd[i + BW]) * iv, ownh = (e_ * k[i - 1] + w_ * k[i + 1]) * ih;
            float othv = (s_ * k[i - BW] + n_ * k[i + BW]) * iv, othh = (e_ * kd[i - 1] + w_ * kd[i + 1]) * ih;
            own[i] = g[i] + (colour ? k[i] : ownv + d * (ownh - ownv));
            oth[i] = g[i] + (colour ? kd[i] : othv + d * (othh - othv));
        }
        const float *red = par ? oth : own, *blue = par ? own : oth;
        for (int i = M; i < nw - M; i++) {
            o[3 * (i - M)] = red[i];
            o[3 * (i - M) + 1] = g[i];
            o[3 * (i - M) + 2] = blue[i];
        }
    }
}

void demosaic(In<float, 2> cfa, int ry, int rx, float shot, float read, Out<float, 3> out) {
    const int h = cfa.shape(0), w = cfa.shape(1);
    need((int)out.shape(0) == h && (int)out.shape(1) == w && out.shape(2) == 3, "out must be (h, w, 3)");
    need(h >= 2 && w >= 2, "cfa must be at least 2 x 2");
    const int ny = (h + TH - 1) / TH, nx = (w + TW - 1) / TW;
    parallel(ny, [&](int ty) {
        static thread_local Scratch memory;
        Tile *t = memory.get<Tile>(1);
        for (int tx = 0; tx < nx; tx++)
            demosaic_tile(*t, cfa.data(), h, w, ry, rx, shot, read, ty * TH, tx * TW, std::min(h, (ty + 1) * TH),
                          std::min(w, (tx + 1) * TW), out.data());
    });
}

// The mean of the nearest samples of each colour.
void bilinear(In<float, 2> cfa, int ry, int rx, Out<float, 3> out) {
    const int h = cfa.shape(0), w = cfa.shape(1);
    need((int)out.shape(0) == h && (int)out.shape(1) == w && out.shape(2) == 3, "out must be (h, w, 3)");
    parallel_rows(h, 32, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++)
            for (int x = 0; x < w; x++) {
                auto c = [&](int dy, int dx) { return cfa.data()[(size_t)mirror(y + dy, h) * w + mirror(x + dx, w)]; };
                float cross = 0.25f * (c(-1, 0) + c(1, 0) + c(0, -1) + c(0, 1));
                float diag = 0.25f * (c(-1, -1) + c(-1, 1) + c(1, -1) + c(1, 1));
                float hor = 0.5f * (c(0, -1) + c(0, 1)), ver = 0.5f * (c(-1, 0) + c(1, 0)), here = c(0, 0);
                float *o = out.data() + ((size_t)y * w + x) * 3;
                const bool red_row = ((y + ry) & 1) == 0, red_column = ((x + rx) & 1) == 0;
                o[0] = red_row ? (red_column ? here : hor) : (red_column ? ver : diag);
                o[1] = red_row == red_column ? cross : here;
                o[2] = red_row ? (red_column ? diag : ver) : (red_column ? hor : here);
            }
    });
}

// Bit c where a sample of colour c within two pixels was clipped.  pattern: colour of the 2x2 cell, 3 = all three.
void spread_clipped(In<uint8_t, 2> clipped, In<uint8_t, 1> pattern, Out<uint8_t, 2> out) {
    const int h = clipped.shape(0), w = clipped.shape(1);
    need((int)out.shape(0) == h && (int)out.shape(1) == w && pattern.shape(0) == 4, "out must have the shape of clipped");
    uint8_t bit[4];
    for (int k = 0; k < 4; k++) bit[k] = pattern.data()[k] == 3 ? 7 : 1 << pattern.data()[k];
    parallel_rows(h, 32, [&](int y0, int y1) {
        std::vector<uint8_t> column(w + 4);
        for (int y = y0; y < y1; y++) {
            for (int x = 0; x < w; x++) {
                uint8_t v = 0;
                for (int d = -2; d <= 2; d++) {
                    int yy = y + d;
                    if (yy >= 0 && yy < h) v |= clipped.data()[(size_t)yy * w + x] ? bit[(yy & 1) * 2 + (x & 1)] : 0;
                }
                column[x + 2] = v;
            }
            uint8_t *o = out.data() + (size_t)y * w;
            for (int x = 0; x < w; x++) o[x] = column[x] | column[x + 1] | column[x + 2] | column[x + 3] | column[x + 4];
        }
    });
}

}  // namespace

KERNEL("demosaic_bilinear", bilinear, "cfa"_a, "ry"_a, "rx"_a, "out"_a)
KERNEL("demosaic_clipped", spread_clipped, "clipped"_a, "pattern"_a, "out"_a)
KERNEL("demosaic", demosaic, "cfa"_a, "ry"_a, "rx"_a, "shot"_a, "read"_a, "out"_a)
