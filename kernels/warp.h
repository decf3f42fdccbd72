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
    void row(float y, int w, std::vector<float> &dy, std::vector<float> &dx) const {
        row(y, 0, (w + RUN - 1) / RUN, dy.data(), dx.data());
    }
    // Shifts of the runs first .. last - 1 of row y.
    void row(float y, int first, int last, float *dy, float *dx) const {
        float fy = (y + 0.5f) / tile - 0.5f;
        int j = clampi((int)std::floor(fy), 0, std::max(0, ny - 2));
        float a = ny > 1 ? fy - j : 0.0f;
        const float *p = shift + (size_t)j * nx * 2, *q = ny > 1 ? p + nx * 2 : p;
        for (int r = first; r < last; r++) {
            float fx = (r * RUN + 0.5f * RUN) / tile - 0.5f;
            int i = clampi((int)std::floor(fx), 0, std::max(0, nx - 2));
            float b = nx > 1 ? fx - i : 0.0f;
            int i1 = nx > 1 ? i + 1 : i;
            float y0 = p[2 * i] + b * (p[2 * i1] - p[2 * i]), y1 = q[2 * i] + b * (q[2 * i1] - q[2 * i]);
            float x0 = p[2 * i + 1] + b * (p[2 * i1 + 1] - p[2 * i + 1]), x1 = q[2 * i + 1] + b * (q[2 * i1 + 1] - q[2 * i + 1]);
            dy[r - first] = y0 + a * (y1 - y0);
            dx[r - first] = x0 + a * (x1 - x0);
        }
    }
};

// Where to read: whole pixels and a step of 1 / STEPS.
struct Place {
    int whole, step;
    explicit Place(float p) : whole((int)std::floor(p)), step((int)((p - whole) * STEPS + 0.5f)) {
        if (step == STEPS) step = 0, whole++;
    }
};

// Runs first .. last - 1 of a row of the frame seen from the reference, times `gain`; seen[r - first] says whether run r
// lies inside the frame.  Runs whose shifts hardly differ share the vertical pass (up to GROUP of them).
class Warp {
    static constexpr int GROUP = 4, MARGIN = 3 * (TAPS - 1);
    std::vector<float> column;        // the vertical pass of all runs
    std::vector<const float *> line;  // where in it the taps of a run begin, and
    std::vector<int> step;            // how far it is shifted to the right of a pixel

  public:
    void row(const float *rgb, int h, int w, int y, int first, int last, const float *dy, const float *dx, float gain, float *out,
             uint8_t *seen) {
        const auto &table = lanczos();
        column.resize((size_t)(last - first) * (3 * RUN + MARGIN));
        line.resize(last - first);
        step.resize(last - first);
        float *c = column.data();
        for (int r = first; r < last;) {
            const int x = r * RUN, n = std::min(RUN, w - x), k = r - first;
            const float py = y + dy[k], px = x + dx[k];
            seen[k] = py > -1.0f && py < (float)h && px > -1.0f && px + n - 1 < (float)w;
            if (!seen[k]) {
                r++;
                continue;
            }
            const Place u(px);
            const bool inside = u.whole - 2 >= 0 && u.whole + RUN + 3 <= w && n == RUN;
            int g = 1;
            line[k] = c;
            step[k] = u.step;
            for (; inside && r + g < last && (r + g) % GROUP && x + (g + 1) * RUN <= w; g++) {
                const Place v(x + g * RUN + dx[k + g]);
                const float q = y + dy[k + g], d = dy[k + g] - dy[k];
                if (v.whole != u.whole + g * RUN || v.whole + RUN + 3 > w || d > 0.015625f || d < -0.015625f || !(q > -1.0f && q < (float)h)) break;
                seen[k + g] = 1;
                line[k + g] = c + 3 * g * RUN;
                step[k + g] = v.step;
            }
            const Place v(y + 0.5f * (dy[k] + dy[k + g - 1]));
            const int N = 3 * g * RUN + MARGIN, o = 3 * (u.whole - 2);
            const float *base[TAPS];
            float wy[TAPS];
            for (int t = 0; t < TAPS; t++) {
                base[t] = rgb + (size_t)clampi(v.whole - 2 + t, 0, h - 1) * w * 3;
                wy[t] = table[v.step * TAPS + t] * gain;
            }
            auto sum = [&](int i) {
                return ((wy[0] * base[0][i] + wy[5] * base[5][i]) + (wy[1] * base[1][i] + wy[4] * base[4][i])) +
                       (wy[2] * base[2][i] + wy[3] * base[3][i]);
            };
            if (inside) {
                for (int t = 0; t < TAPS; t++) base[t] += o;
                for (int t = 0; t < N; t++) c[t] = sum(t);
            } else {
                for (int t = 0; t < N; t++) c[t] = sum(3 * clampi(u.whole - 2 + t / 3, 0, w - 1) + t % 3);
            }
            c += N;
            r += g;
        }
        for (int r = first; r < last; r++) {
            const int x = r * RUN, n = std::min(RUN, w - x), k = r - first;
            float *o = out + 3 * (size_t)(x - first * RUN);
            if (!seen[k]) {
                std::fill(o, o + 3 * n, 0.0f);
                continue;
            }
            const float *p = line[k], *wx = table.data() + step[k] * TAPS;
            auto sum = [&](int t) {
                return ((wx[0] * p[t] + wx[5] * p[t + 15]) + (wx[1] * p[t + 3] + wx[4] * p[t + 12])) +
                       (wx[2] * p[t + 6] + wx[3] * p[t + 9]);
            };
            if (n == RUN) {
                for (int t = 0; t < 3 * RUN; t++) o[t] = sum(t);
            } else {
                for (int t = 0; t < 3 * n; t++) o[t] = sum(t);
            }
        }
    }
};

// One whole row, without a gain.
inline void warp_row(const float *rgb, int h, int w, int y, const std::vector<float> &dy, const std::vector<float> &dx, float *out,
                     uint8_t *seen) {
    static thread_local Warp warp;
    warp.row(rgb, h, w, y, 0, (w + RUN - 1) / RUN, dy.data(), dx.data(), 1.0f, out, seen);
}
