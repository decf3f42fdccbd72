// SPDX-License-Identifier: Apache-2.0
// Outliers: photosites that stand out from their own colour.  The rules stand in capture/defects.py.
#include "kernel.h"

// Second largest and second smallest of the eight neighbours, by keeping the two extremes of a growing set.
static void second(const uint16_t *__restrict a, const uint16_t *__restrict b, const uint16_t *__restrict c,
                   uint16_t *__restrict high, uint16_t *__restrict low, int w) {
    using U = uint16_t;
    auto least = [](U p, U q) { return p < q ? p : q; };
    auto most = [](U p, U q) { return p < q ? q : p; };
    for (int x = 0; x < w; x++) {
        U hi = most(a[x], a[x + 2]), hi2 = least(a[x], a[x + 2]), lo = hi2, lo2 = hi;
#define ADD(n)                                                                                                         \
    hi2 = most(hi2, least(hi, n)), hi = most(hi, n), lo2 = least(lo2, most(lo, n)), lo = least(lo, n);
        ADD(a[x + 4]) ADD(b[x]) ADD(b[x + 4]) ADD(c[x]) ADD(c[x + 2]) ADD(c[x + 4])
#undef ADD
        high[x] = hi2;
        low[x] = lo2;
    }
}

// Whether a value stands out from the second largest or smallest of its neighbours: by more than sqrt(slope · neighbour +
// base), and by more than `busy` times the spread of these two.
struct Judge {
    float slope, base, busy;
    bool operator()(float v, float hi, float lo) const {
        const float up = v - hi, down = lo - v, spread = busy * (hi - lo);
        return (up > spread && up > 0 && up * up > std::max(slope * hi + base, 1.0f)) ||
               (down > spread && down > 0 && down * down > std::max(slope * lo + base, 1.0f));
    }
};

// The places of a picture, piece by piece, put one after the other as far as `sites` has room: how many there are.
static int64_t gathered(const std::vector<std::vector<int64_t>> &parts, Out<int64_t, 1> &sites) {
    size_t count = 0;
    for (auto &part : parts)
        for (int64_t at : part) {
            if (count < sites.shape(0)) sites.data()[count] = at;
            count++;
        }
    return (int64_t)count;
}

// More than 0 where a value stands out from the smaller, or the larger, of its neighbours to the left and right.
static void far_out(const uint16_t *__restrict b, float slope, float base, float *__restrict out, int w) {
    for (int x = 0; x < w; x++) {
        const float l = (float)(int)b[x], v = (float)(int)b[x + 2], r = (float)(int)b[x + 4];
        const float low = std::min(l, r), high = std::max(l, r), up = std::max(v - low, 0.0f), down = std::max(high - v, 0.0f);
        out[x] = std::max(up * up - std::max(slope * low + base, 1.0f), down * down - std::max(slope * v + base, 1.0f));
    }
}

constexpr int RUN = 32, BAND = 32;

// Where photosites (y w + x) stand out from their eight neighbours of the same colour (two away), in order; the result is how
// many there are, if more than there is room for.  The second largest of the eight is no smaller than the smaller of the
// neighbours to the left and right, the second smallest no larger than the larger one: few runs have to be looked at closely.
static int64_t outliers(In<uint16_t, 2> dn, float slope, float base, float busy, Out<int64_t, 1> sites) {
    const int h = (int)dn.shape(0), w = (int)dn.shape(1);
    need(h > 4 && w > 4 && slope >= 0, "outliers: a picture of more than 4 x 4");
    const Judge stands{slope, base, busy};
    std::vector<std::vector<int64_t>> parts((h + BAND - 1) / BAND);
    parallel_rows(h, BAND, [&](int y0, int y1) {
        std::vector<uint16_t> rows[3];
        std::vector<float> may(w);
        for (auto &r : rows) r.resize(w + 4);
        auto fill = [&](std::vector<uint16_t> &row, int y) {
            const uint16_t *in = dn.data() + (size_t)mirror(y, h) * w;
            std::memcpy(row.data() + 2, in, 2 * (size_t)w);
            for (int x : {-2, -1, w, w + 1}) row[x + 2] = in[mirror(x, w)];
        };
        for (int y = y0; y < y1; y++) {
            fill(rows[1], y);
            const uint16_t *__restrict b = rows[1].data();
            float *m = may.data();
            far_out(b, slope, base, m, w);
            bool filled = false;
            for (int x = 0; x < w; x += RUN) {
                const int many = std::min(w - x, RUN);
                bool any = false;
                for (int i = 0; i < many; i++) any |= m[x + i] > 0;
                if (!any) continue;
                if (!filled) fill(rows[0], y - 2), fill(rows[2], y + 2), filled = true;
                uint16_t hi[RUN], lo[RUN];
                second(rows[0].data() + x, b + x, rows[2].data() + x, hi, lo, many);
                for (int i = 0; i < many; i++)
                    if (m[x + i] > 0 && stands(b[x + i + 2], hi[i], lo[i])) parts[y0 / BAND].push_back((int64_t)y * w + x + i);
            }
        }
    });
    return gathered(parts, sites);
}
KERNEL("outliers", outliers, "dn"_a, "slope"_a, "base"_a, "busy"_a, "sites"_a)

// The same for a cell of any size: same (p, q, 8, 2) are the steps from its places to the eight neighbours.
static int64_t outliers_cell(In<uint16_t, 2> dn, In<int32_t, 4> same, float slope, float base, float busy,
                             Out<int64_t, 1> sites) {
    const Judge stands{slope, base, busy};
    const int h = (int)dn.shape(0), w = (int)dn.shape(1), p = (int)same.shape(0), q = (int)same.shape(1);
    need(same.shape(2) == 8 && same.shape(3) == 2, "same");
    need(h >= 2 * p && w >= 2 * q, "a picture of two cells");
    auto folded = [](int v, int n, int period) {
        while (v < 0) v += period;
        while (v >= n) v -= period;
        return v;
    };
    std::vector<std::vector<int64_t>> parts((h + BAND - 1) / BAND);
    parallel_rows(h, BAND, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++)
            for (int x = 0; x < w; x++) {
                const int32_t *step = same.data() + ((size_t)(y % p) * q + x % q) * 16;
                int hi = -1, hi2 = -1, lo = 65536, lo2 = 65536;
                for (int k = 0; k < 8; k++) {
                    const int v = dn.data()[(size_t)folded(y + step[2 * k], h, p) * w + folded(x + step[2 * k + 1], w, q)];
                    hi2 = std::max(hi2, std::min(hi, v)), hi = std::max(hi, v);
                    lo2 = std::min(lo2, std::max(lo, v)), lo = std::min(lo, v);
                }
                const int64_t at = (int64_t)y * w + x;
                if (stands(dn.data()[at], (float)hi2, (float)lo2)) parts[y0 / BAND].push_back(at);
            }
    });
    return gathered(parts, sites);
}
KERNEL("outliers_cell", outliers_cell, "dn"_a, "same"_a, "slope"_a, "base"_a, "busy"_a, "sites"_a)
