// SPDX-License-Identifier: Apache-2.0
// Demosaic by ratio-corrected directional interpolation; the idea and the formulas stand in capture/demosaic.py.
// Works on tiles with a margin.  A row of a buffer is kept as two half rows, its even and its odd columns, because a
// step is for the coloured sites (red in one row, blue in the next) or for the green ones, and those lie side by side
// in a half row.  Rows pass through all steps one behind the other, so that what a step reads is still in the cache.
#include "kernel.h"

namespace {

constexpr int TH = 64, TW = 240, M = 8;             // tile and margin: what the longest chain of filters reaches
constexpr int BH = TH + 2 * M, BW = TW + 2 * M;     // buffer
constexpr int HALF = BW / 2 + 8, ROW = 2 * HALF;    // no power of two: rows would compete for the same cache lines
struct Tile {
    float c[BH * ROW], low[BH * ROW], tall[BH * ROW], vh[BH * ROW], eps[BH * ROW];
    float pq[BH * HALF], g[BH * HALF], k[BH * HALF], kd[BH * HALF];  // of coloured sites only
};

inline float sq(float a) { return a * a; }
inline float ab(float a) { return a < 0 ? -a : a; }
inline float positive(float a) { return a > 0 ? a : 0; }

// Site m of parity P lies in column 2 m + P.  Its neighbour (dy, dx) in a buffer of all sites, and in one of coloured
// sites, as an offset from m in the row:
template <int P> constexpr int all(int dy, int dx) { return dy * ROW + ((P + dx) & 1) * HALF + ((P + dx) >> 1); }
template <int P> constexpr int some(int dy, int dx) { return dy * HALF + ((P + dx) >> 1); }
// The first site of parity P in column x or later.
template <int P> constexpr int site(int x) { return (x - P + 1) >> 1; }

// High-pass of seven samples: zero for constants and ramps, and for the alternation of the CFA.
template <class F> inline float high(F &&s) {
    return (s(-3) + s(3)) - (s(-1) + s(1)) - 3.0f * (s(-2) + s(2)) + 6.0f * s(0);
}
// The direction here or around, whichever is more decided.
template <class F> inline float decided(F &&s) {
    const float around = 0.25f * (s(-1, -1) + s(-1, 1) + s(1, -1) + s(1, 1)), here = s(0, 0);
    return ab(0.5f - here) < ab(0.5f - around) ? around : here;
}

void load(Tile &t, int j, const float *src, int xa, int nw, int w) {
    float *__restrict even = t.c + j * ROW, *__restrict odd = even + HALF;
    if (xa >= 0 && xa + nw <= w) {
        for (int m = 0; m < nw / 2; m++) even[m] = src[xa + 2 * m], odd[m] = src[xa + 2 * m + 1];
    } else {
        for (int m = 0; m < nw / 2; m++) even[m] = src[mirror(xa + 2 * m, w)], odd[m] = src[mirror(xa + 2 * m + 1, w)];
    }
}

// Low-pass of all colours together: a proxy of luminance.
template <int P> void low(Tile &t, int j, int nw) {
    const float *const row = t.c + j * ROW;
    float *__restrict o = t.low + j * ROW + P * HALF;
    for (int m = site<P>(1); m < site<P>(nw - 1); m++) {
        auto c = [=](int dy, int dx) { return row[all<P>(dy, dx) + m]; };
        o[m] = 0.25f * c(0, 0) + 0.125f * (c(0, -1) + c(0, 1) + c(-1, 0) + c(1, 0)) +
               0.0625f * (c(-1, -1) + c(-1, 1) + c(1, -1) + c(1, 1));
    }
}

// Energy of the high-pass along the columns.
template <int P> void tall(Tile &t, int j, int nw) {
    const float *const c = t.c + j * ROW + P * HALF;
    float *__restrict o = t.tall + j * ROW + P * HALF;
    for (int m = 0; m < nw / 2; m++) o[m] = sq(high([=](int d) { return c[d * ROW + m]; }));
}
// The same along the row.
template <int P> void wide(const Tile &t, int j, int nw, float *__restrict o) {
    const float *const c = t.c + j * ROW;
    for (int m = site<P>(3); m < site<P>(nw - 3); m++) o[P * HALF + m] = sq(high([=](int d) { return c[all<P>(0, d) + m]; }));
}

// Direction: the share of vertical activity (1 = interpolate horizontally), and what noise adds to gradients.
template <int P> void direction(Tile &t, int j, int nw, float shot, float read, const float *across) {
    const float *const up = t.tall + j * ROW + P * HALF, *const l = t.low + j * ROW + P * HALF;
    float *__restrict o = t.vh + j * ROW + P * HALF, *__restrict eps = t.eps + j * ROW + P * HALF;
    const float n = 60.0f;  // noise of the high-pass: sum of squares of its taps times 3 positions
    for (int m = site<P>(4); m < site<P>(nw - 4); m++) {
        const float v = up[m - ROW] + up[m] + up[m + ROW];
        const float h = across[all<P>(0, -1) + m] + across[all<P>(0, 0) + m] + across[all<P>(0, 1) + m];
        const float variance = shot * positive(l[m]) + read, e = n * variance + 1e-10f;
        eps[m] = 1e-5f + 0.2f * __builtin_sqrtf(variance);
        o[m] = (v + e) / (v + h + 2 * e);
    }
}
// The same along the diagonals, at coloured sites.
template <int P> void diagonal_direction(Tile &t, int j, int nw, float shot, float read) {
    const float *const row = t.c + j * ROW, *const l = t.low + j * ROW + P * HALF;
    float *__restrict o = t.pq + j * HALF;
    for (int m = site<P>(4); m < site<P>(nw - 4); m++) {
        const float p = sq(high([=](int d) { return row[all<P>(d, d) + m]; }));
        const float q = sq(high([=](int d) { return row[all<P>(d, -d) + m]; }));
        const float e = 60.0f * (shot * positive(l[m]) + read) + 1e-10f;
        o[m] = (p + e) / (p + q + 2 * e);
    }
}

// Green at red and blue sites.
template <int P> void green(Tile &t, int j, int nw) {
    const float *const c_ = t.c + j * ROW, *const l_ = t.low + j * ROW, *const s_ = t.vh + j * ROW,
                *const eps = t.eps + j * ROW + P * HALF;
    float *__restrict g = t.g + j * HALF, *__restrict k = t.k + j * HALF;
    for (int m = site<P>(5); m < site<P>(nw - 5); m++) {
        auto c = [=](int dy, int dx) { return c_[all<P>(dy, dx) + m]; };
        auto l = [=](int dy, int dx) { return l_[all<P>(dy, dx) + m]; };
        const float e = eps[m], here = c(0, 0), bright = l(0, 0) + here;
        // The mean of the estimates from both sides (c + c (bright - far) / den), each weighted by the other's
        // gradient, with one division for all.
        auto mean = [=](int y, int x) {
            const float one = c(-y, -x), two = c(y, x), one2 = c(-2 * y, -2 * x), two2 = c(2 * y, 2 * x);
            const float cross = e + ab(one - two), far1 = l(-2 * y, -2 * x) + one2, far2 = l(2 * y, 2 * x) + two2;
            const float w1 = cross + ab(here - one2) + ab(one - c(-3 * y, -3 * x)) + ab(one2 - c(-4 * y, -4 * x));
            const float w2 = cross + ab(here - two2) + ab(two - c(3 * y, 3 * x)) + ab(two2 - c(4 * y, 4 * x));
            const float den1 = std::max(bright + far1, 60 * e), den2 = std::max(bright + far2, 60 * e);
            const float num1 = one * den1 + positive(one) * (bright - far1),
                        num2 = two * den2 + positive(two) * (bright - far2);
            return (w2 * (num1 * den2) + w1 * (num2 * den1)) / ((w1 + w2) * (den1 * den2));
        };
        const float v = mean(1, 0), h = mean(0, 1);
        const float d = decided([=](int dy, int dx) { return s_[all<P>(dy, dx) + m]; });
        g[m] = v + d * (h - v);
        k[m] = here - g[m];
    }
}

// The other colour at red and blue sites, along diagonals.
template <int P> void diagonal(Tile &t, int j, int nw) {
    const float *const c_ = t.c + j * ROW, *const g_ = t.g + j * HALF, *const k_ = t.k + j * HALF,
                *const s_ = t.pq + j * HALF, *const eps = t.eps + j * ROW + P * HALF;
    float *__restrict o = t.kd + j * HALF;
    for (int m = site<P>(7); m < site<P>(nw - 7); m++) {
        auto c = [=](int dy, int dx) { return c_[all<P>(dy, dx) + m]; };
        auto g = [=](int dy, int dx) { return g_[some<P>(dy, dx) + m]; };
        auto k = [=](int dy, int dx) { return k_[some<P>(dy, dx) + m]; };
        const float e = eps[m], here = g(0, 0);
        auto weight = [=](int x, float cross, int side) {  // gradient on a side of the diagonal (1, x)
            return cross + ab(c(side, side * x) - c(3 * side, 3 * side * x)) + ab(here - g(2 * side, 2 * side * x));
        };
        const float cp = e + ab(c(-1, -1) - c(1, 1)), cq = e + ab(c(-1, 1) - c(1, -1));
        const float p0 = weight(1, cp, -1), p1 = weight(1, cp, 1), q0 = weight(-1, cq, -1), q1 = weight(-1, cq, 1);
        const float p = p1 * k(-1, -1) + p0 * k(1, 1), q = q1 * k(-1, 1) + q0 * k(1, -1), sp = p0 + p1, sq = q0 + q1;
        const float d = decided([=](int dy, int dx) { return s_[some<P>(dy, dx) + m]; });
        o[m] = (p * sq + d * (q * sp - p * sq)) / (sp * sq);
    }
}

// Half rows of the result: the colour that the row has sites of, and the other.
struct Half {
    float own[HALF], other[HALF];
};

// Red and blue at green sites.
template <int P> void plain(const Tile &t, int j, int nw, float *__restrict own, float *__restrict other) {
    const float *const c_ = t.c + j * ROW, *const k_ = t.k + j * HALF, *const kd_ = t.kd + j * HALF,
                *const s_ = t.vh + j * ROW, *const eps = t.eps + j * ROW + P * HALF;
    for (int m = site<P>(M); m < site<P>(nw - M); m++) {
        auto c = [=](int dy, int dx) { return c_[all<P>(dy, dx) + m]; };
        auto k = [=](int dy, int dx) { return k_[some<P>(dy, dx) + m]; };
        auto kd = [=](int dy, int dx) { return kd_[some<P>(dy, dx) + m]; };
        const float e = eps[m], here = c(0, 0);
        const float cv = e + ab(c(-1, 0) - c(1, 0)), ch = e + ab(c(0, -1) - c(0, 1));
        const float n = cv + ab(here - c(-2, 0)) + ab(c(-1, 0) - c(-3, 0)), s = cv + ab(here - c(2, 0)) + ab(c(1, 0) - c(3, 0));
        const float w = ch + ab(here - c(0, -2)) + ab(c(0, -1) - c(0, -3)), o = ch + ab(here - c(0, 2)) + ab(c(0, 1) - c(0, 3));
        const float d = decided([=](int dy, int dx) { return s_[all<P>(dy, dx) + m]; });
        const float sv = n + s, sh = w + o, whole = 1.0f / (sv * sh), v = (sh - d * sh) * whole, h = d * sv * whole;
        own[m] = here + v * (s * kd(-1, 0) + n * kd(1, 0)) + h * (o * k(0, -1) + w * k(0, 1));
        other[m] = here + v * (s * k(-1, 0) + n * k(1, 0)) + h * (o * kd(0, -1) + w * kd(0, 1));
    }
}

// A row of the result, out of its coloured sites (of parity P) and its green ones.
template <int P> void write(const Tile &t, int j, int n, const Half &half, bool blue, float *__restrict o) {
    const float *const c = t.c + j * ROW, *const g = t.g + j * HALF, *const kd = t.kd + j * HALF;
    float other[HALF], full[3][BW];
    for (int m = M / 2; m < (n + 1 + M) / 2; m++) other[m] = g[m] + kd[m];
    auto zip = [n](const float *coloured, const float *plain, float *__restrict to) {
        const float *even = (P ? plain : coloured) + M / 2, *odd = (P ? coloured : plain) + M / 2;
        for (int m = 0; m < (n + 1) / 2; m++) to[2 * m] = even[m], to[2 * m + 1] = odd[m];
    };
    zip(c + P * HALF, half.own, full[blue ? 2 : 0]);
    zip(g, c + (1 - P) * HALF, full[1]);
    zip(other, half.other, full[blue ? 0 : 2]);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 3; k++) o[3 * i + k] = full[k][i];
}

