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
    return evens(a, load8(p + 8));
}

struct Site {  // of a run of pixels: rows of photosites, weights of these and of columns, beliefs
    const float *row[4];
    float down[4], across[4];
    lanes8 belief[HALF];
    int top, left;
};

// Weighted differences, and weights, of the three colours.
template <int B> inline void gathered(const Site &s, const int (*cell)[2], float (*sum)[M], float (*mass)[M]) {
    lanes8 sums[3][HALF] = {}, masses[3] = {};
    for (int n = 0; n < 2; n++) {  // rows n and n + 2
        float w[2][4];
        for (int k = 0; k < 4; k++) w[0][k] = s.down[n] * s.across[k], w[1][k] = s.down[n + 2] * s.across[k];
        const int *colour = cell[(s.top + n) & 1], here = colour[s.left & 1], there = colour[~s.left & 1];
        const float first = (w[0][0] + w[0][2]) + (w[1][0] + w[1][2]), second = (w[0][1] + w[0][3]) + (w[1][1] + w[1][3]);
        const lanes8 zero = {}, p = zero + first, q = zero + second;
        masses[here] += B == 1 ? by_turns(p, q) : p;
        masses[there] += B == 1 ? by_turns(q, p) : q;
        for (int h = 0; h < HALF; h++) {
            const float *a = s.row[n] + 8 * B * h, *b = s.row[n + 2] + 8 * B * h;
            const lanes8 u = (w[0][0] * every<B>(a) + w[0][2] * every<B>(a + 2)) +
                             (w[1][0] * every<B>(b) + w[1][2] * every<B>(b + 2));
            const lanes8 v = (w[0][1] * every<B>(a + 1) + w[0][3] * every<B>(a + 3)) +
                             (w[1][1] * every<B>(b + 1) + w[1][3] * every<B>(b + 3));
            sums[here][h] += B == 1 ? by_turns(u, v) : u;
            sums[there][h] += B == 1 ? by_turns(v, u) : v;
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
            out[h] = B == 2 ? v : x & 1 ? doubled_late(v) : doubled(v);
        } else
            for (int t = 0; t < 8; t++) {
                const int at = x + B * t;
                out[h][t] = at >= 0 && at < w ? share * cells[std::min(at / 2, wc - 1)] : 0.0f;
            }
    }
}

// Adds up what was gathered: pixel A t + e is [e][t].
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
        float line[3][A * M], full[3][A * M], one[3][M], all[3][M], padded[4][WIDE];
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
                    gathered<B>(site, cell, one, all);
                    for (int c = 0; c < 3; c++)
                        for (int t = 0; t < M; t++) line[c][A * t + e] = one[c][t], full[c][A * t + e] = all[c][t];
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

// The same where pixels lie as photosites do: then all but the beliefs is the same for GROUP rows.
constexpr int GROUP = 8;

struct Run {  // of M pixels of a row: where their photosites begin, from the row's own place, and what they weigh
    int down, left;
    float w[4][4];
    lanes8 near[2][3];  // weights of the colours, of even and odd pixels by turns, by the parity of the topmost row
    void weigh(const float *wy, const float *wx, const int (*cell)[2]) {
        for (int k = 0; k < 4; k++)
            for (int t = 0; t < 4; t++) w[k][t] = wy[k] * wx[t];
        for (auto &of_parity : near)
            for (lanes8 &v : of_parity) v = (lanes8){};
        for (int parity = 0; parity < 2; parity++)
            for (int n = 0; n < 2; n++) {
                const lanes8 p = (lanes8){} + (wy[n] + wy[n + 2]) * (wx[0] + wx[2]), q = (lanes8){} + (wy[n] + wy[n + 2]) * (wx[1] + wx[3]);
                near[parity][cell[parity ^ n][left & 1]] += by_turns(p, q);
                near[parity][cell[parity ^ n][~left & 1]] += by_turns(q, p);
            }
    }
};

// Adds M pixels: at `at` of the planes of `area` pixels.
inline void add_run(const Run &run, const float *const *row, int parity, const lanes8 *belief, const int (*cell)[2], float *sum,
                    uint16_t *mass, size_t area) {
    typedef uint16_t shorts8 __attribute__((vector_size(16)));
    for (int n = 0; n < 2; n++) {
        const float *a = row[n], *b = row[n + 2], *f = run.w[n], *g = run.w[n + 2];
        float *here = sum + cell[parity ^ n][run.left & 1] * area, *there = sum + cell[parity ^ n][~run.left & 1] * area;
        for (int h = 0; h < M; h += 8) {
            const lanes8 u = (f[0] * load8(a + h) + f[2] * load8(a + h + 2)) + (g[0] * load8(b + h) + g[2] * load8(b + h + 2));
            const lanes8 v = (f[1] * load8(a + h + 1) + f[3] * load8(a + h + 3)) + (g[1] * load8(b + h + 1) + g[3] * load8(b + h + 3));
            store8(here + h, load8(here + h) + belief[h / 8] * by_turns(u, v));
            store8(there + h, load8(there + h) + belief[h / 8] * by_turns(v, u));
        }
    }
    for (int c = 0; c < 3; c++)
        for (int h = 0; h < M; h += 8) {
            const counts8 more = __builtin_convertvector(belief[h / 8] * run.near[parity][c] * MASS + 0.5f, counts8);
            shorts8 m;
            std::memcpy(&m, mass + c * area + h, sizeof m);
            m += __builtin_convertvector(more, shorts8);
            std::memcpy(mass + c * area + h, &m, sizeof m);
        }
}

