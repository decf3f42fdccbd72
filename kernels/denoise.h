// SPDX-License-Identifier: Apache-2.0
// What the denoising of blocks stands on: lanes, where blocks lie, which of their frequencies are judged.
#pragma once
#include "cosine.h"

namespace {

constexpr int N = 8;

// Sum of the lanes, always in the same order.
inline float total(lanes8 v) {
    v += MIX8(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
    v += MIX8(v, v, 2, 3, 0, 1, 6, 7, 4, 5);
    return v[0] + v[1];
}

// The two colours at once, a block of each: eight lanes and eight more.
#if defined(__AVX512F__) && (defined(__clang__) || __GNUC__ >= 12)
typedef float lanes16 __attribute__((vector_size(64)));
inline lanes16 both(lanes8 u, lanes8 v) { return MIX8(u, v, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }
inline lanes8 first_of(lanes16 x) { return MIX8(x, x, 0, 1, 2, 3, 4, 5, 6, 7); }
inline lanes8 second_of(lanes16 x) { return MIX8(x, x, 8, 9, 10, 11, 12, 13, 14, 15); }
inline lanes16 smaller(lanes16 x, lanes16 most) { return x < most ? x : most; }
inline lanes16 beside(lanes16 x) {  // of each lane the one before and the one after
    const lanes16 zero = {};
    return MIX8(x, zero, 16, 0, 1, 2, 3, 4, 5, 6, 24, 8, 9, 10, 11, 12, 13, 14) +
           MIX8(x, zero, 1, 2, 3, 4, 5, 6, 7, 16, 9, 10, 11, 12, 13, 14, 15, 24);
}
#else
struct lanes16 {
    lanes8 u, v;
    lanes16 &operator+=(lanes16 o) { return u += o.u, v += o.v, *this; }
};
inline lanes16 operator+(lanes16 x, lanes16 y) { return {x.u + y.u, x.v + y.v}; }
inline lanes16 operator-(lanes16 x, lanes16 y) { return {x.u - y.u, x.v - y.v}; }
inline lanes16 operator*(lanes16 x, lanes16 y) { return {x.u * y.u, x.v * y.v}; }
inline lanes16 operator/(lanes16 x, lanes16 y) { return {x.u / y.u, x.v / y.v}; }
inline lanes16 operator+(lanes16 x, float f) { return {x.u + f, x.v + f}; }
inline lanes16 operator*(lanes16 x, float f) { return {x.u * f, x.v * f}; }
inline lanes16 operator*(float f, lanes16 x) { return x * f; }
inline lanes16 both(lanes8 u, lanes8 v) { return {u, v}; }
inline lanes8 first_of(lanes16 x) { return x.u; }
inline lanes8 second_of(lanes16 x) { return x.v; }
#endif
inline lanes8 smaller(lanes8 x, lanes8 most) { return x < most ? x : most; }
inline lanes8 beside(lanes8 x) {
    const lanes8 zero = {};
    return MIX8(x, zero, 8, 0, 1, 2, 3, 4, 5, 6) + MIX8(x, zero, 1, 2, 3, 4, 5, 6, 7, 8);
}
#if !(defined(__AVX512F__) && (defined(__clang__) || __GNUC__ >= 12))
inline lanes16 smaller(lanes16 x, lanes16 most) { return {smaller(x.u, most.u), smaller(x.v, most.v)}; }
inline lanes16 beside(lanes16 x) { return {beside(x.u), beside(x.v)}; }
#endif
// A vector of one or of two planes: the same number everywhere, or one for each.
template <class V> inline V spread(lanes8 one) {
    if constexpr (sizeof(V) == sizeof(lanes8))
        return one;
    else
        return both(one, one);
}
template <class V> inline V load(const float *p) {
    V v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
template <class V> inline void store(float *p, V v) { std::memcpy(p, &v, sizeof v); }

// The K lowest of eight frequencies, and back; the others count as nothing.
template <int K, class V> inline void forward(V *v) {
    if constexpr (K == N) {
        Cosine::forward(v);
    } else {
        static_assert(K == 3);
        const V s0 = v[0] + v[7], s1 = v[1] + v[6], s2 = v[2] + v[5], s3 = v[3] + v[4];
        const V d0 = v[0] - v[7], d1 = v[1] - v[6], d2 = v[2] - v[5], d3 = v[3] - v[4];
        v[0] = ((s0 + s3) + (s1 + s2)) * Cosine::C4;
        v[1] = (d0 * Cosine::C1 + d1 * Cosine::C3) + (d2 * Cosine::C5 + d3 * Cosine::C7);
        v[2] = (s0 - s3) * Cosine::C2 + (s1 - s2) * Cosine::C6;
        for (int k = K; k < N; k++) v[k] = V{};
    }
}
template <int K, class V> inline void inverse(V *v) {
    if constexpr (K == N) {
        Cosine::inverse(v);
    } else {
        const V a = v[0] * Cosine::C4, c = v[2] * Cosine::C2, d = v[2] * Cosine::C6, x = v[1];
        const V even[4] = {a + c, a + d, a - d, a - c};
        const V odd[4] = {x * Cosine::C1, x * Cosine::C3, x * Cosine::C5, x * Cosine::C7};
        for (int k = 0; k < 4; k++) v[k] = even[k] + odd[k], v[N - 1 - k] = even[k] - odd[k];
    }
}

// Energies of a row of blocks, alone and with those beside them: `add` is given block after block; the mean of its energies.
template <int K, class V> struct Row {
    static constexpr int WIDE = sizeof(V) / sizeof(float);
    static constexpr float MOST = 1e6f;  // in units of a coefficient's noise; what is no number counts as that
    V e[3][K];
    int count = 0;
    float add(const V *x, const V *inverse, float *alone, float *left) {
        V *here = e[count % 3], all = {};
        for (int k = 0; k < K; k++) {
            here[k] = smaller(x[k] * x[k] * inverse[k], spread<V>((lanes8){} + MOST));
            store(alone + k * WIDE, here[k]);
            all += here[k];
        }
        count++;
        if (count > 1) sum(count > 2 ? count - 3 : 0, count - 2, count - 1, left);
        if constexpr (WIDE == N)
            return total(all) * (1.0f / (K * N));
        else
            return (total(first_of(all)) + total(second_of(all))) * (0.5f / (K * N));
    }
    void finish(float *last) const { sum(count > 1 ? count - 2 : 0, count - 1, count - 1, last); }
    void sum(int a, int b, int c, float *out) const {
        for (int k = 0; k < K; k++) store(out + k * WIDE, (e[a % 3][k] + e[b % 3][k]) + e[c % 3][k]);
    }
};

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