struct Mosaic {
    const float *cfa;
    int h, w, ry, rx;
    float shot, read;
};

void demosaic_tile(Tile &t, const Mosaic &a, int y0, int x0, int y1, int x1, float *out) {
    const int nh = y1 - y0 + 2 * M, n = x1 - x0, nw = (n + 1) / 2 * 2 + 2 * M;
    auto blue_row = [&](int j) { return (y0 - M + j + a.ry) & 1; };
    auto odd = [&](int j) { return (x0 - M + a.rx + blue_row(j)) & 1; };  // columns of the coloured sites
    auto inside = [&](int j, int margin) { return j >= margin && j < nh - margin; };
    float across[ROW];
    Half half;
    for (int i = 0; i < nh; i++) {  // each step as far behind the one before as it looks ahead
        load(t, i, a.cfa + (size_t)mirror(y0 - M + i, a.h) * a.w, x0 - M, nw, a.w);
        int j = i - 1;
        if (inside(j, 1)) low<0>(t, j, nw), low<1>(t, j, nw);
        j = i - 3;
        if (inside(j, 3)) tall<0>(t, j, nw), tall<1>(t, j, nw);
        j = i - 4;
        if (inside(j, 4)) {
            wide<0>(t, j, nw, across), wide<1>(t, j, nw, across);
            direction<0>(t, j, nw, a.shot, a.read, across), direction<1>(t, j, nw, a.shot, a.read, across);
            odd(j) ? diagonal_direction<1>(t, j, nw, a.shot, a.read) : diagonal_direction<0>(t, j, nw, a.shot, a.read);
        }
        j = i - 5;
        if (inside(j, 5)) odd(j) ? green<1>(t, j, nw) : green<0>(t, j, nw);
        j = i - 7;
        if (inside(j, 7)) odd(j) ? diagonal<1>(t, j, nw) : diagonal<0>(t, j, nw);
        j = i - 8;
        if (!inside(j, M)) continue;
        float *o = out + ((size_t)(y0 + j - M) * a.w + x0) * 3;
        odd(j) ? plain<0>(t, j, nw, half.own, half.other) : plain<1>(t, j, nw, half.own, half.other);
        odd(j) ? write<1>(t, j, n, half, blue_row(j), o) : write<0>(t, j, n, half, blue_row(j), o);
    }
}

