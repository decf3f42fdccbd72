// SPDX-License-Identifier: Apache-2.0
// Superres: what photosites differ by from the picture, gathered on the picture's grid.  The idea and the formulas stand in
// combine/refine.py; where the differences come from, in superres_compare.cpp.
#include "superres.h"

namespace {

// Adds the weighted differences around every pixel of the fine grid, per colour: sum and mass (3, H, W), the latter
// in units of 1 / MASS frames.
template <int TWICE>
void gather_at(const In<float, 2> &difference, const In<float, 2> &weight, const Filters &filters, const Shifts &flow,
               float narrow, float share, Out<float, 3> &sum, Out<uint16_t, 3> &mass) {
    constexpr int A = TWICE == 3 ? 3 : TWICE / 2, B = TWICE == 3 ? 2 : 1;  // A pixels of the grid on B photosites
    constexpr int M = 16, WIDE = (B * (M - 1) + 4 + 7) & ~7;
    const int h = difference.shape(0), w = difference.shape(1), hc = weight.shape(0), wc = weight.shape(1);
    const int H = sum.shape(1), W = sum.shape(2), p = filters.p, q = filters.q, span = q + WIDE;
    const float s = 0.5f * TWICE;
    const auto table = splines(narrow);
    std::vector<float> mask((size_t)3 * p * span);  // 1 where a photosite has the colour
    std::vector<uint8_t> present((size_t)3 * p);
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < p; y++)
            for (int x = 0; x < span; x++) {
                mask[((size_t)c * p + y) * span + x] = filters.row(y)[x % q] == c;
                present[c * p + y] |= filters.row(y)[x % q] == c;
            }
    parallel_rows(H, 32, [&](int ya, int yb) {
        float line[3][A * M], full[3][A * M], alike[4][WIDE], column[WIDE], belief[M], padded[WIDE];
        std::vector<float> shifts;
        for (int y = ya; y < yb; y++) {
            const float ry = (y + 0.5f) / s - 0.5f;
            flow.row(ry, shifts);
            for (int m0 = 0; A * m0 < W; m0 += M) {
                float dy, dx;
                flow.across(shifts, B * (m0 + 0.5f * (M - 1)), dy, dx);
                const float v = ry + dy;
                if (!(v > -0.5f && v < h - 0.5f)) continue;
                const int j = (int)std::floor(v);
                const float *wy = &table[(int)((v - j) * STEPS + 0.5f) * 4];
                const float *believed = weight.data() + (size_t)std::min((int)(v + 0.5f) / 2, hc - 1) * wc;
                int kinds = 0, kind[4];  // rows of the same colours are added up first
                float heavy[4];          // their weight
                for (int e = 0; e < A; e++) {
                    const float u = B * m0 + (e + 0.5f) / s - 0.5f + dx;
                    if (!(u > -1.0f * B * M && u < w)) {
                        for (int c = 0; c < 3; c++)
                            for (int t = 0; t < M; t++) line[c][A * t + e] = full[c][A * t + e] = 0;
                        continue;
                    }
                    const int i = (int)std::floor(u), left = i - 1, first = i + (u - i >= 0.5f);
                    const float *wx = &table[(int)((u - i) * STEPS + 0.5f) * 4];
                    const int phase = ((left % q) + q) % q;
                    const bool inside = left >= 0 && left + WIDE <= w;
                    kinds = 0;
                    for (int k = 0; k < 4; k++) {
                        const int r = j - 1 + k;
                        if (r < 0 || r >= h) continue;
                        const float *d = difference.data() + (size_t)r * w + left, f = wy[k];
                        if (!inside) {
                            for (int t = 0; t < WIDE; t++) padded[t] = left + t >= 0 && left + t < w ? d[t] : 0.0f;
                            d = padded;
                        }
                        int n = 0;
                        while (n < kinds && kind[n] != r % p) n++;
                        float *o = alike[n];
                        if (n == kinds) {
                            kind[kinds] = r % p;
                            heavy[kinds++] = f;
                            for (int t = 0; t < WIDE; t++) o[t] = f * d[t];
                        } else {
                            heavy[n] += f;
                            for (int t = 0; t < WIDE; t++) o[t] += f * d[t];
                        }
                    }
                    if (inside && first >= 0 && (first + B * M) / 2 < wc)
                        for (int t = 0; t < M; t++) belief[t] = share * believed[(first + B * t) / 2];
                    else
                        for (int t = 0; t < M; t++) {
                            const int x = first + B * t;
                            belief[t] = x >= 0 && x < w ? share * believed[std::min(x / 2, wc - 1)] : 0.0f;
                        }
                    for (int c = 0; c < 3; c++) {
                        for (int t = 0; t < WIDE; t++) column[t] = 0;
                        float near[16] = {}, mass[M];  // how much of the colour there is around photosites of every phase
                        for (int n = 0; n < kinds; n++) {
                            if (!present[c * p + kind[n]]) continue;
                            const float *g = &mask[((size_t)c * p + kind[n]) * span + phase], *d = alike[n];
                            for (int t = 0; t < WIDE; t++) column[t] += g[t] * d[t];
                            for (int t = 0; t < q; t++)
                                near[t] += heavy[n] * ((wx[0] * g[t] + wx[3] * g[t + 3]) + (wx[1] * g[t + 1] + wx[2] * g[t + 2]));
                        }
                        if (q == 2 && B == 1)
                            for (int t = 0; t < M; t++) mass[t] = near[t & 1];
                        else
                            for (int t = 0, o = 0; t < M; t++) {
                                mass[t] = near[o];
                                o = (o + B) % q;
                            }
                        float *l = line[c] + e, *m = full[c] + e;
                        for (int t = 0; t < M; t++) {
                            const float *b = column + B * t;
                            l[A * t] = belief[t] * ((wx[0] * b[0] + wx[3] * b[3]) + (wx[1] * b[1] + wx[2] * b[2]));
                            m[A * t] = belief[t] * mass[t];
                        }
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

void gather(In<float, 2> difference, In<float, 2> weight, In<uint8_t, 2> cell, int twice, In<float, 3> shift, float tile,
            float narrow, float share, Out<float, 3> sum, Out<uint16_t, 3> mass) {
    const int h = difference.shape(0), w = difference.shape(1);
    need(h >= 2 && w >= 2 && (int)weight.shape(0) == h / 2 && (int)weight.shape(1) == w / 2, "weight must be (h/2, w/2)");
    need(sum.shape(0) == 3 && mass.shape(0) == 3 && sum.shape(1) == mass.shape(1) && sum.shape(2) == mass.shape(2),
         "sum and mass must be (3, H, W)");
    need(shift.shape(2) == 2 && shift.shape(0) >= 1 && shift.shape(1) >= 1 && tile > 0, "shift must be (ty, tx, 2)");
    need(narrow >= 1, "narrow must be at least 1");
    const Shifts flow{shift.data(), (int)shift.shape(0), (int)shift.shape(1), tile};
    const Filters filters(cell);
    if (filters.p <= 2 && filters.q <= 2 && twice >= 2 && twice <= 4)
        return gather_pairs(Gathering{filters, flow, narrow, share}, twice, difference, weight, sum, mass);
    if (twice == 2) gather_at<2>(difference, weight, filters, flow, narrow, share, sum, mass);
    else if (twice == 3) gather_at<3>(difference, weight, filters, flow, narrow, share, sum, mass);
    else if (twice == 4) gather_at<4>(difference, weight, filters, flow, narrow, share, sum, mass);
    else need(false, "twice must be 2, 3 or 4");
}

}  // namespace

KERNEL("superres_gather", gather, "difference"_a, "weight"_a, "cell"_a, "twice"_a, "shift"_a, "tile"_a, "narrow"_a, "share"_a,
       "sum"_a, "mass"_a)
