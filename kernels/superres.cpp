// SPDX-License-Identifier: Apache-2.0
// Superres: what every photosite of a frame measured beside what the picture says it should have measured, and the
// differences gathered on the picture's grid.  The idea and the formulas stand in combine/refine.py.
#include "superres.h"

namespace {

constexpr int RUN = 16;       // photosites of a row that share one shift
constexpr float MOST = 40.0f;  // largest squared difference in units of its variance
constexpr float BROADLY = 4.0f;  // the same in broad means, so that a single edge does not speak for its surroundings
constexpr float UNSEEN = 1e9f;  // instead of it, where there is nothing to compare
constexpr float BAD = -1.0f;   // marks cells of which nothing is to be believed

struct Judge {  // variance of a difference: shot * light + read + slope * contrast
    float shot[3], read[3], slope;
};

template <int TWICE> struct Forward {
    static constexpr int N = taps<TWICE>(), WIDE = ((RUN * TWICE + 1) / 2 + N + 1 + 7) & ~7;
    const float *planes;
    int H, W;
    // What `n` <= RUN photosites of a row, of the colours `colour`, should have measured, if the first one lies at
    // (py, px) of the fine grid; false if one lies outside.
    bool read(float py, float px, int n, const int32_t *colour, int present, float *out) const {
        const float s = 0.5f * TWICE;
        if (!(py > -0.5f && py < H - 0.5f && px > -0.5f && px + (n - 1) * s < W - 0.5f)) return false;
        const auto &table = aperture<TWICE>();
        const int j = (int)std::floor(py), i = (int)std::floor(px);
        const float *wy = table.data() + (int)((py - j) * STEPS + 0.5f) * MOST_TAPS;
        const int left = i - (N / 2 - 1);
        const bool inside = left >= 0 && left + WIDE <= W;
        float column[3][WIDE];
        for (int c = 0; c < 3; c++) {
            if (!(present >> c & 1)) continue;
            const float *base[N], *plane = planes + (size_t)c * H * W;
            for (int k = 0; k < N; k++) base[k] = plane + (size_t)clampi(j - (N / 2 - 1) + k, 0, H - 1) * W;
            float *o = column[c];
            if (inside && N == 6) {
                for (int t = 0; t < WIDE; t++)
                    o[t] = ((wy[0] * base[0][left + t] + wy[5] * base[5][left + t]) +
                            (wy[1] * base[1][left + t] + wy[4] * base[4][left + t])) +
                           (wy[2] * base[2][left + t] + wy[3] * base[3][left + t]);
            } else if (inside) {
                for (int t = 0; t < WIDE; t++) o[t] = wy[0] * base[0][left + t];
                for (int k = 1; k < N; k++)
                    for (int t = 0; t < WIDE; t++) o[t] += wy[k] * base[k][left + t];
            } else {
                for (int t = 0; t < WIDE; t++) {
                    const int x = clampi(left + t, 0, W - 1);
                    o[t] = wy[0] * base[0][x];
                    for (int k = 1; k < N; k++) o[t] += wy[k] * base[k][x];
                }
            }
        }
        if (TWICE == 2) {
            const float *wx = table.data() + (int)((px - i) * STEPS + 0.5f) * MOST_TAPS;
            for (int c = 0; c < 3; c++) {
                if (!(present >> c & 1)) continue;
                float line[RUN];
                const float *q = column[c];
                for (int t = 0; t < RUN; t++)
                    line[t] = ((wx[0] * q[t] + wx[5] * q[t + 5]) + (wx[1] * q[t + 1] + wx[4] * q[t + 4])) +
                              (wx[2] * q[t + 2] + wx[3] * q[t + 3]);
                for (int t = 0; t < RUN; t++) out[t] = colour[t] == c ? line[t] : out[t];
            }
            return true;
        }
        for (int odd = 0; odd < 2; odd++) {  // every second photosite lies at the same fraction of the grid
            const float x = px + odd * s;
            const int first = (int)std::floor(x);
            const float *wx = table.data() + (int)((x - first) * STEPS + 0.5f) * MOST_TAPS;
            for (int t = odd; t < n; t += 2) {
                const float *q = column[colour[t]] + (first - i) + t / 2 * TWICE;
                float a = wx[0] * q[0];
                for (int k = 1; k < N; k++) a += wx[k] * q[k];
                out[t] = a;
            }
        }
        return true;
    }
};

struct Rows {  // colour, shot and read noise of the photosites of a row, and which colours it has
    std::vector<int32_t> colour;
    std::vector<float> shot, read;
    int present = 0;
};
std::vector<Rows> rows_of(const Filters &f, int w, const Judge &judge) {
    std::vector<Rows> rows(f.p);
    for (int y = 0; y < f.p; y++) {
        Rows &r = rows[y];
        for (int x = 0; x < w + RUN; x++) {
            const int c = f.row(y)[x % f.q];
            r.colour.push_back(c);
            r.shot.push_back(judge.shot[c]);
            r.read.push_back(judge.read[c]);
            r.present |= 1 << c;
        }
    }
    return rows;
}

// cfa, clipped (h, w): a frame; planes (3, H, W): the picture, on a grid twice / 2 times as fine; contrast (h/2, w/2): mean
// squared difference of neighbours around every cell of the reference; shading (h/2, w/2 rounded up) or empty: gain of the frame.
// difference (h, w): measured - expected; doubt (h/2, w/2): mean square of it in units of its variance, or BAD.
template <int TWICE>
void compare_at(const In<float, 2> &cfa, const In<uint8_t, 2> &clipped, const Filters &filters, const In<float, 3> &planes,
                const Shifts &flow, const In<float, 2> &contrast, const In<float, 2> &shading, const Judge &judge,
                Out<float, 2> &difference, Out<float, 2> &doubt) {
    const int h = cfa.shape(0), w = cfa.shape(1), hc = h / 2, wc = w / 2;
    const Forward<TWICE> forward{planes.data(), (int)planes.shape(1), (int)planes.shape(2)};
    const auto rows = rows_of(filters, w, judge);
    const float s = 0.5f * TWICE;
    parallel_rows((h + 1) / 2, 16, [&](int a, int b) {
        float expected[RUN], rough[RUN], gain[RUN], square[2][RUN];
        for (int cy = a; cy < b; cy++)
            for (int x = 0; x < w; x += RUN) {
                const int n = std::min(RUN, w - x);
                float dy, dx;
                flow.back(2 * cy + 0.5f, x + 0.5f * (RUN - 1), dy, dx);
                const float *near = contrast.data() + (size_t)clampi((int)std::floor((2 * cy + 1 - dy) * 0.5f), 0, hc - 1) * wc;
                const int kx = (int)std::floor((x + 1 - dx) * 0.5f);
                for (int t = 0; t < RUN; t += 2) {
                    rough[t] = rough[t + 1] = judge.slope * near[clampi(kx + t / 2, 0, wc - 1)];
                    const size_t c = std::min<size_t>((x + t) / 2, shading.shape(1) - 1);
                    gain[t] = gain[t + 1] = shading.size() ? shading.data()[cy * shading.shape(1) + c] : 1.0f;
                }
                for (int half = 0; half < 2; half++) {
                    const int y = 2 * cy + half;
                    float *z = square[half];
                    for (int t = 0; t < RUN; t++) z[t] = UNSEEN;
                    if (y >= h) continue;
                    const Rows &r = rows[y % filters.p];
                    const float *measured = cfa.data() + (size_t)y * w + x;
                    const uint8_t *full = clipped.data() + (size_t)y * w + x;
                    float *out = difference.data() + (size_t)y * w + x;
                    const float py = (y - dy + 0.5f) * s - 0.5f, px = (x - dx + 0.5f) * s - 0.5f;
                    if (!forward.read(py, px, n, &r.colour[x], r.present, expected)) {
                        for (int t = 0; t < n; t++) out[t] = 0;
                        continue;
                    }
                    const float *shot = &r.shot[x], *noise = &r.read[x];
                    auto judged = [&](int count) __attribute__((always_inline)) {
                        for (int t = 0; t < count; t++) {
                            const float e = expected[t], d = measured[t] - e;
                            const float v = (shot[t] * (e > 0 ? e : 0.0f) + noise[t] * gain[t]) * gain[t] + rough[t], q = d * d / v;
                            out[t] = full[t] ? 0.0f : d;
                            z[t] = full[t] ? UNSEEN : q < MOST ? q : MOST;
                        }
                    };
                    if (n == RUN) judged(RUN);
                    else judged(n);
                }
                if (cy < hc)
                    for (int c = 0; 2 * c + 1 < n; c++) {
                        const float z = 0.25f * ((square[0][2 * c] + square[0][2 * c + 1]) +
                                                 (square[1][2 * c] + square[1][2 * c + 1]));
                        doubt.data()[(size_t)cy * wc + x / 2 + c] = z <= MOST ? z : BAD;
                    }
            }
    });
}

void compare(In<float, 2> cfa, In<uint8_t, 2> clipped, In<uint8_t, 2> cell, In<float, 3> planes, int twice, In<float, 3> shift,
             float tile, In<float, 2> contrast, In<float, 2> shading, In<float, 1> judge, Out<float, 2> difference,
             Out<float, 2> doubt) {
    const int h = cfa.shape(0), w = cfa.shape(1);
    need(clipped.shape(0) == cfa.shape(0) && clipped.shape(1) == cfa.shape(1), "clipped must have the shape of cfa");
    need(difference.shape(0) == cfa.shape(0) && difference.shape(1) == cfa.shape(1), "difference must have the shape of cfa");
    need(h >= 2 && w >= 2 && (int)doubt.shape(0) == h / 2 && (int)doubt.shape(1) == w / 2, "doubt must be (h/2, w/2)");
    need((int)contrast.shape(0) == h / 2 && (int)contrast.shape(1) == w / 2, "contrast must be (h/2, w/2)");
    need(shading.size() == 0 || ((int)shading.shape(0) == (h + 1) / 2 && (int)shading.shape(1) == (w + 1) / 2),
         "shading must be (h/2, w/2), rounded up");
    need(planes.shape(0) == 3 && planes.shape(1) >= 1 && planes.shape(2) >= 1, "planes must be (3, H, W)");
    need(shift.shape(2) == 2 && shift.shape(0) >= 1 && shift.shape(1) >= 1 && tile > 0, "shift must be (ty, tx, 2)");
    need(judge.shape(0) == 7, "judge must have seven numbers");
    Judge j;
    for (int c = 0; c < 3; c++) j.shot[c] = judge.data()[c], j.read[c] = judge.data()[3 + c];
    j.slope = judge.data()[6];
    const Shifts flow{shift.data(), (int)shift.shape(0), (int)shift.shape(1), tile};
    const Filters filters(cell);
    if (twice == 2) compare_at<2>(cfa, clipped, filters, planes, flow, contrast, shading, j, difference, doubt);
    else if (twice == 3) compare_at<3>(cfa, clipped, filters, planes, flow, contrast, shading, j, difference, doubt);
    else if (twice == 4) compare_at<4>(cfa, clipped, filters, planes, flow, contrast, shading, j, difference, doubt);
    else need(false, "twice must be 2, 3 or 4");
}

inline float fall(float v, float from, float to) {
    const float t = (to - v) / (to - from);
    return t < 0 ? 0.0f : t > 1 ? 1.0f : t;
}

// Sums of three (and nine) neighbours along the rows top … end of a map of doubts.
struct Sums {
    std::vector<float> three, nine;
    int top, w;
    Sums(const float *doubt, int top, int end, int w)
        : three((size_t)(end - top) * w), nine((size_t)(end - top) * w), top(top), w(w) {
        const size_t wide = w + 8;
        std::vector<float> capped(2 * wide);
        for (int y = top; y < end; y++) {
            const float *d = doubt + (size_t)y * w;
            float *p = &capped[4], *q = &capped[wide + 4];
            for (int x = 0; x < w; x++) {
                p[x] = d[x] == BAD ? 1.0f : d[x];
                q[x] = p[x] < BROADLY ? p[x] : BROADLY;
            }
            float *s3 = &three[(size_t)(y - top) * w], *s9 = &nine[(size_t)(y - top) * w];
            for (int x = 0; x < w; x++) {
                s3[x] = (p[x - 1] + p[x + 1]) + p[x];
                s9[x] = (((q[x - 4] + q[x + 4]) + (q[x - 3] + q[x + 3])) + ((q[x - 2] + q[x + 2]) + (q[x - 1] + q[x + 1]))) + q[x];
            }
        }
    }
    float over(const std::vector<float> &sums, int x, int from, int to) const {  // sum over rows
        float total = 0;
        for (int r = from; r < to; r++) total += sums[(size_t)(r - top) * w + x];
        return total;
    }
};

// Weight of every cell from the doubts around it: limits are fine0, fine1 (means over 3 x 3), broad0, broad1 (9 x 9); then
// the least of 3 x 3.  NaN is not believed.  `before`, if not empty, are doubts that were there before: the limits are then
// those of what was added to them.
void believe(In<float, 2> doubt, In<float, 2> before, In<float, 1> limits, Out<float, 2> weight) {
    const int h = doubt.shape(0), w = doubt.shape(1);
    need(weight.shape(0) == doubt.shape(0) && weight.shape(1) == doubt.shape(1), "weight must have the shape of doubt");
    need(before.size() == 0 || (before.shape(0) == doubt.shape(0) && before.shape(1) == doubt.shape(1)),
         "before must have the shape of doubt");
    need(limits.shape(0) == 4, "limits must be four numbers");
    const float *l = limits.data();
    parallel_rows(h, 64, [&](int ya, int yb) {
        const int a = std::max(0, ya - 1), b = std::min(h, yb + 1), top = std::max(0, a - 4), end = std::min(h, b + 4);
        std::vector<float> own((size_t)(b - a) * w), low(w + 2, 1.0f);
        const Sums now(doubt.data(), top, end, w), old(before.data(), top, before.size() ? end : top, w);
        for (int y = a; y < b; y++) {
            const int f0 = std::max(0, y - 1), f1 = std::min(h, y + 2), g0 = std::max(0, y - 4), g1 = std::min(h, y + 5);
            const float *d = doubt.data() + (size_t)y * w;
            float *o = &own[(size_t)(y - a) * w];
            for (int x = 0; x < w; x++) {
                const float n3 = (float)((std::min(w, x + 2) - std::max(0, x - 1)) * (f1 - f0));
                const float n9 = (float)((std::min(w, x + 5) - std::max(0, x - 4)) * (g1 - g0));
                float m3 = now.over(now.three, x, f0, f1) / n3, m9 = now.over(now.nine, x, g0, g1) / n9;
                if (before.size()) {
                    m3 -= old.over(old.three, x, f0, f1) / n3;
                    m9 -= old.over(old.nine, x, g0, g1) / n9;
                }
                const float v = fall(m3, l[0], l[1]) * fall(m9, l[2], l[3]);
                o[x] = d[x] == BAD || !(v > 0) ? 0.0f : v;
            }
        }
        for (int y = ya; y < yb; y++) {
            const float *o = &own[(size_t)(y - a) * w], *up = y > a ? o - w : o, *down = y + 1 < b ? o + w : o;
            for (int x = 0; x < w; x++) low[x + 1] = std::min(o[x], std::min(up[x], down[x]));
            float *out = weight.data() + (size_t)y * w;
            for (int x = 0; x < w; x++) out[x] = std::min(low[x + 1], std::min(low[x], low[x + 2]));
        }
    });
}

// Adds the weighted differences around every pixel of the fine grid, per colour: sum and mass (3, H, W).
template <int TWICE>
void gather_at(const In<float, 2> &difference, const In<float, 2> &weight, const Filters &filters, const Shifts &flow,
               float narrow, float share, Out<float, 3> &sum, Out<float, 3> &mass) {
    constexpr int A = TWICE == 3 ? 3 : TWICE / 2, B = TWICE == 3 ? 2 : 1;  // A pixels of the grid on B photosites
    constexpr int M = 16, WIDE = (B * (M - 1) + 4 + 7) & ~7;
    const int h = difference.shape(0), w = difference.shape(1), hc = weight.shape(0), wc = weight.shape(1);
    const int H = sum.shape(1), W = sum.shape(2), p = filters.p, q = filters.q, span = q + WIDE;
    const float s = 0.5f * TWICE;
    std::vector<float> mask((size_t)3 * p * span);  // 1 where a photosite has the colour
    std::vector<uint8_t> present((size_t)3 * p);
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < p; y++)
            for (int x = 0; x < span; x++) {
                mask[((size_t)c * p + y) * span + x] = filters.row(y)[x % q] == c;
                present[c * p + y] |= filters.row(y)[x % q] == c;
            }
    parallel_rows(H, 32, [&](int ya, int yb) {
        float line[3][A * M], full[3][A * M], column[WIDE], count[20], belief[M], padded[4][WIDE], wy[4], wx[4];
        for (int y = ya; y < yb; y++)
            for (int m0 = 0; A * m0 < W; m0 += M) {
                float dy, dx;
                const float ry = (y + 0.5f) / s - 0.5f;
                flow.at(ry, B * (m0 + 0.5f * (M - 1)), dy, dx);
                const float v = ry + dy;
                const int j = (int)std::floor(v);
                if (!(v > -0.5f && v < h - 0.5f)) continue;
                spline(v - j, narrow, wy);
                const float *believed = weight.data() + (size_t)std::min((int)(v + 0.5f) / 2, hc - 1) * wc;
                for (int e = 0; e < A; e++) {
                    const float u = B * m0 + (e + 0.5f) / s - 0.5f + dx;
                    if (!(u > -1.0f * B * M && u < w)) {
                        for (int c = 0; c < 3; c++)
                            for (int t = 0; t < M; t++) line[c][A * t + e] = full[c][A * t + e] = 0;
                        continue;
                    }
                    const int i = (int)std::floor(u), left = i - 1, first = i + (u - i >= 0.5f);
                    spline(u - i, narrow, wx);
                    const int phase = ((left % q) + q) % q;
                    const bool inside = left >= 0 && left + WIDE <= w;
                    const float *rows[4];
                    for (int k = 0; k < 4; k++) {
                        const int r = clampi(j - 1 + k, 0, h - 1);
                        rows[k] = difference.data() + (size_t)r * w + left;
                        if (!inside) {
                            for (int t = 0; t < WIDE; t++) padded[k][t] = left + t >= 0 && left + t < w ? rows[k][t] : 0.0f;
                            rows[k] = padded[k];
                        }
                    }
                    if (inside && first >= 0)
                        for (int t = 0; t < M; t++) belief[t] = share * believed[std::min((first + B * t) / 2, wc - 1)];
                    else
                        for (int t = 0; t < M; t++) {
                            const int x = first + B * t;
                            belief[t] = x >= 0 && x < w ? share * believed[std::min(x / 2, wc - 1)] : 0.0f;
                        }
                    for (int c = 0; c < 3; c++) {
                        for (int t = 0; t < WIDE; t++) column[t] = 0;
                        for (int t = 0; t < 20; t++) count[t] = 0;
                        for (int k = 0; k < 4; k++) {
                            const int r = j - 1 + k, f = c * p + (r + p) % p;
                            if (r < 0 || r >= h || !present[f]) continue;
                            const float *g = &mask[(size_t)f * span + phase], *d = rows[k];
                            for (int t = 0; t < WIDE; t++) column[t] += wy[k] * (g[t] * d[t]);
                            for (int t = 0; t < q + 3; t++) count[t] += wy[k] * g[t];
                        }
                        float near[16], mass[M];  // how much of the colour there is around photosites of every phase
                        for (int t = 0; t < q; t++)
                            near[t] = (wx[0] * count[t] + wx[3] * count[t + 3]) + (wx[1] * count[t + 1] + wx[2] * count[t + 2]);
                        if (q == 2 && B == 1)
                            for (int t = 0; t < M; t++) mass[t] = near[t & 1];
                        else
                            for (int t = 0, o = 0; t < M; t++) {
                                mass[t] = near[o];
                                o = (o + B) % q;
                            }
                        const float *z = column;
                        float *l = line[c] + e, *m = full[c] + e;
                        for (int t = 0; t < M; t++) {
                            const float *b = z + B * t;
                            l[A * t] = belief[t] * ((wx[0] * b[0] + wx[3] * b[3]) + (wx[1] * b[1] + wx[2] * b[2]));
                            m[A * t] = belief[t] * mass[t];
                        }
                    }
                }
                const int n = std::min(A * M, W - A * m0);
                for (int c = 0; c < 3; c++) {
                    const size_t at = ((size_t)c * H + y) * W + (size_t)A * m0;
                    float *a = sum.data() + at, *b = mass.data() + at;
                    for (int t = 0; t < n; t++) a[t] += line[c][t], b[t] += full[c][t];
                }
            }
    });
}