void demosaic(In<float, 2> cfa, int ry, int rx, float shot, float read, Out<float, 3> out) {
    const int h = cfa.shape(0), w = cfa.shape(1);
    need((int)out.shape(0) == h && (int)out.shape(1) == w && out.shape(2) == 3, "out must be (h, w, 3)");
    need(h >= 2 && w >= 2, "cfa must be at least 2 x 2");
    const int ny = (h + TH - 1) / TH, nx = (w + TW - 1) / TW;
    const Mosaic mosaic{cfa.data(), h, w, ry, rx, shot, read};
    parallel(ny, [&](int ty) {
        static thread_local Scratch memory;
        Tile *t = memory.get<Tile>(1);
        for (int tx = 0; tx < nx; tx++)
            demosaic_tile(*t, mosaic, ty * TH, tx * TW, std::min(h, (ty + 1) * TH), std::min(w, (tx + 1) * TW), out.data());
    });
}

// Bit c where a sample of colour c within `reach` pixels was clipped.  cell: colours as they repeat, 3 = all three.
void spread_clipped(In<uint8_t, 2> clipped, In<uint8_t, 2> cell, int reach, Out<uint8_t, 2> out) {
    const int h = clipped.shape(0), w = clipped.shape(1), p = cell.shape(0), q = cell.shape(1);
    need((int)out.shape(0) == h && (int)out.shape(1) == w && p > 0 && q > 0, "out must have the shape of clipped");
    std::vector<uint8_t> bits((size_t)p * w);  // of a row of the cell
    for (int y = 0; y < p; y++)
        for (int x = 0; x < w; x++) bits[(size_t)y * w + x] = cell(y, x % q) == 3 ? 7 : 1 << cell(y, x % q);
    parallel_rows(h, 32, [&](int y0, int y1) {
        std::vector<uint8_t> column(w + 2 * reach);
        uint8_t *middle = column.data() + reach;
        for (int y = y0; y < y1; y++) {
            std::fill(column.begin(), column.end(), 0);
            for (int v = std::max(0, y - reach); v <= std::min(h - 1, y + reach); v++) {
                const uint8_t *c = clipped.data() + (size_t)v * w, *b = bits.data() + (size_t)(v % p) * w;
                for (int x = 0; x < w; x++) middle[x] |= c[x] ? b[x] : 0;
            }
            uint8_t *o = out.data() + (size_t)y * w;
            std::fill(o, o + w, 0);
            for (int d = -reach; d <= reach; d++)
                for (int x = 0; x < w; x++) o[x] |= middle[x + d];
        }
    });
}

}  // namespace

KERNEL("demosaic_clipped", spread_clipped, "clipped"_a, "cell"_a, "reach"_a, "out"_a)
KERNEL("demosaic", demosaic, "cfa"_a, "ry"_a, "rx"_a, "shot"_a, "read"_a, "out"_a)
