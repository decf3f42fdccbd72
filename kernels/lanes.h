// SPDX-License-Identifier: Apache-2.0
// Eight floats at once, and four.
#pragma once
#include "kernel.h"

typedef float lanes8 __attribute__((vector_size(32)));
typedef float lanes4 __attribute__((vector_size(16)));

// Lanes of two vectors in another order.
#if defined(__clang__) || __GNUC__ >= 12
#define MIX8(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#define MIX4(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
typedef int index8 __attribute__((vector_size(32)));
typedef int index4 __attribute__((vector_size(16)));
#define MIX8(a, b, ...) __builtin_shuffle(a, b, index8{__VA_ARGS__})
#define MIX4(a, b, ...) __builtin_shuffle(a, b, index4{__VA_ARGS__})
#endif

__attribute__((always_inline)) inline lanes8 load8(const float *p) {
    lanes8 v;
    std::memcpy(&v, p, 32);
    return v;
}
__attribute__((always_inline)) inline lanes8 load8(const float *p, const float *q) {  // four and four
    lanes4 a, b;
    std::memcpy(&a, p, 16);
    std::memcpy(&b, q, 16);
#if defined(__clang__) || __GNUC__ >= 12
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
#else
    return lanes8{a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]};
#endif
}
__attribute__((always_inline)) inline void store8(float *p, lanes8 v) { std::memcpy(p, &v, 32); }
