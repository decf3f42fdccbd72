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

// Sum of the rows from ya to yb.
void add_rows(const float *p, int ya, int yb, int n, float *sum) {
    std::copy(p + (size_t)ya * n, p + (size_t)(ya + 1) * n, sum);
    for (int y = ya + 1; y < yb; y++)
        for (int i = 0; i < n; i++) sum[i] += p[(size_t)y * n + i];
}

// Sums of 1/n² and of (n − 1)/n² over rows of a map of frames; less than one frame is more noise than one.
void shares(const float *frames, int ya, int yb, int n, float *one, float *more) {
    std::fill(one, one + n, 0.0f);
    std::fill(more, more + n, 0.0f);
    for (int y = ya; y < yb; y++)
        for (int x = 0; x < n; x++) {
            const float v = frames[(size_t)y * n + x];
            const float m = v > 1 ? v : 1, low = v > 1 ? 1 : v > 0.05f ? v : 0.05f, square = m * m;
            one[x] += 1 / (square * low);
            more[x] += (m - 1) / square;
        }
}

// Means of 3 x 3 along a row, borders repeated.
void average(const float *p, int h, int w, int y, float *column, float *out) {
    const float *above = p + (size_t)std::max(0, y - 1) * w, *here = p + (size_t)y * w,
                *below = p + (size_t)std::min(h - 1, y + 1) * w;
    for (int x = 0; x < w; x++) column[x] = (above[x] + here[x]) + below[x];
    const auto mean = [&](int a, int b, int c) { return ((column[a] + column[c]) + column[b]) * (1.0f / 9); };
    for (int x = 1; x + 1 < w; x++) out[x] = mean(x - 1, x, x + 1);
    out[0] = mean(0, 0, std::min(1, w - 1));
    out[w - 1] = mean(std::max(0, w - 2), w - 1, w - 1);
}

