// SPDX-License-Identifier: Apache-2.0
// What the denoising of blocks stands on: eight lanes, where blocks lie, which of their frequencies are judged.
#pragma once
#include "cosine.h"

namespace {

constexpr int N = 8;

#if defined(__clang__) || __GNUC__ >= 12
#define LANES(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
typedef int index8 __attribute__((vector_size(32)));
#define LANES(a, b, ...) __builtin_shuffle(a, b, index8{__VA_ARGS__})
#endif
// Eight vectors of eight: rows become columns.
inline void transpose(lanes8 *v) {
    lanes8 a[N], b[N];
    for (int k = 0; k < N; k += 2) {
        a[k] = LANES(v[k], v[k + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        a[k + 1] = LANES(v[k], v[k + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int k = 0; k < N; k += 4)
        for (int m = 0; m < 2; m++) {
            b[k + m] = LANES(a[k + m], a[k + m + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            b[k + m + 2] = LANES(a[k + m], a[k + m + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int k = 0; k < 4; k++) {
        v[k] = LANES(b[k], b[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        v[k + 4] = LANES(b[k], b[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}
// Sum of the lanes, always in the same order.
inline float total(lanes8 v) {
    v += LANES(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
    v += LANES(v, v, 2, 3, 0, 1, 6, 7, 4, 5);
    return v[0] + v[1];
}

// Which frequencies are judged, [horizontal]: those below reach, but not the mean; the others are kept.  `share` is the
// reciprocal of how many such neighbours of 3 x 3 a frequency has in its block.
struct Judged {
    lanes8 here[N], share[N];
    explicit Judged(int reach) {
        const auto judged = [&](int u, int v) { return u >= 0 && v >= 0 && u < reach && v < reach && (u || v); };
        for (int v = 0; v < N; v++)
            for (int u = 0; u < N; u++) {
                int n = 0;
                for (int b = v - 1; b <= v + 1; b++)
                    for (int a = u - 1; a <= u + 1; a++) n += judged(a, b) && (a != u || b != v);
                here[v][u] = judged(u, v);
                share[v][u] = 1.0f / std::max(n, 1);
            }
    }
};

// Where blocks start along an axis: every step pixels, the last ones moved back to the border.  In odd rows blocks start
// half a step before those in even ones (`before`), like bricks.
struct Grid {
    int size, step, before, count;
    Grid(int size, int step, int before, int most)
        : size(size), step(step), before(before), count((size - N + most + step - 1) / step + 1) {}
    int at(int i) const { return clampi(i * step - before, 0, size - N); }
    // The first block that reaches pixel a, and the last that starts before pixel b.
    int first(int a) const { return a - N + before < 0 ? 0 : (a - N + before) / step + 1; }
    int last(int b) const { return b > size - N ? count - 1 : (b - 1 + before) / step; }
};

// Reciprocals of noise power for variance 1, from single frames only (0) to warped ones only (PARTS); 0 where not judged.
struct Spectra {
    static constexpr int PARTS = 32;
    lanes8 inverse[3][PARTS + 1][N];
    Spectra(const float *one, const float *more, const Judged &judged) {
        for (int c = 0; c < 3; c++)
            for (int q = 0; q <= PARTS; q++)
                for (int v = 0; v < N; v++)
                    for (int u = 0; u < N; u++) {
                        const int k = (c * N + u) * N + v;
                        const float power = one[k] + (more[k] - one[k]) * ((float)q / PARTS);
                        inverse[c][q][v][u] = judged.here[v][u] / (power + 1e-10f);
                    }
    }
};

}  // namespace
