// SPDX-License-Identifier: Apache-2.0
// Reading an interleaved RGB frame between its pixels, along a flow: Lanczos-3, in runs of eight pixels that share one shift.
#pragma once
#include <array>

#include "kernel.h"

constexpr int RUN = 8, TAPS = 6, STEPS = 256;

// Lanczos-3 at STEPS fractions, rounded to 2^-20 so that no libm decides the last bit; rows sum to one.
inline const std::array<float, STEPS * TAPS> &lanczos() {
    static const std::array<float, STEPS * TAPS> table = [] {
        std::array<float, STEPS * TAPS> t{};
        const double pi = 3.14159265358979323846;
        for (int s = 0; s < STEPS; s++) {
            double v[TAPS], sum = 0;
            for (int k = 0; k < TAPS; k++) {
                double x = k - 2 - s / (double)STEPS;
                v[k] = std::fabs(x) < 1e-12 ? 1.0 : 3 * std::sin(pi * x) * std::sin(pi * x / 3) / (pi * pi * x * x);
                sum += v[k];
            }
            double rest = 1;
            for (int k = 0; k < TAPS; k++) {
                double q = std::nearbyint(v[k] / sum * 1048576.0) / 1048576.0;
                t[s * TAPS + k] = (float)q;
                rest -= q;
            }
            t[s * TAPS + 2] += (float)rest;
        }
        return t;
    }();
    return table;
}

struct FlowField {  // tile shifts, bilinear between tile centres and extrapolated beyond the outermost
    const float *shift;
    int ny, nx;
    float tile;
    // Shift of a run between the tiles of one row of tiles.
    void along(int j, int run, float &y, float &x) const {
        const float fx = (run + 0.5f) * RUN / tile - 0.5f;
        const int i = clampi((int)std::floor(fx), 0, std::max(0, nx - 2)), i1 = nx > 1 ? i + 1 : i;
        const float b = nx > 1 ? fx - i : 0.0f, *p = shift + (size_t)j * nx * 2;
        y = p[2 * i] + b * (p[2 * i1] - p[2 * i]);
        x = p[2 * i + 1] + b * (p[2 * i1 + 1] - p[2 * i + 1]);
    }
    // The row of tiles at or above a row of pixels, and how far below it that is.
    int above(float y, float &below) const {
        const float fy = (y + 0.5f) / tile - 0.5f;
        const int j = clampi((int)std::floor(fy), 0, std::max(0, ny - 2));
        below = ny > 1 ? fy - j : 0.0f;
        return j;
    }
    void row(float y, int w, std::vector<float> &dy, std::vector<float> &dx) const {
        float a;
        const int j = above(y, a), runs = (w + RUN - 1) / RUN;
        for (int r = 0; r < runs; r++) {
            float y0, x0, y1, x1;
            along(j, r, y0, x0);
            along(ny > 1 ? j + 1 : j, r, y1, x1);
            dy[r] = y0 + a * (y1 - y0);
            dx[r] = x0 + a * (x1 - x0);
        }
    }
};

class FlowRows {  // the same, quickly, for many rows of a picture w pixels wide
    FlowField flow;
    int runs;
    std::vector<float> y, x;

  public:
    FlowRows(const FlowField &f, int w) : flow(f), runs((w + RUN - 1) / RUN), y((size_t)f.ny * runs), x(y.size()) {
        for (int j = 0; j < f.ny; j++)
            for (int r = 0; r < runs; r++) f.along(j, r, y[(size_t)j * runs + r], x[(size_t)j * runs + r]);
    }
    void row(float at, int first, int last, float *__restrict dy, float *__restrict dx) const {
        float a;
        const int j = flow.above(at, a), step = flow.ny > 1 ? runs : 0;
        const float *p = y.data() + (size_t)j * runs + first, *q = x.data() + (size_t)j * runs + first;
        for (int r = 0; r < last - first; r++) {
            dy[r] = p[r] + a * (p[r + step] - p[r]);
            dx[r] = q[r] + a * (q[r + step] - q[r]);
        }
    }
};

// Runs first .. last - 1 of a row of the frame seen from the reference, times `gain`; seen[r - first] says whether run r
// lies inside the frame.  Runs whose shifts hardly differ share the vertical pass (up to GROUP of them).
class Warp {
    static constexpr int GROUP = 4, NEAR = STEPS / 64;  // a 64th of a pixel
    static constexpr int MARGIN = 3 * (TAPS - 1) + 1;   // floats beside the pixels of a group; one more makes whole vectors
    std::vector<float> column;        // the vertical pass of all runs
    std::vector<const float *> line;  // where in it the taps of a run begin
    std::vector<int> at;              // where to read, in steps: rows and columns of the runs; whether all of it is there

