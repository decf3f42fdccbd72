// SPDX-License-Identifier: Apache-2.0
// Demosaic by ratio-corrected directional interpolation; the idea and the formulas stand in capture/demosaic.py.
// Works on tiles with a margin.  A row of a buffer is kept as two half rows, its even and its odd columns, because a
// step is for the coloured sites (red in one row, blue in the next) or for the green ones, and those lie side by side
// in a half row.  Rows pass through all steps one behind the other, so that what a step reads is still in the cache, and
// only the last rows are kept.  Steps are computed in whole vectors, a little beyond the tile: that is not used.
#include "demosaic.h"

namespace {

void load(float *row, const float *src, int xa, int nw, int w) {
    float *__restrict even = row, *__restrict odd = row + HALF;
    if (xa >= 0 && xa + nw <= w) {
        for (int m = 0; m < nw / 2; m++) even[m] = src[xa + 2 * m], odd[m] = src[xa + 2 * m + 1];
    } else {
        for (int m = 0; m < nw / 2; m++) even[m] = src[mirror(xa + 2 * m, w)], odd[m] = src[mirror(xa + 2 * m + 1, w)];
    }
}

struct Noise {
    float shot, read;
};

// Low-pass of all colours together, a proxy of luminance; what noise adds to gradients.
template <int P> void low(Tile &t, int j, int nm, Noise noise) {
    const float *const row = t.c + j * ROW;
    float *const o = t.low + j * ROW + P * HALF, *const eps = t.eps + j * ROW + P * HALF;
    for (int m = 0; m < nm; m += LANES) {
        auto c = [=](int dy, int dx) { return at(row + all<P>(dy, dx) + m); };
        const Run l = 0.25f * c(0, 0) + 0.125f * (c(0, -1) + c(0, 1) + c(-1, 0) + c(1, 0)) +
                      0.0625f * (c(-1, -1) + c(-1, 1) + c(1, -1) + c(1, 1));
        put(o + m, l);
        put(eps + m, 1e-5f + 0.2f * root(noise.shot * positive(l) + noise.read));
    }
}

// Steps along the columns and the rows.
template <int P> void steps(Tile &t, int j, int nm) {
    const float *const row = t.c + j * ROW;
    float *const v = t.stepv + j * ROW + P * HALF, *const h = t.steph + j * ROW + P * HALF;
    for (int m = 0; m < nm; m += LANES) {
        const Run here = at(row + all<P>(0, 0) + m), down = ab(here - at(row + all<P>(2, 0) + m));
        put(v + m, down);
        put(h + m, ab(here - at(row + all<P>(0, 2) + m)));
        put(v + (t.pairv - t.stepv) + m, down + at(v - ROW + m));
    }
}
template <int P> void pairs(Tile &t, int j, int nm) {
    const float *const h = t.steph + j * ROW;
    float *const o = t.pairh + j * ROW + P * HALF;
    for (int m = 0; m < nm; m += LANES) put(o + m, at(h + all<P>(0, 0) + m) + at(h + all<P>(0, -1) + m));
}

// Energy of the high-pass along the columns.
template <int P> void tall(Tile &t, int j, int nm) {
    const float *const c = t.c + j * ROW + P * HALF;
    float *const o = t.tall + j * ROW + P * HALF;
    for (int m = 0; m < nm; m += LANES) put(o + m, sq(high([=](int d) { return at(c + d * ROW + m); })));
}
// The same along the row.
template <int P> void wide(const Tile &t, int j, int nm, float *o) {
    const float *const c = t.c + j * ROW;
    for (int m = 0; m < nm; m += LANES) put(o + P * HALF + m, sq(high([=](int d) { return at(c + all<P>(0, d) + m); })));
}

// Direction: the share of vertical activity (1 = interpolate horizontally).
template <int P> void direction(Tile &t, int j, int nm, Noise noise, const float *across) {
    const float *const up = t.tall + j * ROW + P * HALF, *const l = t.low + j * ROW + P * HALF;
    float *const o = t.vh + j * ROW + P * HALF;
    const float n = 60.0f;  // noise of the high-pass: sum of squares of its taps times 3 positions
    for (int m = 0; m < nm; m += LANES) {
        const Run v = at(up - ROW + m) + at(up + m) + at(up + ROW + m);
        const Run h = at(across + all<P>(0, -1) + m) + at(across + all<P>(0, 0) + m) + at(across + all<P>(0, 1) + m);
        const Run e = n * (noise.shot * positive(at(l + m)) + noise.read) + 1e-10f;
        put(o + m, (v + e) / (v + h + 2 * e));
    }
}
// The same along the diagonals, at coloured sites.
template <int P> void diagonal_direction(Tile &t, int j, int nm, Noise noise) {
    const float *const row = t.c + j * ROW, *const l = t.low + j * ROW + P * HALF;
    float *const o = t.pq + j * HALF;
    for (int m = 0; m < nm; m += LANES) {
        const Run p = sq(high([=](int d) { return at(row + all<P>(d, d) + m); }));
        const Run q = sq(high([=](int d) { return at(row + all<P>(d, -d) + m); }));
        const Run e = 60.0f * (noise.shot * positive(at(l + m)) + noise.read) + 1e-10f;
        put(o + m, (p + e) / (p + q + 2 * e));
    }
}

struct Share {
    Run part, whole;
};

// Green at red and blue sites.
template <int P> void green(Tile &t, int j, int nm) {
    const float *const c_ = t.c + j * ROW, *const l_ = t.low + j * ROW, *const s_ = t.vh + j * ROW,
                *const eps = t.eps + j * ROW + P * HALF;
    const float *const pv = t.pairv + j * ROW, *const ph = t.pairh + j * ROW;
    float *const g = t.g + j * HALF, *const k = t.k + j * HALF;
    for (int m = 0; m < nm; m += LANES) {
        auto c = [=](int dy, int dx) { return at(c_ + all<P>(dy, dx) + m); };
        auto l = [=](int dy, int dx) { return at(l_ + all<P>(dy, dx) + m); };
        const Run e = at(eps + m), here = c(0, 0), bright = l(0, 0) + here, least = 60.0f * e;
        // The mean of the estimates from both sides (c + c (bright - far) / den), each weighted by the other's
        // gradient, as a fraction.
        auto mean = [=](int y, int x, const float *pair) {
            const Run one = c(-y, -x), two = c(y, x), one2 = c(-2 * y, -2 * x), two2 = c(2 * y, 2 * x);
            const Run far1 = l(-2 * y, -2 * x) + one2, far2 = l(2 * y, 2 * x) + two2;
            const Run w1 = e + (at(pair + all<P>(-y, -x) + m) + at(pair + all<P>(-3 * y, -3 * x) + m));
            const Run w2 = e + (at(pair + all<P>(0, 0) + m) + at(pair + all<P>(2 * y, 2 * x) + m));
            const Run den1 = greater(bright + far1, least), den2 = greater(bright + far2, least);
            const Run num1 = one * den1 + positive(one) * (bright - far1), num2 = two * den2 + positive(two) * (bright - far2);
            return Share{w2 * (num1 * den2) + w1 * (num2 * den1), (w1 + w2) * (den1 * den2)};
        };
        const Share v = mean(1, 0, pv), h = mean(0, 1, ph);
        const Run d = decided([=](int dy, int dx) { return at(s_ + all<P>(dy, dx) + m); });
        const Run found = (v.part * h.whole * (1.0f - d) + h.part * v.whole * d) / (v.whole * h.whole);
        put(g + m, found);
        put(k + m, here - found);
    }
}

// The other colour at red and blue sites, along diagonals.
template <int P> void diagonal(Tile &t, int j, int nm) {
    const float *const c_ = t.c + j * ROW, *const g_ = t.g + j * HALF, *const k_ = t.k + j * HALF,
                *const s_ = t.pq + j * HALF, *const eps = t.eps + j * ROW + P * HALF;
    float *const o = t.kd + j * HALF;
    for (int m = 0; m < nm; m += LANES) {
        auto c = [=](int dy, int dx) { return at(c_ + all<P>(dy, dx) + m); };
        auto g = [=](int dy, int dx) { return at(g_ + some<P>(dy, dx) + m); };
        auto k = [=](int dy, int dx) { return at(k_ + some<P>(dy, dx) + m); };
        const Run e = at(eps + m), here = g(0, 0);
        auto weight = [=](int x, Run cross, int side) {  // gradient on a side of the diagonal (1, x)
            return cross + ab(c(side, side * x) - c(3 * side, 3 * side * x)) + ab(here - g(2 * side, 2 * side * x));
        };
        const Run cp = e + ab(c(-1, -1) - c(1, 1)), cq = e + ab(c(-1, 1) - c(1, -1));
        const Run p0 = weight(1, cp, -1), p1 = weight(1, cp, 1), q0 = weight(-1, cq, -1), q1 = weight(-1, cq, 1);
        const Run p = p1 * k(-1, -1) + p0 * k(1, 1), q = q1 * k(-1, 1) + q0 * k(1, -1), sp = p0 + p1, sq = q0 + q1;
        const Run d = decided([=](int dy, int dx) { return at(s_ + some<P>(dy, dx) + m); });
        put(o + m, (p * sq + d * (q * sp - p * sq)) / (sp * sq));
    }
}

// Half rows of the result: the colour that the row has sites of, and the other.
struct Half {
    float own[HALF], other[HALF];
};

// Red and blue at green sites.
template <int P> void plain(const Tile &t, int j, int nm, float *own, float *other) {
    const float *const c_ = t.c + j * ROW, *const k_ = t.k + j * HALF, *const kd_ = t.kd + j * HALF,
                *const s_ = t.vh + j * ROW, *const eps = t.eps + j * ROW + P * HALF;
    const float *const sv = t.stepv + j * ROW, *const pv = t.pairv + j * ROW, *const sh = t.steph + j * ROW,
                *const ph = t.pairh + j * ROW;
    for (int m = 0; m < nm; m += LANES) {
        auto c = [=](int dy, int dx) { return at(c_ + all<P>(dy, dx) + m); };
        auto k = [=](int dy, int dx) { return at(k_ + some<P>(dy, dx) + m); };
        auto kd = [=](int dy, int dx) { return at(kd_ + some<P>(dy, dx) + m); };
        auto of = [=](const float *p, int dy, int dx) { return at(p + all<P>(dy, dx) + m); };
        const Run e = at(eps + m), here = c(0, 0);
        const Run n = e + (of(pv, -1, 0) + of(sv, -3, 0)), s = e + (of(pv, 1, 0) + of(sv, -1, 0));
        const Run w = e + (of(ph, 0, -1) + of(sh, 0, -3)), o = e + (of(ph, 0, 1) + of(sh, 0, -1));
        const Run d = decided([=](int dy, int dx) { return at(s_ + all<P>(dy, dx) + m); });
        const Run down = n + s, along = w + o, whole = 1.0f / (down * along);
        const Run v = (along - d * along) * whole, h = d * down * whole;
        put(own + m, here + v * (s * kd(-1, 0) + n * kd(1, 0)) + h * (o * k(0, -1) + w * k(0, 1)));
        put(other + m, here + v * (s * k(-1, 0) + n * k(1, 0)) + h * (o * kd(0, -1) + w * kd(0, 1)));
    }
}

// A row of the result, out of its coloured sites (of parity P) and its green ones.
template <int P> void write(const Tile &t, int j, int n, const Half &half, bool blue, float *__restrict o) {
    const float *const c = t.c + j * ROW, *const g = t.g + j * HALF, *const kd = t.kd + j * HALF;
    float other[HALF], full[3][2 * HALF];
    for (int m = M / 2; m < (n + 1 + M) / 2; m += LANES) put(other + m, at(g + m) + at(kd + m));
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
    Noise noise;
};

void demosaic_tile(Tile &t, const Mosaic &a, int y0, int x0, int y1, int x1, float *out) {
    const int nh = y1 - y0 + 2 * M, n = x1 - x0, nw = (n + 1) / 2 * 2 + 2 * M, nm = nw / 2;
    auto blue_row = [&](int i) { return (y0 - M + i + a.ry) & 1; };
    auto odd = [&](int i) { return (x0 - M + a.rx + blue_row(i)) & 1; };  // columns of the coloured sites
    alignas(64) float lines[ROW + 4 * LANES];
    float *const across = lines + 2 * LANES;
    Half half;
    int base = 0;  // the row that lies first in the buffers
    for (int i = 0; i < nh; i++) {  // each step as far behind the one before as it looks ahead
        if (i - base == ROWS) t.roll(), base += ROWS - KEPT;
        load(t.c + (i - base) * ROW, a.cfa + (size_t)mirror(y0 - M + i, a.h) * a.w, x0 - M, nw, a.w);
        ahead(a.cfa + (size_t)mirror(y0 - M + i + 2, a.h) * a.w + x0, n);
        if (i >= 2 * M - 2 && i < nh - 2) ahead_to_write(out + ((size_t)(y0 + i - 2 * M + 2) * a.w + x0) * 3, 3 * n);
        auto row = [&](int behind) { return i - behind - base; };
        if (i >= 2) low<0>(t, row(1), nm, a.noise), low<1>(t, row(1), nm, a.noise);
        if (i >= 3) steps<0>(t, row(2), nm), steps<1>(t, row(2), nm), pairs<0>(t, row(2), nm), pairs<1>(t, row(2), nm);
        if (i >= 6) tall<0>(t, row(3), nm), tall<1>(t, row(3), nm);
        if (i >= 8) {
            const int j = row(4);
            wide<0>(t, j, nm, across), wide<1>(t, j, nm, across);
            direction<0>(t, j, nm, a.noise, across), direction<1>(t, j, nm, a.noise, across);
            odd(i - 4) ? diagonal_direction<1>(t, j, nm, a.noise) : diagonal_direction<0>(t, j, nm, a.noise);
        }
        if (i >= 10) odd(i - 5) ? green<1>(t, row(5), nm) : green<0>(t, row(5), nm);
        if (i >= 14) odd(i - 7) ? diagonal<1>(t, row(7), nm) : diagonal<0>(t, row(7), nm);
        if (i < 2 * M) continue;
        const int j = row(M);
        float *o = out + ((size_t)(y0 + i - 2 * M) * a.w + x0) * 3;
        odd(i - M) ? plain<0>(t, j, nm, half.own, half.other) : plain<1>(t, j, nm, half.own, half.other);
        odd(i - M) ? write<1>(t, j, n, half, blue_row(i - M), o) : write<0>(t, j, n, half, blue_row(i - M), o);
    }
}

void demosaic(In<float, 2> cfa, int ry, int rx, float shot, float read, Out<float, 3> out) {
    const int h = cfa.shape(0), w = cfa.shape(1);
    need((int)out.shape(0) == h && (int)out.shape(1) == w && out.shape(2) == 3, "out must be (h, w, 3)");
    need(h >= 2 && w >= 2, "cfa must be at least 2 x 2");
    const int ny = (h + TALL - 1) / TALL, nx = (w + WIDE - 1) / WIDE;
    const Mosaic mosaic{cfa.data(), h, w, ry, rx, {shot, read}};
    parallel(ny, [&](int ty) {
        static thread_local Scratch memory;
        Tile *t = new (memory.get<Tile>(1)) Tile;
        std::fill(std::begin(t->memory), std::end(t->memory), 0.0f);  // what lies beside a tile is computed too
        for (int tx = 0; tx < nx; tx++)
            demosaic_tile(*t, mosaic, ty * TALL, tx * WIDE, std::min(h, (ty + 1) * TALL), std::min(w, (tx + 1) * WIDE),
                          out.data());
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
