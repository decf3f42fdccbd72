// SPDX-License-Identifier: Apache-2.0
// Denoise: from pixels to planes of brightness and colour differences and back, to half size and back, and how much noise
// there is: see correct/denoise.py.
#include "kernel.h"

namespace {

constexpr int PATCH = 4;

// RGB -> brightness (R + 2G + B)/4 and the differences R - G, B - G, planar.
void split(In<float, 3> rgb, Out<float, 3> planes) {
    const int h = rgb.shape(0), w = rgb.shape(1);
    need(rgb.shape(2) == 3, "rgb must be (h, w, 3)");
    need((int)planes.shape(1) == h && (int)planes.shape(2) == w && planes.shape(0) == 3, "planes must be (3, h, w)");
    float *Y = planes.data(), *U = Y + (size_t)h * w, *V = U + (size_t)h * w;
    parallel_rows(h, 32, [&](int y0, int y1) {
        const float *p = rgb.data();
        for (size_t i = (size_t)y0 * w; i < (size_t)y1 * w; i++) {
            const float r = p[3 * i], g = p[3 * i + 1], b = p[3 * i + 2];
            Y[i] = 0.25f * (r + b) + 0.5f * g;
            U[i] = r - g;
            V[i] = b - g;
        }
    });
}

void join(In<float, 3> planes, Out<float, 3> rgb) {
    const int h = rgb.shape(0), w = rgb.shape(1);
    need((int)planes.shape(1) == h && (int)planes.shape(2) == w && planes.shape(0) == 3, "planes must be (3, h, w)");
    const float *Y = planes.data(), *U = Y + (size_t)h * w, *V = U + (size_t)h * w;
    parallel_rows(h, 32, [&](int y0, int y1) {
        for (size_t i = (size_t)y0 * w; i < (size_t)y1 * w; i++) {
            const float g = Y[i] - 0.25f * (U[i] + V[i]);
            rgb.data()[3 * i] = g + U[i];
            rgb.data()[3 * i + 1] = g;
            rgb.data()[3 * i + 2] = g + V[i];
        }
    });
}

// How much noise patches of 4 x 4 pixels hold: out (5, ceil(h/4), ceil(w/4)) = variance of Y, U, V of one frame, and what share
// of it the single frame and the warped ones have; light and shares are means over 3 x 3 patches.
// frames: how many were merged, on a grid of its own over the same picture.  shot, read (3): noise of the colours.
// mix (3, 3): how much of the noise of each colour [column] is in each plane [row].
void levels(In<float, 3> rgb, In<float, 2> frames, In<float, 1> shot, In<float, 1> read, In<float, 2> mix, Out<float, 3> out) {
    const int h = rgb.shape(0), w = rgb.shape(1), hp = out.shape(1), wp = out.shape(2);
    const int hf = frames.shape(0), wf = frames.shape(1);
    need(rgb.shape(2) == 3 && frames.size() > 0, "rgb must be (h, w, 3), frames not empty");
    need(out.shape(0) == 5 && hp == (h + PATCH - 1) / PATCH && wp == (w + PATCH - 1) / PATCH,
         "out must be (5, ceil(h/4), ceil(w/4))");
    need(shot.size() == 3 && read.size() == 3 && mix.size() == 9, "shot, read must be (3,), mix (3, 3)");
    const size_t area = (size_t)hp * wp;
    std::vector<float> means(5 * area);
    parallel_rows(hp, 8, [&](int pa, int pb) {
        for (int py = pa; py < pb; py++)
            for (int px = 0; px < wp; px++) {
                const int ya = py * PATCH, yb = std::min(h, ya + PATCH), xa = px * PATCH, xb = std::min(w, xa + PATCH);
                float sum[3] = {0, 0, 0}, one = 0, more = 0;
                for (int y = ya; y < yb; y++)
                    for (int x = xa; x < xb; x++)
                        for (int c = 0; c < 3; c++) sum[c] += rgb.data()[((size_t)y * w + x) * 3 + c];
                const int fa = (long long)ya * hf / h, fb = std::max(fa + 1, (int)((long long)yb * hf / h));
                const int ga = (long long)xa * wf / w, gb = std::max(ga + 1, (int)((long long)xb * wf / w));
                for (int y = fa; y < fb; y++)
                    for (int x = ga; x < gb; x++) {
                        const float n = frames.data()[(size_t)y * wf + x];
                        const float m = n > 1 ? n : 1, low = n > 1 ? 1 : n > 0.05f ? n : 0.05f;
                        one += 1 / (m * m * low);
                        more += (m - 1) / (m * m);
                    }
                const size_t q = (size_t)py * wp + px;
                for (int c = 0; c < 3; c++) means[c * area + q] = sum[c] / ((yb - ya) * (xb - xa));
                means[3 * area + q] = one / ((fb - fa) * (gb - ga));
                means[4 * area + q] = more / ((fb - fa) * (gb - ga));
            }
    });
    parallel_rows(hp, 8, [&](int pa, int pb) {
        for (int py = pa; py < pb; py++)
            for (int px = 0; px < wp; px++) {
                float v[5];
                const int rows[3] = {std::max(0, py - 1), py, std::min(hp - 1, py + 1)};
                const int columns[3] = {std::max(0, px - 1), px, std::min(wp - 1, px + 1)};
                for (int c = 0; c < 5; c++) {
                    const float *p = means.data() + c * area;
                    v[c] = 0;
                    for (int y : rows) {
                        const float *line = p + (size_t)y * wp;
                        v[c] += (line[columns[0]] + line[columns[2]]) + line[columns[1]];
                    }
                    v[c] *= 1.0f / 9;
                }
                const size_t q = (size_t)py * wp + px;
                for (int c = 0; c < 3; c++) {
                    float var = 0;
                    for (int j = 0; j < 3; j++) {
                        const float light = v[j] > 0 ? v[j] : 0;
                        var += mix.data()[c * 3 + j] * (shot.data()[j] * light + read.data()[j]);
                    }
                    out.data()[c * area + q] = var;
                }
                out.data()[3 * area + q] = v[3];
                out.data()[4 * area + q] = v[4];
            }
    });
}

// Mean of 2 x 2.
void halve(In<float, 2> in, Out<float, 2> out) {
    const int w = in.shape(1), hc = out.shape(0), wc = out.shape(1);
    need(hc == (int)in.shape(0) / 2 && wc == w / 2, "out must be half of in");
    parallel_rows(hc, 32, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++) {
            const float *a = in.data() + (size_t)2 * y * w, *b = a + w;
            for (int x = 0; x < wc; x++)
                out.data()[(size_t)y * wc + x] = 0.25f * ((a[2 * x] + a[2 * x + 1]) + (b[2 * x] + b[2 * x + 1]));
        }
    });
}

