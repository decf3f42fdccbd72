// SPDX-License-Identifier: Apache-2.0
// Superres: what every photosite of a frame measured beside what the picture says it should have measured, and how far that
// is believed.  The idea and the formulas stand in combine/refine.py.
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
            float picked[RUN] = {};
            for (int c = 0; c < 3; c++) {
                if (!(present >> c & 1)) continue;
                float line[RUN];
                const float *q = column[c];
                for (int t = 0; t < RUN; t++)
                    line[t] = ((wx[0] * q[t] + wx[5] * q[t + 5]) + (wx[1] * q[t + 1] + wx[4] * q[t + 4])) +
                              (wx[2] * q[t + 2] + wx[3] * q[t + 3]);
                for (int t = 0; t < RUN; t++) picked[t] = colour[t] == c ? line[t] : picked[t];
            }
            std::memcpy(out, picked, sizeof picked);
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
        const int runs = (w + RUN - 1) / RUN;
        std::vector<float> shifts(2 * runs);
        for (int cy = a; cy < b; cy++) {
            for (int r = 0; r < runs; r++) flow.back(2 * cy + 0.5f, (r + 0.5f) * RUN - 0.5f, shifts[2 * r], shifts[2 * r + 1]);
            for (int x = 0; x < w; x += RUN) {
                const int n = std::min(RUN, w - x);
                const float dy = shifts[x / RUN * 2], dx = shifts[x / RUN * 2 + 1];
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

// Means over 3 x 3 and 9 x 9 cells of a map of doubts, cut off at its borders.
struct Means {
    std::vector<float> three, nine, m3, m9, cells3, cells9;
    int h, w, top;
    Means(const float *doubt, int h, int w, int top, int end)
        : three((size_t)(end - top) * w), nine((size_t)(end - top) * w), m3(w), m9(w), cells3(w), cells9(w), h(h), w(w), top(top) {
        std::vector<float> mild(w + 8), strong(w + 8);
        for (int x = 0; x < w; x++) {
            cells3[x] = (float)(std::min(w, x + 2) - std::max(0, x - 1));
            cells9[x] = (float)(std::min(w, x + 5) - std::max(0, x - 4));
        }
        for (int y = top; y < end; y++) {
            const float *d = doubt + (size_t)y * w;
            float *p = &strong[4], *q = &mild[4];
            for (int x = 0; x < w; x++) {
                const float v = d[x] == BAD ? 1.0f : d[x];
                p[x] = v;
                q[x] = v < BROADLY ? v : BROADLY;
            }
            float *s3 = &three[(size_t)(y - top) * w], *s9 = &nine[(size_t)(y - top) * w];
            for (int x = 0; x < w; x++) {
                s3[x] = (p[x - 1] + p[x + 1]) + p[x];
                s9[x] = (((q[x - 4] + q[x + 4]) + (q[x - 3] + q[x + 3])) + ((q[x - 2] + q[x + 2]) + (q[x - 1] + q[x + 1]))) + q[x];
            }
        }
    }
    void at(int y) {  // fills m3 and m9 for a row
        mean(three, std::max(0, y - 1), std::min(h, y + 2), cells3, m3);
        mean(nine, std::max(0, y - 4), std::min(h, y + 5), cells9, m9);
    }

  private:
    void mean(const std::vector<float> &sums, int from, int to, const std::vector<float> &cells, std::vector<float> &out) {
        float *o = out.data();
        const float *n = cells.data(), rows = (float)(to - from);
        for (int x = 0; x < w; x++) o[x] = 0;
        for (int r = from; r < to; r++) {
            const float *s = &sums[(size_t)(r - top) * w];
            for (int x = 0; x < w; x++) o[x] += s[x];
        }
        for (int x = 0; x < w; x++) o[x] /= n[x] * rows;
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
        Means now(doubt.data(), h, w, top, end);
        std::unique_ptr<Means> old;
        if (before.size()) old = std::make_unique<Means>(before.data(), h, w, top, end);
        for (int y = a; y < b; y++) {
            now.at(y);
            float *m3 = now.m3.data(), *m9 = now.m9.data(), *o = &own[(size_t)(y - a) * w];
            if (old) {
                old->at(y);
                for (int x = 0; x < w; x++) m3[x] -= old->m3[x], m9[x] -= old->m9[x];
            }
            const float *d = doubt.data() + (size_t)y * w;
            for (int x = 0; x < w; x++) {
                const float v = fall(m3[x], l[0], l[1]) * fall(m9[x], l[2], l[3]);
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

}  // namespace

KERNEL("superres_compare", compare, "cfa"_a, "clipped"_a, "cell"_a, "planes"_a, "twice"_a, "shift"_a, "tile"_a, "contrast"_a,
       "shading"_a, "judge"_a, "difference"_a, "doubt"_a)
KERNEL("superres_believe", believe, "doubt"_a, "before"_a, "limits"_a, "weight"_a)
