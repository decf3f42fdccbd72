// SPDX-License-Identifier: Apache-2.0
// Eight floats at once.
#pragma once
#include "kernel.h"

typedef float lanes8 __attribute__((vector_size(32)));

__attribute__((always_inline)) inline lanes8 load8(const float *p) {
    lanes8 v;
    std::memcpy(&v, p, 32);
    return v;
}
__attribute__((always_inline)) inline lanes8 load8(const float *p, const float *q) {  // four and four
    lanes8 v;
    std::memcpy(&v, p, 16);
    std::memcpy(reinterpret_cast<char *>(&v) + 16, q, 16);
    return v;
}
__attribute__((always_inline)) inline void store8(float *p, lanes8 v) { std::memcpy(p, &v, 32); }