void gather(In<float, 2> difference, In<float, 2> weight, In<uint8_t, 2> cell, int twice, In<float, 3> shift, float tile,
            float narrow, float share, Out<float, 3> sum, Out<float, 3> mass) {
    const int h = difference.shape(0), w = difference.shape(1);
    need(h >= 2 && w >= 2 && (int)weight.shape(0) == h / 2 && (int)weight.shape(1) == w / 2, "weight must be (h/2, w/2)");
    need(sum.shape(0) == 3 && mass.shape(0) == 3 && sum.shape(1) == mass.shape(1) && sum.shape(2) == mass.shape(2),
         "sum and mass must be (3, H, W)");
    need(shift.shape(2) == 2 && shift.shape(0) >= 1 && shift.shape(1) >= 1 && tile > 0, "shift must be (ty, tx, 2)");
    need(narrow >= 1, "narrow must be at least 1");
    const Shifts flow{shift.data(), (int)shift.shape(0), (int)shift.shape(1), tile};
    const Filters filters(cell);
    if (twice == 2) gather_at<2>(difference, weight, filters, flow, narrow, share, sum, mass);
    else if (twice == 3) gather_at<3>(difference, weight, filters, flow, narrow, share, sum, mass);
    else if (twice == 4) gather_at<4>(difference, weight, filters, flow, narrow, share, sum, mass);
    else need(false, "twice must be 2, 3 or 4");
}

}  // namespace

KERNEL("superres_compare", compare, "cfa"_a, "clipped"_a, "cell"_a, "planes"_a, "twice"_a, "shift"_a, "tile"_a, "contrast"_a,
       "shading"_a, "judge"_a, "difference"_a, "doubt"_a)
KERNEL("superres_believe", believe, "doubt"_a, "before"_a, "limits"_a, "weight"_a)
KERNEL("superres_gather", gather, "difference"_a, "weight"_a, "cell"_a, "twice"_a, "shift"_a, "tile"_a, "narrow"_a, "share"_a,
       "sum"_a, "mass"_a)
