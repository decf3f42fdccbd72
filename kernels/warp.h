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
        float fy = (y + 0.5f) / tile - 0.5f;
        int j = clampi((int)std::floor(fy), 0, std::max(0, ny - 2));
        float a = ny > 1 ? fy - j : 0.0f;
        const float *p = shift + (size_t)j * nx * 2, *q = ny > 1 ? p + nx * 2 : p;
        const int runs = (w + RUN - 1) / RUN;
        for (int r = 0; r < runs; r++) {
            float fx = (r * RUN + 0.5f * RUN) / tile - 0.5f;
            int i = clampi((int)std::floor(fx), 0, std::max(0, nx - 2));
            float b = nx > 1 ? fx - i : 0.0f;
            int i1 = nx > 1 ? i + 1 : i;
            float y0 = p[2 * i] + b * (p[2 * i1] - p[2 * i]), y1 = q[2 * i] + b * (q[2 * i1] - q[2 * i]);
            float x0 = p[2 * i + 1] + b * (p[2 * i1 + 1] - p[2 * i + 1]), x1 = q[2 * i + 1] + b * (q[2 * i1 + 1] - q[2 * i + 1]);
            dy[r] = y0 + a * (y1 - y0);
            dx[r] = x0 + a * (x1 - x0);
        }
    }
};

// One row of the frame seen from the reference; seen[r] says whether run r lies inside the frame.
inline void warp_row(const float *rgb, int h, int w, int y, const std::vector<float> &dy, const std::vector<float> &dx, float *out,
              uint8_t *seen) {
    const auto &table = lanczos();
    const int runs = (w + RUN - 1) / RUN;
    for (int r = 0; r < runs; r++) {
        const int x = r * RUN, n = std::min(RUN, w - x);
        float py = y + dy[r], px = x + dx[r];
        if (!(py > -1.0f && py < (float)h && px > -1.0f && px + n - 1 < (float)w)) {
            seen[r] = 0;
            for (int t = 0; t < 3 * n; t++) out[3 * x + t] = 0;
            continue;
        }
        seen[r] = 1;
        int j = (int)std::floor(py), i = (int)std::floor(px);
        int sy = (int)((py - j) * STEPS + 0.5f), sx = (int)((px - i) * STEPS + 0.5f);
        if (sy == STEPS) sy = 0, j++;
        if (sx == STEPS) sx = 0, i++;
        const float *wy = table.data() + sy * TAPS, *wx = table.data() + sx * TAPS;
        constexpr int N = 3 * (RUN + TAPS - 1);
        float column[N + 1];
        const float *base[TAPS];
        for (int k = 0; k < TAPS; k++) base[k] = rgb + (size_t)clampi(j - 2 + k, 0, h - 1) * w * 3;
        if (i - 2 >= 0 && i + RUN + 3 <= w && n == RUN) {
            const int o = 3 * (i - 2);
            for (int t = 0; t < N; t++)
                column[t] = ((wy[0] * base[0][o + t] + wy[5] * base[5][o + t]) + (wy[1] * base[1][o + t] + wy[4] * base[4][o + t])) +
                            (wy[2] * base[2][o + t] + wy[3] * base[3][o + t]);
        } else {
            for (int t = 0; t < N; t++) {
                const int o = 3 * clampi(i - 2 + t / 3, 0, w - 1) + t % 3;
                column[t] = ((wy[0] * base[0][o] + wy[5] * base[5][o]) + (wy[1] * base[1][o] + wy[4] * base[4][o])) +
                            (wy[2] * base[2][o] + wy[3] * base[3][o]);
            }
        }
        float line[3 * RUN];
        for (int t = 0; t < 3 * RUN; t++)
            line[t] = ((wx[0] * column[t] + wx[5] * column[t + 15]) + (wx[1] * column[t + 3] + wx[4] * column[t + 12])) +
                      (wx[2] * column[t + 6] + wx[3] * column[t + 9]);
        std::memcpy(out + 3 * x, line, sizeof(float) * 3 * n);
    }
}
