// SPDX-License-Identifier: Apache-2.0
// What the files of alignment share: an affine motion, and the sums of Lucas-Kanade over runs of pixels.
#pragma once
#include "kernel.h"

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
    static double of(const double *q, double u, double v) {
        return q[0] + u * (q[1] + v * q[3] + u * q[4]) + v * (q[2] + v * (q[5] + v * q[6]));
    }
    void at(double y, double x, float &dy, float &dx) const {
        const double u = (x + 0.5) / w - 0.5, v = (y + 0.5 - 0.5 * h) / w;
        dy = float(of(p, u, v));
        dx = float(of(p + TERMS, u, v));
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
    float yy[L], xy[L], xx[L], ey[L], ex[L], ee[L];
    int runs;
    void clear() { std::memset(this, 0, sizeof *this); }
    static float total(const float *v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }
};

// Adds the run of L pixels at (y, x) of ref against img at (y + dy, x + dx); robust: with weights
// (s2 / (s2 + e^2))^2, and in ee the loss that they belong to, s2 e^2 / (s2 + e^2).
template <bool robust>
inline void add_run(const float *ref, const float *img, int h, int w, int y, int x, float dy, float dx, float s2, Sums &S) {
    const float py = y + dy, px = x + dx;
    if (!(py >= 0 && px >= 0 && py < h - 1 && px < w - L - 1)) return;
    const int j = (int)py, i = (int)px;
    const float fy = py - j, fx = px - i;
    const float *r = ref + (size_t)y * w + x, *q = img + (size_t)j * w + i;
    const float w00 = (1 - fy) * (1 - fx), w01 = (1 - fy) * fx, w10 = fy * (1 - fx), w11 = fy * fx;
    for (int l = 0; l < L; l++) {
        float v = w00 * q[l] + w01 * q[l + 1] + w10 * q[l + w] + w11 * q[l + w + 1];
        float e = v - r[l], gx = 0.5f * (r[l + 1] - r[l - 1]), gy = 0.5f * (r[l + w] - r[l - w]);
        float t = robust ? s2 / (s2 + e * e) : 1.0f, wt = robust ? t * t : 1.0f;
        S.yy[l] += wt * gy * gy;
        S.xy[l] += wt * gx * gy;
        S.xx[l] += wt * gx * gx;
        S.ey[l] += wt * gy * e;
        S.ex[l] += wt * gx * e;
        S.ee[l] += robust ? t * (e * e) : e * e;
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
