// SPDX-License-Identifier: Apache-2.0
// Photosites of a frame and pixels of the reference's grid: where one lies on the other, and how one is read from the other.
#pragma once
#include <array>

#include "cosine.h"

// Eight lanes put in another order.  Where vectors have but four, compilers do that one lane after the other: so by halves.
#if defined(__AVX__)
inline lanes8 evens(lanes8 a, lanes8 b) { return MIX8(a, b, 0, 2, 4, 6, 8, 10, 12, 14); }
inline lanes8 odds(lanes8 a, lanes8 b) { return MIX8(a, b, 1, 3, 5, 7, 9, 11, 13, 15); }
inline lanes8 zip_low(lanes8 a, lanes8 b) { return MIX8(a, b, 0, 8, 1, 9, 2, 10, 3, 11); }
inline lanes8 zip_high(lanes8 a, lanes8 b) { return MIX8(a, b, 4, 12, 5, 13, 6, 14, 7, 15); }
inline lanes8 by_turns(lanes8 a, lanes8 b) { return MIX8(a, b, 0, 9, 2, 11, 4, 13, 6, 15); }
inline lanes8 doubled(lanes8 a) { return MIX8(a, a, 0, 0, 1, 1, 2, 2, 3, 3); }
inline lanes8 doubled_late(lanes8 a) { return MIX8(a, a, 0, 1, 1, 2, 2, 3, 3, 4); }
#else
struct Halves {
    lanes4 low, high;
    explicit Halves(lanes8 v) { std::memcpy((void *)this, &v, 32); }
    Halves(lanes4 l, lanes4 h) : low(l), high(h) {}
    lanes8 whole() const {
        lanes8 v;
        std::memcpy(&v, (const void *)this, 32);
        return v;
    }
};
inline lanes8 evens(lanes8 a, lanes8 b) {
    const Halves p(a), q(b);
    return Halves(MIX4(p.low, p.high, 0, 2, 4, 6), MIX4(q.low, q.high, 0, 2, 4, 6)).whole();
}
inline lanes8 odds(lanes8 a, lanes8 b) {
    const Halves p(a), q(b);
    return Halves(MIX4(p.low, p.high, 1, 3, 5, 7), MIX4(q.low, q.high, 1, 3, 5, 7)).whole();
}
inline lanes8 zip_low(lanes8 a, lanes8 b) {
    const Halves p(a), q(b);
    return Halves(MIX4(p.low, q.low, 0, 4, 1, 5), MIX4(p.low, q.low, 2, 6, 3, 7)).whole();
}
inline lanes8 zip_high(lanes8 a, lanes8 b) {
    const Halves p(a), q(b);
    return Halves(MIX4(p.high, q.high, 0, 4, 1, 5), MIX4(p.high, q.high, 2, 6, 3, 7)).whole();
}
inline lanes8 by_turns(lanes8 a, lanes8 b) {
    const Halves p(a), q(b);
    return Halves(MIX4(p.low, q.low, 0, 5, 2, 7), MIX4(p.high, q.high, 0, 5, 2, 7)).whole();
}
inline lanes8 doubled(lanes8 a) {
    const Halves p(a);
    return Halves(MIX4(p.low, p.low, 0, 0, 1, 1), MIX4(p.low, p.low, 2, 2, 3, 3)).whole();
}
inline lanes8 doubled_late(lanes8 a) {
    const Halves p(a);
    return Halves(MIX4(p.low, p.low, 0, 1, 1, 2), MIX4(p.low, p.high, 2, 3, 3, 4)).whole();
}
#endif

typedef int32_t counts8 __attribute__((vector_size(32)));

constexpr float BAD = -1.0f;  // marks cells of which nothing is to be believed

struct Shifts {  // flow of one frame: tile shifts, bilinear between tile centres and extrapolated beyond the outermost
    const float *shift;
    int ny, nx;
    float tile;
    void at(float y, float x, float &dy, float &dx) const {
        const float fy = (y + 0.5f) / tile - 0.5f, fx = (x + 0.5f) / tile - 0.5f;
        const int j = clampi((int)std::floor(fy), 0, std::max(0, ny - 2)), i = clampi((int)std::floor(fx), 0, std::max(0, nx - 2));
        const float a = ny > 1 ? fy - j : 0.0f, b = nx > 1 ? fx - i : 0.0f;
        const float *p = shift + ((size_t)j * nx + i) * 2, *q = ny > 1 ? p + 2 * nx : p;
        const int n = nx > 1 ? 2 : 0;
        const float y0 = p[0] + b * (p[n] - p[0]), y1 = q[0] + b * (q[n] - q[0]);
        const float x0 = p[1] + b * (p[n + 1] - p[1]), x1 = q[1] + b * (q[n + 1] - q[1]);
        dy = y0 + a * (y1 - y0);
        dx = x0 + a * (x1 - x0);
    }
    // The shifts along a row, to be read by `across`.
    void row(float y, std::vector<float> &line) const {
        const float fy = (y + 0.5f) / tile - 0.5f;
        const int j = clampi((int)std::floor(fy), 0, std::max(0, ny - 2));
        const float a = ny > 1 ? fy - j : 0.0f, *p = shift + (size_t)j * nx * 2, *q = ny > 1 ? p + 2 * nx : p;
        line.resize(2 * nx + 2);
        for (int i = 0; i < 2 * nx; i++) line[i] = p[i] + a * (q[i] - p[i]);
        line[2 * nx] = line[2 * nx - 2];
        line[2 * nx + 1] = line[2 * nx - 1];
    }
    void across(const std::vector<float> &line, float x, float &dy, float &dx) const {
        const float fx = (x + 0.5f) / tile - 0.5f;
        const int i = clampi((int)std::floor(fx), 0, std::max(0, nx - 2));
        const float b = nx > 1 ? fx - i : 0.0f, *p = &line[2 * i];
        dy = p[0] + b * (p[2] - p[0]);
        dx = p[1] + b * (p[3] - p[1]);
    }
    void back(float y, float x, float &dy, float &dx) const {  // the shift that ends at (y, x) of the frame
        at(y, x, dy, dx);
        at(y - dy, x - dx, dy, dx);
        at(y - dy, x - dx, dy, dx);
    }
};

