// SPDX-License-Identifier: Apache-2.0
// What the files of alignment share: an affine motion, and the sums of Lucas-Kanade over runs of pixels.
#pragma once
#include "lanes.h"

// Motion p (14): dy = p0 + p1 u + p2 v + p3 uv + p4 u^2 + p5 v^2 + p6 v^3, dx = p7 + ..., with u = (x + 1/2)/w - 1/2 and
// v = (y + 1/2 - h/2)/w.  Linear: shift, turn, scale, shear.  The rest: a camera near to a flat thing, and one that changes
// its speed and turns while its shutter rolls.
constexpr int TERMS = 7;
struct Motion {
    double p[2 * TERMS];
    int h, w;
    Motion(const double *m, int h, int w) : h(h), w(w) {
        for (int k = 0; k < 2 * TERMS; k++) p[k] = m[k];
    }
    struct Line {  // a row of the picture: dy = y[0] + y[1] u + y[2] u^2
        double y[3], x[3], per;
        void at(double column, float &dy, float &dx) const {
            const double u = (column + 0.5) * per - 0.5;
            dy = float(y[0] + u * (y[1] + u * y[2]));
            dx = float(x[0] + u * (x[1] + u * x[2]));
        }
    };
    Line line(double row) const {
        const double v = (row + 0.5 - 0.5 * h) / w, *q = p + TERMS;
        return {{p[0] + v * (p[2] + v * (p[5] + v * p[6])), p[1] + v * p[3], p[4]},
                {q[0] + v * (q[2] + v * (q[5] + v * q[6])), q[1] + v * q[3], q[4]}, 1.0 / w};
    }
};

inline bool solve(double *a, double *b, int n) {  // Gauss with pivoting, in place: the answer is in b
    for (int i = 0; i < n; i++) {
        int p = i;
        for (int r = i + 1; r < n; r++)
            if (std::fabs(a[r * n + i]) > std::fabs(a[p * n + i])) p = r;
        if (std::fabs(a[p * n + i]) < 1e-12) return false;
        if (p != i) {
            for (int c = 0; c < n; c++) std::swap(a[p * n + c], a[i * n + c]);
            std::swap(b[p], b[i]);
        }
        for (int r = i + 1; r < n; r++) {
            double f = a[r * n + i] / a[i * n + i];
            for (int c = i; c < n; c++) a[r * n + c] -= f * a[i * n + c];
            b[r] -= f * b[i];
        }
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int c = i + 1; c < n; c++) b[i] -= a[i * n + c] * b[c];
        b[i] /= a[i * n + i];
    }
    return true;
}

constexpr int L = 8;  // lanes: pixels of a run that share one shift, and one sum each
struct Sums {
    lanes8 yy = {}, xy = {}, xx = {}, ey = {}, ex = {}, ee = {};
    int runs = 0;
    static float total(lanes8 v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }
};

// Weights of the four neighbours of a place between pixels.
struct Between {
    float w00, w01, w10, w11;
    Between(float fy, float fx) : w00((1 - fy) * (1 - fx)), w01((1 - fy) * fx), w10(fy * (1 - fx)), w11(fy * fx) {}
    __attribute__((always_inline)) lanes8 of(lanes8 a, lanes8 b, lanes8 c, lanes8 d) const {
        return w00 * a + w01 * b + w10 * c + w11 * d;
    }
    __attribute__((always_inline)) lanes8 run(const float *q, int w) const {
        return of(load8(q), load8(q + 1), load8(q + w), load8(q + w + 1));
    }
    __attribute__((always_inline)) lanes8 rows(const float *q, int w) const {  // four pixels of two rows
        const lanes8 a = load8(q, q + w), b = load8(q + 1, q + w + 1);
        return of(a, b, load8(q + w, q + 2 * w), load8(q + w + 1, q + 2 * w + 1));
    }
};

// Adds the run of L pixels at (y, x) of ref against img at (y + dy, x + dx); robust: with weights
// (s2 / (s2 + e^2))^2, and in ee the loss that they belong to, s2 e^2 / (s2 + e^2).
template <bool robust>
__attribute__((always_inline)) inline void add_run(const float *ref, const float *img, int h, int w, int y, int x, float dy,
                                                   float dx, float s2, Sums &S) {
    const float py = y + dy, px = x + dx;
    if (!(py >= 0 && px >= 0 && py < h - 1 && px < w - L - 1)) return;
    const int j = (int)py, i = (int)px;
    const float *r = ref + (size_t)y * w + x;
    const lanes8 e = Between(py - j, px - i).run(img + (size_t)j * w + i, w) - load8(r);
    lanes8 gx = 0.5f * (load8(r + 1) - load8(r - 1)), gy = 0.5f * (load8(r + w) - load8(r - w));
    if (robust) {
        const lanes8 t = s2 / (s2 + e * e);
        S.ee += t * (e * e);
        const lanes8 wy = t * t * gy, wx = t * t * gx;
        S.yy += wy * gy, S.xy += wx * gy, S.xx += wx * gx;
        S.ey += wy * e, S.ex += wx * e;
    } else {
        S.yy += gy * gy, S.xy += gx * gy, S.xx += gx * gx;
        S.ey += gy * e, S.ex += gx * e, S.ee += e * e;
    }
    S.runs++;
}

// A block is what is judged as a whole: 16 pixels of the frame, 8 at half size, 4 at quarter size; a tile is 4 x 4 of them.
constexpr int BLOCKS = 4;

// Bilinear reading at (y, x) where all four neighbours exist.
inline bool inside(float y, float x, int h, int w) { return y >= 0 && x >= 0 && y < h - 1 && x < w - 1; }
inline float read(const float *img, int w, float y, float x) {
    const int j = (int)y, i = (int)x;
    const float fy = y - j, fx = x - i;
    const float *q = img + (size_t)j * w + i;
    return (1 - fy) * ((1 - fx) * q[0] + fx * q[1]) + fy * ((1 - fx) * q[w] + fx * q[w + 1]);
}
