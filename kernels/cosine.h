// SPDX-License-Identifier: Apache-2.0
// Orthonormal 8-point cosine transform (type II) and its inverse, on anything that adds and multiplies.
#pragma once
#include "lanes.h"

struct Cosine {
    static constexpr float C1 = 0.4903926402f, C2 = 0.4619397663f, C3 = 0.4157348062f, C4 = 0.3535533906f,
                           C5 = 0.2777851165f, C6 = 0.1913417162f, C7 = 0.0975451610f;
    template <class T> static inline void forward(T *x) {
        T s0 = x[0] + x[7], s1 = x[1] + x[6], s2 = x[2] + x[5], s3 = x[3] + x[4];
        T d0 = x[0] - x[7], d1 = x[1] - x[6], d2 = x[2] - x[5], d3 = x[3] - x[4];
        T e0 = s0 + s3, e1 = s1 + s2, e2 = s0 - s3, e3 = s1 - s2;
        x[0] = (e0 + e1) * C4;
        x[4] = (e0 - e1) * C4;
        x[2] = e2 * C2 + e3 * C6;
        x[6] = e2 * C6 - e3 * C2;
        x[1] = (d0 * C1 + d1 * C3) + (d2 * C5 + d3 * C7);
        x[3] = (d0 * C3 - d1 * C7) - (d2 * C1 + d3 * C5);
        x[5] = (d0 * C5 - d1 * C1) + (d2 * C7 + d3 * C3);
        x[7] = (d0 * C7 - d1 * C5) + (d2 * C3 - d3 * C1);
    }
    template <class T> static inline void inverse(T *x) {
        T a = (x[0] + x[4]) * C4, b = (x[0] - x[4]) * C4, c = x[2] * C2 + x[6] * C6, d = x[2] * C6 - x[6] * C2;
        T e0 = a + c, e3 = a - c, e1 = b + d, e2 = b - d;
        T o0 = (x[1] * C1 + x[3] * C3) + (x[5] * C5 + x[7] * C7), o1 = (x[1] * C3 - x[3] * C7) - (x[5] * C1 + x[7] * C5);
        T o2 = (x[1] * C5 - x[3] * C1) + (x[5] * C7 + x[7] * C3), o3 = (x[1] * C7 - x[3] * C5) + (x[5] * C3 - x[7] * C1);
        x[0] = e0 + o0; x[7] = e0 - o0;
        x[1] = e1 + o1; x[6] = e1 - o1;
        x[2] = e2 + o2; x[5] = e2 - o2;
        x[3] = e3 + o3; x[4] = e3 - o3;
    }
};

// Eight vectors of eight: rows become columns.
inline void transpose(lanes8 *v) {
#if defined(__AVX__)
    lanes8 a[8], b[8];
    for (int k = 0; k < 8; k += 2) {
        a[k] = MIX8(v[k], v[k + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        a[k + 1] = MIX8(v[k], v[k + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int k = 0; k < 8; k += 4)
        for (int m = 0; m < 2; m++) {
            b[k + m] = MIX8(a[k + m], a[k + m + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            b[k + m + 2] = MIX8(a[k + m], a[k + m + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int k = 0; k < 4; k++) {
        v[k] = MIX8(b[k], b[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        v[k + 4] = MIX8(b[k], b[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
#else
    float t[8][8];
    std::memcpy(t, v, sizeof t);
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 8; k++) v[i][k] = t[k][i];
#endif
}