    // One vertical pass: n floats, a multiple of 8, of the six rows `base`.
    static void vertical(const float *const *base, const float *wy, int n, float *__restrict out) {
        const float *b0 = base[0], *b1 = base[1], *b2 = base[2], *b3 = base[3], *b4 = base[4], *b5 = base[5];
        const float w0 = wy[0], w1 = wy[1], w2 = wy[2], w3 = wy[3], w4 = wy[4], w5 = wy[5];
        for (int t = 0; t < n; t += 8)
            for (int i = t; i < t + 8; i++)
                out[i] = ((w0 * b0[i] + w5 * b5[i]) + (w1 * b1[i] + w4 * b4[i])) + (w2 * b2[i] + w3 * b3[i]);
    }
    static void horizontal(const float *p, const float *wx, int n, float *__restrict out) {
        const float w0 = wx[0], w1 = wx[1], w2 = wx[2], w3 = wx[3], w4 = wx[4], w5 = wx[5];
        auto sum = [&](int t) {
            return ((w0 * p[t] + w5 * p[t + 15]) + (w1 * p[t + 3] + w4 * p[t + 12])) + (w2 * p[t + 6] + w3 * p[t + 9]);
        };
        if (n == RUN)
            for (int t = 0; t < 3 * RUN; t++) out[t] = sum(t);
        else
            for (int t = 0; t < 3 * n; t++) out[t] = sum(t);
    }

  public:
    void row(const float *rgb, int h, int w, int y, int first, int last, const float *dy, const float *dx, float gain, float *out,
             uint8_t *seen) {
        const float *table = lanczos().data();
        const int runs = last - first;
        if ((int)line.size() < runs) {
            column.resize((size_t)runs * (3 * RUN + MARGIN));
            line.resize(runs);
            at.resize(3 * runs);
        }
        int *__restrict v = at.data(), *__restrict u = v + runs, *__restrict whole = u + runs;
        const float limit = 1e6f;  // pixels; a shift beyond it, or none, is outside
        for (int k = 0; k < runs; k++) {
            float a = y + dy[k], b = (first + k) * RUN + dx[k];
            a = a > -limit ? a : -limit, b = b > -limit ? b : -limit;
            a = a < limit ? a : limit, b = b < limit ? b : limit;
            v[k] = (int)std::floor(a * STEPS + 0.5f);
            u[k] = (int)std::floor(b * STEPS + 0.5f);
            const int i = u[k] >> 8;
            whole[k] = (v[k] > -STEPS) & (v[k] < h * STEPS) & (i >= 2) & (i + RUN + 3 < w);
        }
        if (last * RUN > w) whole[runs - 1] = 0;
        static_assert(STEPS == 256, "steps are the lower eight bits");
        float *c = column.data();
        for (int k = 0, g; k < runs; k += g) {
            g = 1;
            line[k] = c;
            if (whole[k]) {
                seen[k] = 1;
                while (k + g < runs && (first + k + g) % GROUP && whole[k + g] && (u[k + g] >> 8) == (u[k] >> 8) + g * RUN &&
                       std::abs(v[k + g] - v[k]) <= NEAR) {
                    seen[k + g] = 1;
                    line[k + g] = c + 3 * RUN * g;
                    g++;
                }
            } else {
                const int n = std::min(RUN, w - (first + k) * RUN);
                seen[k] = v[k] > -STEPS && v[k] < h * STEPS && u[k] > -STEPS && u[k] < (w - n + 1) * STEPS;
                if (!seen[k]) continue;
            }
            const int y0 = (v[k] + v[k + g - 1]) >> 1, N = 3 * RUN * g + MARGIN, o = (u[k] >> 8) - 2;
            const float *base[TAPS];
            float wy[TAPS];
            for (int t = 0; t < TAPS; t++) {
                base[t] = rgb + (size_t)clampi((y0 >> 8) - 2 + t, 0, h - 1) * w * 3 + (whole[k] ? 3 * o : 0);
                wy[t] = table[(y0 & 255) * TAPS + t] * gain;
            }
            if (whole[k]) {
                vertical(base, wy, N, c);
            } else {
                for (int t = 0; t < N; t++) {
                    const int i = 3 * clampi(o + t / 3, 0, w - 1) + t % 3;
                    c[t] = ((wy[0] * base[0][i] + wy[5] * base[5][i]) + (wy[1] * base[1][i] + wy[4] * base[4][i])) +
                           (wy[2] * base[2][i] + wy[3] * base[3][i]);
                }
            }
            c += N;
        }
        for (int k = 0; k < runs; k++) {
            const int n = std::min(RUN, w - (first + k) * RUN);
            float *o = out + (size_t)3 * RUN * k;
            if (seen[k])
                horizontal(line[k], table + (u[k] & 255) * TAPS, n, o);
            else
                std::fill(o, o + 3 * n, 0.0f);
        }
    }
};

// One whole row, without a gain.
inline void warp_row(const float *rgb, int h, int w, int y, const std::vector<float> &dy, const std::vector<float> &dx, float *out,
                     uint8_t *seen) {
    static thread_local Warp warp;
    warp.row(rgb, h, w, y, 0, (w + RUN - 1) / RUN, dy.data(), dx.data(), 1.0f, out, seen);
}