// plane += what denoising changed at half size (after - before), bilinear between cell centres.
void add_change(In<float, 2> before, In<float, 2> after, Out<float, 2> plane) {
    const int h = plane.shape(0), w = plane.shape(1), hc = before.shape(0), wc = before.shape(1);
    need(hc == h / 2 && wc == w / 2 && after.shape(0) == before.shape(0) && after.shape(1) == before.shape(1),
         "before and after must be half of plane");
    parallel_rows(h, 32, [&](int ya, int yb) {
        std::vector<float> line(wc);
        for (int y = ya; y < yb; y++) {
            const int i = std::min(y / 2, hc - 1), k = clampi(y & 1 ? i + 1 : i - 1, 0, hc - 1);
            const size_t p = (size_t)i * wc, q = (size_t)k * wc;
            for (int x = 0; x < wc; x++)
                line[x] = 0.75f * (after.data()[p + x] - before.data()[p + x]) +
                          0.25f * (after.data()[q + x] - before.data()[q + x]);
            float *o = plane.data() + (size_t)y * w;
            for (int x = 0; x < w; x++) {
                const int a = std::min(x / 2, wc - 1), b = clampi(x & 1 ? a + 1 : a - 1, 0, wc - 1);
                o[x] += 0.75f * line[a] + 0.25f * line[b];
            }
        }
    });
}

}  // namespace

KERNEL("denoise_split", split, "rgb"_a, "planes"_a)
KERNEL("denoise_join", join, "planes"_a, "rgb"_a)
KERNEL("denoise_levels", levels, "rgb"_a, "frames"_a, "shot"_a, "read"_a, "mix"_a, "out"_a)
KERNEL("denoise_halve", halve, "image"_a, "out"_a)
KERNEL("denoise_add_change", add_change, "before"_a, "after"_a, "plane"_a)
