// SPDX-License-Identifier: Apache-2.0
// Superres: what every photosite of a frame measured beside what the picture says it should have measured.  The idea and the
// formulas stand in combine/refine.py.
//
// Every second photosite of every second row has one colour (if the sensor is a Bayer), and lies twice / 2 * 2 = twice pixels
// of the picture from the next.  So the picture's columns are sorted by what they leave modulo `twice`: then eight such
// photosites are read with a few plain vectors.
#include "superres_part.h"

namespace {

constexpr int HIGH = 64, WIDE = 256;       // of a tile, whose part of the picture is sorted at once
constexpr float MOST = 40.0f;              // largest squared difference in units of its variance
constexpr float UNSEEN = 1e9f;             // instead of it, where there is nothing to compare
constexpr float HIDDEN = 1e30f;            // light outside the picture

struct Judge {  // variance of a difference: shot * light + read + slope * contrast
    float shot[3], read[3], slope;
};

// What eight by eight photosites, two apart, should have measured of a colour, if the first lies at (fy, fx).
template <int TWICE> inline void expect(const Part<TWICE> &part, int c, float fy, float fx, lanes8 *out) {
    constexpr int N = taps<TWICE>(), A = N / 2 - 1, ROWS = (LANE - 1) * TWICE + N;
    const auto &table = aperture<TWICE>();
    const int j = (int)std::floor(fy), i = (int)std::floor(fx);
    const float *wy = table.data() + (int)((fy - j) * STEPS + 0.5f) * MOST_TAPS;
    const float *wx = table.data() + (int)((fx - i) * STEPS + 0.5f) * MOST_TAPS;
    const size_t step = 3 * TWICE * part.pitch;
    const float *p = part.at(c, j - A), *q[N];
    for (int k = 0; k < N; k++) {
        const int x = i - A + k - part.left;
        q[k] = p + (x % TWICE) * part.pitch + x / TWICE;
    }
    lanes8 rows[ROWS];
    for (int r = 0; r < ROWS; r++) {
        lanes8 a = load8(q[0] + r * step) * wx[0];
        for (int k = 1; k < N; k++) a += load8(q[k] + r * step) * wx[k];
        rows[r] = a;
    }
    for (int t = 0; t < LANE; t++) {
        lanes8 a = rows[t * TWICE] * wy[0];
        for (int k = 1; k < N; k++) a += rows[t * TWICE + k] * wy[k];
        out[t] = a;
    }
}

struct Frame {  // what is given of a frame, and what is made of it
    const float *cfa;
    const uint8_t *clipped;
    int h, w;
    const Filters &filters;
    const In<float, 2> &contrast, &shading;
    const Judge &judge;
    float *difference, *doubt;
};

struct Rows {  // colour, shot and read noise of the photosites of a row
    std::vector<int32_t> colour;
    std::vector<float> shot, read;
};
std::vector<Rows> rows_of(const Filters &f, int w, const Judge &judge) {
    std::vector<Rows> rows(f.p);
    for (int y = 0; y < f.p; y++)
        for (int x = 0; x < w + SIDE; x++) {
            const int c = f.row(y)[x % f.q];
            rows[y].colour.push_back(c);
            rows[y].shot.push_back(judge.shot[c]);
            rows[y].read.push_back(judge.read[c]);
        }
    return rows;
}

// What a row of blocks should have measured, at least HIDDEN where a photosite lies outside the picture.
struct Strip {
    float light[SIDE][WIDE], rough[WIDE], gain[WIDE], square[2][WIDE];
};

template <int TWICE> struct Comparison {
    const Frame &f;
    int H, W;
    const std::vector<Rows> &rows;

    void expected(const Part<TWICE> &part, const Block &b, int y0, int x0, float (*out)[WIDE]) const {
        const float s = 0.5f * TWICE;
        const bool plain = f.filters.p <= 2 && f.filters.q <= 2;  // every second photosite of a row has its colour
        for (int half = 0; half < 2; half++) {
            lanes8 light[2][LANE];
            for (int odd = 0; odd < 2; odd++) {
                const float fy = b.y + half * s, fx = b.x + odd * s;
                if (plain) {
                    expect(part, rows[half & (f.filters.p - 1)].colour[x0 + odd], fy, fx, light[odd]);  // y0 is even
                    continue;
                }
                lanes8 all[3][LANE];
                for (int c = 0; c < 3; c++) expect(part, c, fy, fx, all[c]);
                for (int t = 0; t < LANE; t++)
                    for (int i = 0; i < LANE; i++)
                        light[odd][t][i] = all[rows[(y0 + half + 2 * t) % f.filters.p].colour[x0 + odd + 2 * i]][t][i];
            }
            for (int t = 0; t < LANE; t++) {
                float *o = out[2 * t + half];
                store8(o, zip_low(light[0][t], light[1][t]));
                store8(o + 8, zip_high(light[0][t], light[1][t]));
            }
        }
        const bool inside = b.x > -0.5f && b.x + (SIDE - 1) * s < W - 0.5f && b.y > -0.5f && b.y + (SIDE - 1) * s < H - 0.5f;
        for (int y = 0; y < SIDE && !inside; y++)
            for (int x = 0; x < SIDE; x++) {
                const float fy = b.y + y * s, fx = b.x + x * s;
                if (!(fy > -0.5f && fy < H - 0.5f && fx > -0.5f && fx < W - 0.5f)) out[y][x] = HIDDEN;
            }
    }

    // A row of blocks, from (y0, xa), cell row by cell row.
    void compare(const Block *blocks, Strip &strip, int y0, int xa, int xb) const {
        const int wc = f.w / 2, hc = f.h / 2, ws = (int)f.shading.shape(1), n = xb - xa;
        std::fill_n(strip.gain, n, 1.0f);
        for (int t = 0; t < LANE && y0 + 2 * t < f.h; t++) {
            const int cy = y0 / 2 + t;
            for (int x = xa, k = 0; x < xb; x += SIDE, k++) {
                const Block &b = blocks[k];
                const int above = clampi((int)std::floor((2 * cy + 1 - b.dy) * 0.5f), 0, hc - 1);
                const float *near = f.contrast.data() + (size_t)above * wc;
                const int left = (int)std::floor((x + 1 - b.dx) * 0.5f);
                float *o = strip.rough + (x - xa);
                if (left >= 0 && left + LANE <= wc) {
                    const lanes8 v = f.judge.slope * load8(near + left);
                    store8(o, zip_low(v, v));
                    store8(o + 8, zip_high(v, v));
                } else
                    for (int i = 0; i < SIDE; i++) o[i] = f.judge.slope * near[clampi(left + i / 2, 0, wc - 1)];
            }
            if (f.shading.size())
                for (int i = 0; i < n; i++) strip.gain[i] = f.shading.data()[(size_t)cy * ws + (xa + i) / 2];
            for (int half = 0; half < 2; half++) {
                const int y = y0 + 2 * t + half;
                float *z = strip.square[half];
                if (y >= f.h) std::fill_n(z, n, UNSEEN);
                else if (n == WIDE) judged(y, xa, strip, WIDE, strip.light[2 * t + half], z);
                else judged(y, xa, strip, n, strip.light[2 * t + half], z);
            }
            if (cy >= hc) continue;
            float *o = f.doubt + (size_t)cy * wc + xa / 2;
            const float *p = strip.square[0], *q = strip.square[1];
            for (int i = 0; i < n / 2; i++) {
                const float z = 0.25f * ((p[2 * i] + p[2 * i + 1]) + (q[2 * i] + q[2 * i + 1]));
                o[i] = z <= MOST ? z : BAD;
            }
        }
    }

    // Differences of a row, and their squares in units of their variance.
    __attribute__((always_inline)) void judged(int y, int x, const Strip &strip, int n, const float *__restrict expected,
                                               float *__restrict square) const {
        const size_t at = (size_t)y * f.w + x;
        const float *__restrict measured = f.cfa + at, *rough = strip.rough, *gain = strip.gain;
        const float *shot = &rows[y % f.filters.p].shot[x], *read = &rows[y % f.filters.p].read[x];
        const uint8_t *__restrict full = f.clipped + at;
        float *__restrict out = f.difference + at;
        for (int t = 0; t < n; t++) {
            const float e = expected[t], d = measured[t] - e;
            const float v = (shot[t] * (e > 0 ? e : 0.0f) + read[t] * gain[t]) * gain[t] + rough[t], q = d * d / v;
            const float z = q < MOST ? q : MOST;
            const int32_t good = -(int32_t)((full[t] == 0) & (e < HIDDEN));  // as a mask: nothing here is worth a branch
            out[t] = as_float(as_int(d) & good);
            square[t] = as_float((as_int(z) & good) | (as_int(UNSEEN) & ~good));
        }
    }
};

// cfa, clipped (h, w): a frame; rgb (H, W, 3): the picture, on a grid twice / 2 times as fine; contrast (h/2, w/2): mean
// squared difference of neighbours around every cell of the reference; shading (h/2, w/2 rounded up) or empty: its gain.
// difference (h, w): measured - expected; doubt (h/2, w/2): mean square of it in units of its variance, or BAD.
template <int TWICE> void compare_at(const Frame &frame, const In<float, 3> &rgb, const Shifts &flow) {
    const auto rows = rows_of(frame.filters, frame.w, frame.judge);
    const Comparison<TWICE> comparison{frame, (int)rgb.shape(0), (int)rgb.shape(1), rows};
    const int h = frame.h, w = frame.w, H = comparison.H, W = comparison.W;
    const float s = 0.5f * TWICE, length = (SIDE - 1) * s;
    parallel_rows(h, HIGH, [&](int ya, int yb) {
        static thread_local Scratch memory;
        constexpr int ACROSS = WIDE / SIDE;
        Block blocks[HIGH / SIDE * ACROSS];
        Strip strip;
        for (int xa = 0; xa < w; xa += WIDE) {
            const int xb = std::min(w, xa + WIDE);
            Part<TWICE> part;
            for (int y = ya; y < yb; y += SIDE)
                for (int x = xa; x < xb; x += SIDE) {
                    Block &b = blocks[(y - ya) / SIDE * ACROSS + (x - xa) / SIDE];
                    flow.back(y + 0.5f * (SIDE - 1), x + 0.5f * (SIDE - 1), b.dy, b.dx);
                    b.y = (y - b.dy + 0.5f) * s - 0.5f;
                    b.x = (x - b.dx + 0.5f) * s - 0.5f;
                    b.seen = b.y + length > -0.5f && b.y < H - 0.5f && b.x + length > -0.5f && b.x < W - 0.5f;
                    if (b.seen) part.cover(b);
                    else b.dy = b.dx = 0;
                }
            if (part.bottom > part.top) part.fill(rgb.data(), H, W, memory);
            for (int y = ya; y < yb; y += SIDE) {
                const Block *b = blocks + (y - ya) / SIDE * ACROSS;
                for (int x = xa, k = 0; x < xb; x += SIDE, k++)
                    if (b[k].seen) comparison.expected(part, b[k], y, x, (float(*)[WIDE])(strip.light[0] + (x - xa)));
                    else
                        for (auto &line : strip.light) std::fill_n(line + (x - xa), SIDE, HIDDEN);
                comparison.compare(b, strip, y, xa, xb);
            }
        }
    });
}

void compare(In<float, 2> cfa, In<uint8_t, 2> clipped, In<uint8_t, 2> cell, In<float, 3> rgb, int twice, In<float, 3> shift,
             float tile, In<float, 2> contrast, In<float, 2> shading, In<float, 1> judge, Out<float, 2> difference,
             Out<float, 2> doubt) {
    const int h = cfa.shape(0), w = cfa.shape(1);
    need(clipped.shape(0) == cfa.shape(0) && clipped.shape(1) == cfa.shape(1), "clipped must have the shape of cfa");
    need(difference.shape(0) == cfa.shape(0) && difference.shape(1) == cfa.shape(1), "difference must have the shape of cfa");
    need(h >= 2 && w >= 2 && (int)doubt.shape(0) == h / 2 && (int)doubt.shape(1) == w / 2, "doubt must be (h/2, w/2)");
    need((int)contrast.shape(0) == h / 2 && (int)contrast.shape(1) == w / 2, "contrast must be (h/2, w/2)");
    need(shading.size() == 0 || ((int)shading.shape(0) == (h + 1) / 2 && (int)shading.shape(1) == (w + 1) / 2),
         "shading must be (h/2, w/2), rounded up");
    need(rgb.shape(2) == 3 && rgb.shape(0) >= 1 && rgb.shape(1) >= 1, "rgb must be (H, W, 3)");
    need(shift.shape(2) == 2 && shift.shape(0) >= 1 && shift.shape(1) >= 1 && tile > 0, "shift must be (ty, tx, 2)");
    need(judge.shape(0) == 7, "judge must have seven numbers");
    Judge j;
    for (int c = 0; c < 3; c++) j.shot[c] = judge.data()[c], j.read[c] = judge.data()[3 + c];
    j.slope = judge.data()[6];
    const Shifts flow{shift.data(), (int)shift.shape(0), (int)shift.shape(1), tile};
    const Filters filters(cell);
    const Frame frame{cfa.data(), clipped.data(), h, w, filters, contrast, shading, j, difference.data(), doubt.data()};
    if (twice == 2) compare_at<2>(frame, rgb, flow);
    else if (twice == 3) compare_at<3>(frame, rgb, flow);
    else if (twice == 4) compare_at<4>(frame, rgb, flow);
    else need(false, "twice must be 2, 3 or 4");
}

}  // namespace

KERNEL("superres_compare", compare, "cfa"_a, "clipped"_a, "cell"_a, "rgb"_a, "twice"_a, "shift"_a, "tile"_a, "contrast"_a,
       "shading"_a, "judge"_a, "difference"_a, "doubt"_a)
