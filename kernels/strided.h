// SPDX-License-Identifier: Apache-2.0
// Arrays as NumPy broadcasts them: a stride may be 0.
#pragma once
#include "kernel.h"

using Any = nb::ndarray<const float, nb::ndim<2>, nb::device::cpu>;

// Rows of such an array, one after the other in memory.
struct Row {
    std::vector<float> copy;
    int copied = -1;
    const float *of(const Any &a, int y, int w) {
        const float *p = a.data() + (int64_t)y * a.stride(0);
        const int64_t s = a.stride(1);
        if (s == 1 || w == 1) return p;
        if (copied >= 0 && a.stride(0) == 0) return copy.data();
        copy.resize(w);
        for (int x = 0; x < w; x++) copy[x] = p[x * s];
        copied = y;
        return copy.data();
    }
};

inline void need_shape(const Any &a, int h, int w) {
    need((int)a.shape(0) == h && (int)a.shape(1) == w, "all arrays must have one shape");
}