void gather_alike(const Gathering &g, const In<float, 2> &difference, const In<float, 2> &weight, Out<float, 3> &sum,
                  Out<uint16_t, 3> &mass) {
    constexpr int WIDE = M + 8;
    const int h = difference.shape(0), w = difference.shape(1), hc = weight.shape(0), wc = weight.shape(1);
    const int H = sum.shape(1), W = sum.shape(2), count = (W + M - 1) / M;
    const size_t area = (size_t)H * W;
    const auto table = splines(g.narrow);
    int cell[2][2];
    for (int y = 0; y < 2; y++)
        for (int x = 0; x < 2; x++) cell[y][x] = g.filters.row(y)[x % g.filters.q];
    parallel_rows(H, 32, [&](int ya, int yb) {
        std::vector<float> shifts, dy(count), dx(count);
        std::vector<Run> runs(count);
        float padded[4][WIDE], sums[3 * M];
        uint16_t masses[3 * M];
        for (int y = ya; y < yb; y++) {
            if ((y - ya) % GROUP == 0) {
                g.flow.row(y + 0.5f * (GROUP - 1), shifts);
                for (int r = 0; r < count; r++) {
                    g.flow.across(shifts, M * r + 0.5f * (M - 1), dy[r], dx[r]);
                    if (!(std::fabs(dy[r]) < 1e6f && std::fabs(dx[r]) < 1e6f)) dy[r] = dx[r] = 1e6f;
                    Run &run = runs[r];
                    const float v = std::floor(dy[r]), u = std::floor(dx[r]);
                    run.down = (int)v - 1;
                    run.left = M * r + (int)u - 1;
                    run.weigh(&table[(int)((dy[r] - v) * STEPS + 0.5f) * 4], &table[(int)((dx[r] - u) * STEPS + 0.5f) * 4], cell);
                }
            }
            for (int r = 0; r < count; r++) {
                const float v = y + dy[r], u = M * r + dx[r];
                if (!(v > -0.5f && v < h - 0.5f && u > -M && u < w)) continue;
                const int top = y + runs[r].down, left = runs[r].left, n = std::min(M, W - M * r);
                const bool inside = left >= 0 && left + WIDE <= w, whole = top >= 0 && top + 3 < h;
                const float *row[4];
                for (int k = 0; k < 4; k++) {
                    row[k] = difference.data() + (ptrdiff_t)clampi(top + k, 0, h - 1) * w + left;
                    if (inside) continue;
                    for (int t = 0; t < WIDE; t++) padded[k][t] = left + t >= 0 && left + t < w ? row[k][t] : 0.0f;
                    row[k] = padded[k];
                }
                Run cut;
                if (!whole) {  // some rows lie outside
                    cut.left = left;
                    const float *of = &table[(int)((dy[r] - std::floor(dy[r])) * STEPS + 0.5f) * 4];
                    float wy[4];
                    for (int k = 0; k < 4; k++) wy[k] = top + k >= 0 && top + k < h ? of[k] : 0.0f;
                    cut.weigh(wy, &table[(int)((dx[r] - std::floor(dx[r])) * STEPS + 0.5f) * 4], cell);
                }
                const Run &run = whole ? runs[r] : cut;
                lanes8 belief[HALF];
                const float *believed = weight.data() + (size_t)std::min((int)(v + 0.5f) / 2, hc - 1) * wc;
                beliefs<1>(believed, wc, left + 1 + (dx[r] - std::floor(dx[r]) >= 0.5f), w, g.share, belief);
                const size_t at = (size_t)y * W + (size_t)M * r;
                if (n == M) {
                    add_run(run, row, top & 1, belief, cell, sum.data() + at, mass.data() + at, area);
                    continue;
                }
                for (int c = 0; c < 3; c++)
                    for (int t = 0; t < M; t++) {
                        sums[c * M + t] = t < n ? sum.data()[c * area + at + t] : 0.0f;
                        masses[c * M + t] = t < n ? mass.data()[c * area + at + t] : 0;
                    }
                add_run(run, row, top & 1, belief, cell, sums, masses, M);
                for (int c = 0; c < 3; c++) {
                    std::copy_n(&sums[c * M], n, sum.data() + c * area + at);
                    std::copy_n(&masses[c * M], n, mass.data() + c * area + at);
                }
            }
        }
    });
}

}  // namespace

void gather_pairs(const Gathering &g, int twice, const In<float, 2> &difference, const In<float, 2> &weight, Out<float, 3> &sum,
                  Out<uint16_t, 3> &mass) {
    if (twice == 2) gather_alike(g, difference, weight, sum, mass);
    else if (twice == 3) gather_at<3>(g, difference, weight, sum, mass);
    else gather_at<4>(g, difference, weight, sum, mass);
}
