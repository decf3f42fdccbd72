// SPDX-License-Identifier: Apache-2.0
// Agree: sums over blocks of 8 x 8 cells strewn over the picture, from which combine/agree.py learns how a frame's light,
// noise and sharpness compare with the reference's.
#include "warp.h"

namespace {

constexpr int SIDE = 8, SUMS = 7;  // cells of a block; numbers a colour

// out (rows, columns, 3, 7): for every colour the sums of v, m, v^2, v m, m^2 and of the squared differences between
// neighbours of m and of v, where m are the reference's cells and v the frame's; NaN where the frame does not reach.
// Block (j, i) begins at cell (j step, i step).
void agree(In<float, 3> rgb, In<float, 3> means, In<float, 3> shift, int tile, int step, Out<double, 4> out) {
    const int h = rgb.shape(0), w = rgb.shape(1), hc = means.shape(0), wc = means.shape(1), nx = out.shape(1);
    need(hc == h / 2 && wc == w / 2 && means.shape(2) == 3, "means must be (h/2, w/2, 3)");
    need(step >= SIDE && step % 4 == 0, "step must be a multiple of 4, at least 8");
    need(((int)out.shape(0) - 1) * step + SIDE <= hc && (nx - 1) * step + SIDE <= wc && out.shape(2) == 3 && out.shape(3) == SUMS,
         "out must be (rows, columns, 3, 7) within the picture");
    const FlowField flow{shift.data(), (int)shift.shape(0), (int)shift.shape(1), (float)tile};
    const FlowRows rows(flow, w);
    parallel((int)out.shape(0), [&](int j) {
        constexpr int RUNS = 2 * SIDE / RUN, W = 2 * SIDE;
        static thread_local Warp warp;
        float pixels[W * W * 3], v[SIDE][SIDE][3], dy[RUNS], dx[RUNS];
        uint8_t seen[RUNS];
        for (int i = 0; i < nx; i++) {
            const int y0 = 2 * j * step, r0 = 2 * i * step / RUN;
            double *o = out.data() + ((size_t)j * nx + i) * 3 * SUMS;
            bool inside = true;
            for (int y = 0; y < W; y++) {
                rows.row(y0 + y, r0, r0 + RUNS, dy, dx);
                warp.row(rgb.data(), h, w, y0 + y, r0, r0 + RUNS, dy, dx, 1.0f, pixels + y * W * 3, seen);
                for (uint8_t s : seen) inside &= s != 0;
            }
            if (!inside) {
                std::fill(o, o + 3 * SUMS, std::nan(""));
                continue;
            }
            for (int y = 0; y < SIDE; y++)
                for (int x = 0; x < SIDE; x++)
                    for (int c = 0; c < 3; c++) {
                        const float *p = pixels + (2 * y * W + 2 * x) * 3 + c;
                        v[y][x][c] = 0.25f * ((p[0] + p[W * 3]) + (p[3] + p[W * 3 + 3]));
                    }
            for (int c = 0; c < 3; c++, o += SUMS) {
                auto m = [&](int y, int x) { return (double)means.data()[((size_t)(j * step + y) * wc + i * step + x) * 3 + c]; };
                std::fill(o, o + SUMS, 0.0);
                for (int y = 0; y < SIDE; y++)
                    for (int x = 0; x < SIDE; x++) {
                        const double a = v[y][x][c], b = m(y, x);
                        o[0] += a, o[1] += b, o[2] += a * a, o[3] += a * b, o[4] += b * b;
                        auto differ = [&](int j1, int i1) {
                            const double p = m(j1, i1) - b, q = v[j1][i1][c] - a;
                            o[5] += p * p, o[6] += q * q;
                        };
                        if (x + 1 < SIDE) differ(y, x + 1);
                        if (y + 1 < SIDE) differ(y + 1, x);
                    }
            }
        }
    });
}

}  // namespace

KERNEL("agree", agree, "rgb"_a, "means"_a, "shift"_a, "tile"_a, "step"_a, "out"_a)
