// SPDX-License-Identifier: Apache-2.0
// Runs of floats as wide as a register, and asking for memory ahead of time.  The numbers do not depend on the width.
#pragma once
#include "kernel.h"

#if defined(__AVX512F__)
constexpr int LANES = 16;
#elif defined(__AVX2__)
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif
typedef float Run __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int Bits __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

inline Run at(const float *p) { return *reinterpret_cast<const Run *>(p); }
inline void put(float *p, Run v) { *reinterpret_cast<Run *>(p) = v; }

// Asks for n floats that will soon be read, or written: rows of a tile are too short to be foreseen by the processor.
inline void ahead(const float *p, int n) {
    for (int i = 0; i < n; i += 16) __builtin_prefetch(p + i);
}
inline void ahead_to_write(const float *p, int n) {
    for (int i = 0; i < n; i += 16) __builtin_prefetch(p + i, 1);
}
