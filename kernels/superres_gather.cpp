// SPDX-License-Identifier: Apache-2.0
// Superres: what superres.cpp gathers, where colours repeat every two photosites (or one): all of a Bayer's.
//
// Around a pixel of the picture lie 4 x 4 photosites: in two of these rows (of one parity) and two of these columns, those of
// one colour.  So every sum has four terms of fixed weights, for as many pixels as share one shift.
#include "superres.h"

namespace {

constexpr int M = 16, HALF = M / 8;  // pixels that share a shift, of those that lie alike between photosites

// Eight values, every B-th.
template <int B> inline lanes8 every(const float *p) {
    const lanes8 a = load8(p);
    if (B == 1) return a;
    const lanes8 b = load8(p + 8);
    return LANES(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
}

struct Site {  // of a run of pixels: rows of photosites, weights of these and of columns, beliefs
    const float *row[4];
    float down[4], across[4];
    lanes8 belief[HALF];
    int top, left;
};

// Weighted differences, and weights, of the three colours.
template <int B> inline void gathered(const Site &s, const int (*cell)[2], float (*sum)[M], float (*mass)[M]) {
    typedef int32_t mask8 __attribute__((vector_size(32)));
    const mask8 even = {-1, 0, -1, 0, -1, 0, -1, 0};
    lanes8 sums[3][HALF] = {}, masses[3] = {};
    for (int n = 0; n < 2; n++) {  // rows n and n + 2
        float w[2][4];
        for (int k = 0; k < 4; k++) w[0][k] = s.down[n] * s.across[k], w[1][k] = s.down[n + 2] * s.across[k];
        const int *colour = cell[(s.top + n) & 1], here = colour[s.left & 1], there = colour[~s.left & 1];
        const float first = (w[0][0] + w[0][2]) + (w[1][0] + w[1][2]), second = (w[0][1] + w[0][3]) + (w[1][1] + w[1][3]);
        const lanes8 zero = {}, p = zero + first, q = zero + second;
        masses[here] += B == 1 ? (lanes8)(((mask8)p & even) | ((mask8)q & ~even)) : p;
        masses[there] += B == 1 ? (lanes8)(((mask8)q & even) | ((mask8)p & ~even)) : q;
        for (int h = 0; h < HALF; h++) {
            const float *a = s.row[n] + 8 * B * h, *b = s.row[n + 2] + 8 * B * h;
            const lanes8 u = (w[0][0] * every<B>(a) + w[0][2] * every<B>(a + 2)) +
                             (w[1][0] * every<B>(b) + w[1][2] * every<B>(b + 2));
            const lanes8 v = (w[0][1] * every<B>(a + 1) + w[0][3] * every<B>(a + 3)) +
                             (w[1][1] * every<B>(b + 1) + w[1][3] * every<B>(b + 3));
            sums[here][h] += B == 1 ? (lanes8)(((mask8)u & even) | ((mask8)v & ~even)) : u;
            sums[there][h] += B == 1 ? (lanes8)(((mask8)v & even) | ((mask8)u & ~even)) : v;
        }
    }
    for (int c = 0; c < 3; c++)
        for (int h = 0; h < HALF; h++) {
            store8(sum[c] + 8 * h, s.belief[h] * sums[c][h]);
            store8(mass[c] + 8 * h, s.belief[h] * masses[c]);
        }
}

// Beliefs in the photosites nearest to the pixels, from cells of a row; none outside.
template <int B> inline void beliefs(const float *cells, int wc, int first, int w, float share, lanes8 *out) {
    for (int h = 0; h < HALF; h++) {
        const int x = first + 8 * B * h;
        if (x >= 0 && x / 2 + 8 <= wc) {
            const lanes8 v = share * load8(cells + x / 2);
            out[h] = B == 2 ? v : x & 1 ? LANES(v, v, 0, 1, 1, 2, 2, 3, 3, 4) : LANES(v, v, 0, 0, 1, 1, 2, 2, 3, 3);
        } else
            for (int t = 0; t < 8; t++) {
                const int at = x + B * t;
                out[h][t] = at >= 0 && at < w ? share * cells[std::min(at / 2, wc - 1)] : 0.0f;
            }
    }
}

// Adds up what was gathered: pixel A t + e is [e][t].
template <int N> inline void add(float *__restrict to, const float *__restrict from, int n) {
    if (n == N)
        for (int t = 0; t < N; t++) to[t] += from[t];
    else
        for (int t = 0; t < n; t++) to[t] += from[t];
}
template <int N> inline void add(uint16_t *__restrict to, const float *__restrict from, int n) {
    if (n == N)
        for (int t = 0; t < N; t++) to[t] = (uint16_t)(to[t] + (int)(from[t] * MASS + 0.5f));
    else
        for (int t = 0; t < n; t++) to[t] = (uint16_t)(to[t] + (int)(from[t] * MASS + 0.5f));
}

template <int TWICE>
void gather_at(const Gathering &g, const In<float, 2> &difference, const In<float, 2> &weight, Out<float, 3> &sum,
               Out<uint16_t, 3> &mass) {
    constexpr int A = TWICE == 3 ? 3 : TWICE / 2, B = TWICE == 3 ? 2 : 1, WIDE = B * M + 8;  // A pixels on B photosites
    const int h = difference.shape(0), w = difference.shape(1), hc = weight.shape(0), wc = weight.shape(1);
    const int H = sum.shape(1), W = sum.shape(2);
    const float s = 0.5f * TWICE;
    const auto table = splines(g.narrow);
    int cell[2][2];
    for (int y = 0; y < 2; y++)
        for (int x = 0; x < 2; x++) cell[y][x] = g.filters.row(y)[x % g.filters.q];
    parallel_rows(H, 32, [&](int ya, int yb) {
        alignas(32) float line[3][A * M], full[3][A * M], one[3][M], all[3][M], padded[4][WIDE];
        std::vector<float> shifts;
        for (int y = ya; y < yb; y++) {
            const float ry = (y + 0.5f) / s - 0.5f;
            g.flow.row(ry, shifts);
            for (int m0 = 0; A * m0 < W; m0 += M) {
                float dy, dx;
                g.flow.across(shifts, B * (m0 + 0.5f * (M - 1)), dy, dx);
                const float v = ry + dy;
                if (!(v > -0.5f && v < h - 0.5f)) continue;
                const int j = (int)std::floor(v);
                const float *wy = &table[(int)((v - j) * STEPS + 0.5f) * 4];
                const float *believed = weight.data() + (size_t)std::min((int)(v + 0.5f) / 2, hc - 1) * wc;
                Site site;
                site.top = j + 1;  // of the parity of j - 1
                for (int e = 0; e < A; e++) {
                    const float u = B * m0 + (e + 0.5f) / s - 0.5f + dx;
                    if (!(u > -1.0f * B * M && u < w)) {
                        for (int c = 0; c < 3; c++)
                            for (int t = 0; t < M; t++) line[c][A * t + e] = full[c][A * t + e] = 0;
                        continue;
                    }
                    const int i = (int)std::floor(u);
                    site.left = i - 1;
                    std::memcpy(site.across, &table[(int)((u - i) * STEPS + 0.5f) * 4], sizeof site.across);
                    const bool inside = i >= 1 && i - 1 + WIDE <= w;
                    for (int k = 0; k < 4; k++) {
                        const int r = j - 1 + k;
                        site.down[k] = r < 0 || r >= h ? 0.0f : wy[k];
                        const float *d = difference.data() + (ptrdiff_t)clampi(r, 0, h - 1) * w + (i - 1);
                        if (!inside) {
                            for (int t = 0; t < WIDE; t++) padded[k][t] = i - 1 + t >= 0 && i - 1 + t < w ? d[t] : 0.0f;
                            d = padded[k];
                        }
                        site.row[k] = d;
                    }
                    beliefs<B>(believed, wc, i + (u - i >= 0.5f), w, g.share, site.belief);
                    if constexpr (A == 1) gathered<B>(site, cell, line, full);
                    else {
                        gathered<B>(site, cell, one, all);
                        for (int c = 0; c < 3; c++)
                            for (int t = 0; t < M; t++) line[c][A * t + e] = one[c][t], full[c][A * t + e] = all[c][t];
                    }
                }
                const int n = std::min(A * M, W - A * m0);
                for (int c = 0; c < 3; c++) {
                    const size_t at = ((size_t)c * H + y) * W + (size_t)A * m0;
                    add<A * M>(sum.data() + at, line[c], n);
                    add<A * M>(mass.data() + at, full[c], n);
                }
            }
        }
    });
}

}  // namespace

void gather_pairs(const Gathering &g, int twice, const In<float, 2> &difference, const In<float, 2> &weight, Out<float, 3> &sum,
                  Out<uint16_t, 3> &mass) {
    if (twice == 2) gather_at<2>(g, difference, weight, sum, mass);
    else if (twice == 3) gather_at<3>(g, difference, weight, sum, mass);
    else gather_at<4>(g, difference, weight, sum, mass);
}