// How much noise patches of 4 x 4 pixels hold: out (5, ceil(h/4), ceil(w/4)) = variance of Y, U, V of one frame, and what share
// of it the single frame and the warped ones have; light and shares are means over 3 x 3 patches.
// frames: how many were merged, on a grid of its own over the same picture.  shot, read (3): noise of the colours.
// mix (3, 3): how much of the noise of each colour [column] is in each plane [row].  faint (3): how much more of it there is
// where noise drowns the light.
void levels(In<float, 3> rgb, In<float, 2> frames, In<float, 1> shot, In<float, 1> read, In<float, 2> mix, In<float, 1> faint,
            Out<float, 3> out) {
    const int h = rgb.shape(0), w = rgb.shape(1), hp = out.shape(1), wp = out.shape(2);
    const int hf = frames.shape(0), wf = frames.shape(1);
    need(rgb.shape(2) == 3 && frames.size() > 0, "rgb must be (h, w, 3), frames not empty");
    need(out.shape(0) == 5 && hp == (h + PATCH - 1) / PATCH && wp == (w + PATCH - 1) / PATCH,
         "out must be (5, ceil(h/4), ceil(w/4))");
    need(shot.size() == 3 && read.size() == 3 && mix.size() == 9 && faint.size() == 3,
         "shot, read, faint must be (3,), mix (3, 3)");
    const size_t area = (size_t)hp * wp;
    std::vector<float> means(5 * area);
    parallel_rows(hp, 8, [&](int pa, int pb) {
        std::vector<float> line((size_t)3 * w), one(wf), more(wf);
        for (int py = pa; py < pb; py++) {
            const int ya = py * PATCH, yb = std::min(h, ya + PATCH);
            const int fa = (long long)ya * hf / h, fb = std::max(fa + 1, (int)((long long)yb * hf / h));
            add_rows(rgb.data(), ya, yb, 3 * w, line.data());
            shares(frames.data(), fa, fb, wf, one.data(), more.data());
            for (int px = 0; px < wp; px++) {
                const int xa = px * PATCH, xb = std::min(w, xa + PATCH);
                const int ga = (long long)xa * wf / w, gb = std::max(ga + 1, (int)((long long)xb * wf / w));
                float sum[5] = {0, 0, 0, 0, 0};
                const float *p = line.data() + 3 * xa;
                for (int x = 0; x < xb - xa; x++)
                    for (int c = 0; c < 3; c++) sum[c] += p[3 * x + c];
                for (int x = ga; x < gb; x++) sum[3] += one[x], sum[4] += more[x];
                const float part[2] = {1.0f / ((yb - ya) * (xb - xa)), 1.0f / ((fb - fa) * (gb - ga))};
                for (int c = 0; c < 5; c++) means[c * area + (size_t)py * wp + px] = sum[c] * part[c > 2];
            }
        }
    });
    parallel_rows(hp, 8, [&](int pa, int pb) {
        std::vector<float> column(wp), near(5 * (size_t)wp);
        for (int py = pa; py < pb; py++) {
            for (int c = 0; c < 5; c++)
                average(means.data() + c * area, hp, wp, py, column.data(), near.data() + (size_t)c * wp);
            const float *v = near.data(), *s = shot.data(), *r = read.data();
            for (int c = 0; c < 3; c++) {
                const float *m = mix.data() + 3 * c;
                float *o = out.data() + c * area + (size_t)py * wp;
                for (int x = 0; x < wp; x++) o[x] = 0;
                for (int j = 0; j < 3; j++)
                    for (int x = 0; x < wp; x++) {
                        const float light = v[(size_t)j * wp + x];
                        o[x] += m[j] * (s[j] * (light > 0 ? light : 0) + r[j]);
                    }
            }
            float *o = out.data() + (size_t)py * wp;
            for (int x = 0; x < wp; x++) {
                float light = 0.25f * (v[x] + v[2 * (size_t)wp + x]) + 0.5f * v[(size_t)wp + x];
                light = light > 0 ? light : 0;
                const float drowned = o[x] / (o[x] + 0.5f * light * light + 1e-20f);
                for (int c = 1; c < 3; c++) o[c * area + x] *= 1 + (faint.data()[c] - 1) * drowned;
                o[x] *= 1 + (faint.data()[0] - 1) * drowned;
            }
            for (int c = 3; c < 5; c++)
                std::copy(v + (size_t)c * wp, v + (size_t)(c + 1) * wp, out.data() + c * area + (size_t)py * wp);
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

// What denoising changed at half size in the two rows beside row y of a plane, the nearer one counting more.
void beside(const float *before, const float *after, int hc, int wc, int y, float *line) {
    const int i = std::min(y / 2, hc - 1), k = clampi(y & 1 ? i + 1 : i - 1, 0, hc - 1);
    const float *bi = before + (size_t)i * wc, *ai = after + (size_t)i * wc, *bk = before + (size_t)k * wc,
                *ak = after + (size_t)k * wc;
    for (int x = 0; x < wc; x++) line[x] = 0.75f * (ai[x] - bi[x]) + 0.25f * (ak[x] - bk[x]);
}

// row += line at twice the size, bilinear between cell centres.
void add_twice(const float *line, int wc, float *row, int w) {
    row[0] += 0.75f * line[0] + 0.25f * line[0];
    for (int i = 0; i + 1 < wc; i++) {
        row[2 * i + 1] += 0.75f * line[i] + 0.25f * line[i + 1];
        row[2 * i + 2] += 0.75f * line[i + 1] + 0.25f * line[i];
    }
    for (int x = 2 * wc - 1; x < w; x++) row[x] += 0.75f * line[wc - 1] + 0.25f * line[wc - 1 - ((x & 1) == 0 && wc > 1)];
}

// plane += what denoising changed at half size (after - before).
void add_change(In<float, 2> before, In<float, 2> after, Out<float, 2> plane) {
    const int h = plane.shape(0), w = plane.shape(1), hc = before.shape(0), wc = before.shape(1);
    need(hc == h / 2 && wc == w / 2 && after.shape(0) == before.shape(0) && after.shape(1) == before.shape(1) && hc && wc,
         "before and after must be half of plane");
    parallel_rows(h, 32, [&](int ya, int yb) {
        std::vector<float> line(wc);
        for (int y = ya; y < yb; y++) {
            beside(before.data(), after.data(), hc, wc, y, line.data());
            add_twice(line.data(), wc, plane.data() + (size_t)y * w, w);
        }
    });
}

}  // namespace

KERNEL("denoise_split", split, "rgb"_a, "planes"_a)
KERNEL("denoise_join", join, "planes"_a, "rgb"_a)
KERNEL("denoise_levels", levels, "rgb"_a, "frames"_a, "shot"_a, "read"_a, "mix"_a, "faint"_a, "out"_a)
KERNEL("denoise_halve", halve, "image"_a, "out"_a)
KERNEL("denoise_add_change", add_change, "before"_a, "after"_a, "plane"_a)