// Reading a grid `twice / 2` times as fine at STEPS fractions, through the aperture of a photosite: Lanczos-3, at two
// places d apart from the middle; box(photosite) = box(pixel of the grid) * this pair, exactly at twice = 4, and of the
// same variance at 3: d^2 = (scale^2 - 1) / 12.  Rounded to 2^-20, so that no libm decides the last bit; rows sum to one.
constexpr int STEPS = 256, MOST_TAPS = 8;
constexpr float MASS = 1024;  // steps of a weight of one frame
template <int TWICE> constexpr int taps() { return TWICE == 2 ? 6 : 8; }

template <int TWICE> inline const std::array<float, (STEPS + 1) * MOST_TAPS> &aperture() {
    static const std::array<float, (STEPS + 1) * MOST_TAPS> table = [] {
        constexpr int N = taps<TWICE>();
        const double pi = 3.14159265358979323846, s = 0.5 * TWICE, d = std::sqrt((s * s - 1) / 12);
        auto lanczos = [&](double x) {
            x = std::fabs(x);
            return x < 1e-9 ? 1.0 : x >= 3 ? 0.0 : 3 * std::sin(pi * x) * std::sin(pi * x / 3) / (pi * pi * x * x);
        };
        std::array<float, (STEPS + 1) * MOST_TAPS> t{};
        for (int f = 0; f <= STEPS; f++) {
            double v[N], sum = 0, rest = 1;
            for (int k = 0; k < N; k++) {
                const double x = k - (N / 2 - 1) - f / (double)STEPS;
                v[k] = 0.5 * (lanczos(x - d) + lanczos(x + d));
                sum += v[k];
            }
            for (int k = 0; k < N; k++) {
                const double q = std::nearbyint(v[k] / sum * 1048576.0) / 1048576.0;
                t[f * MOST_TAPS + k] = (float)q;
                rest -= q;
            }
            t[f * MOST_TAPS + N / 2 - 1] += (float)rest;
        }
        return t;
    }();
    return table;
}

// Cubic B-spline of four taps at STEPS fractions, narrowed by `narrow` >= 1; the taps sum to one.
inline std::vector<float> splines(float narrow) {
    std::vector<float> table((STEPS + 1) * 4);
    for (int f = 0; f <= STEPS; f++) {
        float *w = &table[f * 4], sum = 0;
        for (int k = 0; k < 4; k++) {
            const float r = narrow * std::fabs(k - 1 - f / (float)STEPS), a = r < 2 ? 2 - r : 0.0f, b = r < 1 ? 1 - r : 0.0f;
            w[k] = (a * a * a - 4 * b * b * b) * (1 / 6.0f);
            sum += w[k];
        }
        for (int k = 0; k < 4; k++) w[k] /= sum;
    }
    return table;
}

struct Filters {  // the colour of every photosite: a cell of `p` x `q` colours 0, 1, 2 that repeats
    int p, q;
    const uint8_t *cell;
    explicit Filters(const In<uint8_t, 2> &c) : p(c.shape(0)), q(c.shape(1)), cell(c.data()) {
        need(p >= 1 && q >= 1 && p <= 16 && q <= 16, "cell must have 1 to 16 rows and columns");
        for (int i = 0; i < p * q; i++) need(cell[i] < 3, "colours of the cell must be 0, 1 or 2");
    }
    const uint8_t *row(int y) const { return cell + (size_t)(y % p) * q; }
};

// Adds a line of up to N weighted differences, or of weights in steps of 1 / MASS.
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

struct Gathering {  // of the photosites of a frame: their colours, where they lie, how narrowly and how strongly they count
    const Filters &filters;
    const Shifts &flow;
    float narrow, share;
};
// `superres_gather` where colours repeat every two photosites; twice is 2, 3 or 4.
void gather_pairs(const Gathering &g, int twice, const In<float, 2> &difference, const In<float, 2> &weight, Out<float, 3> &sum,
                  Out<uint16_t, 3> &mass);
