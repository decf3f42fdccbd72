// SPDX-License-Identifier: Apache-2.0
// The gain from the look on a display that ends at white to the look on one that goes on: both of the same averaged light.
#include "gamut.h"
#include "grade.h"

namespace {
constexpr float OFFSET = 1.0f / 64.0f;

// Mean over squares of `scale` pixels in `rows` rows from p; the last ones may be cut off by the border.
void averaged(const float *p, int w, int rows, int scale, int first, int n, float *sums, float *to) {
    const int x0 = first * scale, width = std::min(w - x0, n * scale);
    for (int i = 0; i < 3 * width; i++) sums[i] = p[3 * x0 + i];
    for (int y = 1; y < rows; y++) {
        const float *row = p + 3 * ((size_t)y * w + x0);
        for (int i = 0; i < 3 * width; i++) sums[i] += row[i];
    }
    const int whole = width / scale;
    const float share = 1.0f / (float)(rows * scale);
    if (scale == 2) {
        for (int i = 0; i < whole; i++)
            for (int c = 0; c < 3; c++) to[3 * i + c] = (sums[6 * i + c] + sums[6 * i + 3 + c]) * share;
    } else {
        for (int i = 0; i < whole; i++)
            for (int c = 0; c < 3; c++) {
                float sum = 0.0f;
                for (int x = 0; x < scale; x++) sum += sums[3 * (i * scale + x) + c];
                to[3 * i + c] = sum * share;
            }
    }
    if (whole == n) return;
    const int rest = width - whole * scale;
    for (int c = 0; c < 3; c++) {
        float sum = 0.0f;
        for (int x = 0; x < rest; x++) sum += sums[3 * (whole * scale + x) + c];
        to[3 * whole + c] = sum / (float)(rows * rest);
    }
}

// As kernels/display.cpp does it: the colours of a screen up to `white`, within its gamut.
void shown(look::Strip &s, int n, const float *m, const float *k, float white) {
    const float per = 1.0f / white;
    for (int i = 0; i < n; i++) {
        const float a = s.rgb[0][i] * per, b = s.rgb[1][i] * per, c = s.rgb[2][i] * per;
        s.rgb[0][i] = m[0] * a + m[1] * b + m[2] * c;
        s.rgb[1][i] = m[3] * a + m[4] * b + m[5] * c;
        s.rgb[2][i] = m[6] * a + m[7] * b + m[8] * c;
    }
    gamut::within<look::N>(s.rgb, n, k, m + 9, m + 18);
    for (auto &v : s.rgb)
        for (int i = 0; i < n; i++) v[i] = white * gamut::unit(v[i]);
}
}  // namespace

static void gainmap(In<float, 3> rgb, int scale, bool grey, In<float, 2> knobs, In<float, 4> matrices, In<float, 3> display,
                    In<float, 1> luminance, In<float, 1> white, Out<float, 3> gain) {
    need(rgb.shape(2) == 3 && scale >= 1 && scale <= 8, "gainmap: rgb h w 3, scale 1 … 8");
    need(knobs.size() == 2 * look::KNOBS && matrices.size() == 90, "gainmap: knobs 2 36, matrices 2 5 3 3");
    need(display.size() == 27 && luminance.size() == 3 && white.size() == 2, "gainmap: display 3 3 3, luminance 3, white 2");
    const int h = (int)rgb.shape(0), w = (int)rgb.shape(1), rows = (h + scale - 1) / scale, columns = (w + scale - 1) / scale;
    need((int)gain.shape(0) == rows && (int)gain.shape(1) == columns && gain.shape(2) == 3, "gainmap: gain rows columns 3");
    const look::Look looks[2] = {{knobs.data(), matrices.data()}, {knobs.data() + look::KNOBS, matrices.data() + 45}};
    const float *m = display.data(), *k = luminance.data();
    const float cy = 0.5f * (float)(h - 1), cx = 0.5f * (float)(w - 1), middle = 0.5f * (float)(scale - 1);
    const float inverse = 1.0f / std::max(cy * cy + cx * cx, 1e-6f);
    parallel_rows(rows, 4, [&](int j0, int j1) {
        struct Work {
            look::Strip s;
            float sdr[3][look::N], mean[3 * look::N], sums[3 * 8 * look::N];
        };
        auto work = std::make_unique<Work>();
        look::Strip &s = work->s;
        for (int j = j0; j < j1; j++)
            for (int i0 = 0; i0 < columns; i0 += look::N) {
                const int n = std::min(look::N, columns - i0), y = j * scale;
                averaged(rgb.data() + 3 * (size_t)y * w, w, std::min(scale, h - y), scale, i0, n, work->sums, work->mean);
                look::light(s, work->mean, n, looks[0],
                            {(float)y + middle - cy, (float)(i0 * scale) + middle - cx, (float)scale, inverse});
                look::powers(s, n, looks[0]);
                for (int bright = 0; bright < 2; bright++) {
                    look::curve(s, n, looks[bright]);
                    look::colour(s, n, looks[bright]);
                    shown(s, n, m, k, white.data()[bright]);
                    if (grey)
                        for (int i = 0; i < n; i++)
                            s.rgb[0][i] = s.rgb[1][i] = s.rgb[2][i] =
                                k[0] * s.rgb[0][i] + k[1] * s.rgb[1][i] + k[2] * s.rgb[2][i];
                    if (!bright) std::memcpy(work->sdr, s.rgb, sizeof s.rgb);
                }
                for (int c = 0; c < 3; c++)
                    for (int i = 0; i < n; i++) s.rgb[c][i] = log2_((s.rgb[c][i] + OFFSET) / (work->sdr[c][i] + OFFSET));
                float *to = gain.data() + 3 * ((size_t)j * columns + i0);
                for (int i = 0; i < n; i++) {
                    to[3 * i] = s.rgb[0][i];
                    to[3 * i + 1] = s.rgb[1][i];
                    to[3 * i + 2] = s.rgb[2][i];
                }
            }
    });
}
KERNEL("gainmap", gainmap, "rgb"_a, "scale"_a, "grey"_a, "knobs"_a, "matrices"_a, "display"_a, "luminance"_a, "white"_a,
       "gain"_a)
