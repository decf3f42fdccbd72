// SPDX-License-Identifier: Apache-2.0
// Refine: the picture on a finer grid, and how much its pixels differ from their neighbours.
#include "superres.h"

namespace {

// RGB (h, w, 3) -> (H, W, 3), H = h * twice / 2 rounded: Lanczos-3 through the middle of every pixel.
template <int TWICE> void spread_at(const In<float, 3> &rgb, Out<float, 3> &fine) {
    constexpr int A = TWICE == 3 ? 3 : TWICE / 2, B = TWICE == 3 ? 2 : 1;
    const int h = rgb.shape(0), w = rgb.shape(1), H = fine.shape(0), W = fine.shape(1);
    const auto &table = aperture<2>();
    int first[A];
    const float *taps[A];
    for (int e = 0; e < A; e++) {
        const float x = (e + 0.5f) * 2 / TWICE - 0.5f;
        first[e] = (int)std::floor(x);
        taps[e] = table.data() + (int)((x - first[e]) * STEPS + 0.5f) * MOST_TAPS;
    }
    parallel_rows(H, 16, [&](int ya, int yb) {
        std::vector<float> line((size_t)3 * (w + 16));
        for (int y = ya; y < yb; y++) {
            const int j = B * (y / A) + first[y % A];
            const float *wy = taps[y % A], *row[6];
            for (int k = 0; k < 6; k++) row[k] = rgb.data() + (size_t)clampi(j - 2 + k, 0, h - 1) * w * 3;
            float *l = line.data() + 24;
            for (int t = 0; t < 3 * w; t++)
                l[t] = ((wy[0] * row[0][t] + wy[5] * row[5][t]) + (wy[1] * row[1][t] + wy[4] * row[4][t])) +
                       (wy[2] * row[2][t] + wy[3] * row[3][t]);
            for (int c = 0; c < 3; c++) {
                for (int x = -8; x < 0; x++) l[3 * x + c] = l[c];
                for (int x = w; x < w + 8; x++) l[3 * x + c] = l[3 * (w - 1) + c];
            }
            float *o = fine.data() + (size_t)3 * y * W;
            for (int e = 0; e < A; e++) {
                const float *wx = taps[e];
                for (int x = e, i = first[e]; x < W; x += A, i += B)
                    for (int c = 0; c < 3; c++) {
                        const float *p = l + 3 * (std::min(i, w) - 2) + c;
                        o[3 * x + c] = ((wx[0] * p[0] + wx[5] * p[15]) + (wx[1] * p[3] + wx[4] * p[12])) +
                                       (wx[2] * p[6] + wx[3] * p[9]);
                    }
            }
        }
    });
}

void spread(In<float, 3> rgb, int twice, Out<float, 3> fine) {
    const int h = rgb.shape(0), w = rgb.shape(1);
    need(rgb.shape(2) == 3 && fine.shape(2) == 3 && h >= 1 && w >= 1, "rgb must be (h, w, 3), fine (H, W, 3)");
    need((int)fine.shape(0) <= (h * twice + 1) / 2 && (int)fine.shape(1) <= (w * twice + 1) / 2, "fine is too large");
    if (twice == 3) spread_at<3>(rgb, fine);
    else if (twice == 4) spread_at<4>(rgb, fine);
    else need(false, "twice must be 3 or 4");
}

// Mean over colours and pixels of a cell of the squared differences to the neighbours, both axes added.
void contrast(In<float, 3> rgb, Out<float, 2> out) {
    const int h = rgb.shape(0), w = rgb.shape(1), hc = out.shape(0), wc = out.shape(1);
    need(rgb.shape(2) == 3 && hc == h / 2 && wc == w / 2, "out must be (h/2, w/2)");
    parallel_rows(hc, 32, [&](int a, int b) {
        std::vector<float> sum(3 * w);
        for (int cy = a; cy < b; cy++) {
            for (int y = 2 * cy; y < 2 * cy + 2; y++) {
                const float *p = rgb.data() + (size_t)y * w * 3, *up = y > 0 ? p - 3 * w : p, *down = y + 1 < h ? p + 3 * w : p;
                float *o = sum.data();
                if (!(y & 1)) std::fill(sum.begin(), sum.end(), 0.0f);
                for (int i = 0; i < 3 * w; i++) {
                    const float s = p[i] - up[i], t = p[i] - down[i];
                    o[i] += s * s + t * t;
                }
                for (int i = 3; i < 3 * w; i++) {
                    const float s = p[i] - p[i - 3];
                    o[i] += s * s;
                }
                for (int i = 0; i < 3 * w - 3; i++) {
                    const float s = p[i] - p[i + 3];
                    o[i] += s * s;
                }
            }
            float *o = out.data() + (size_t)cy * wc;
            for (int x = 0; x < wc; x++) {
                const float *s = &sum[6 * x];
                o[x] = (((s[0] + s[3]) + (s[1] + s[4])) + (s[2] + s[5])) * (1 / 24.0f);
            }
        }
    });
}

}  // namespace

KERNEL("refine_spread", spread, "rgb"_a, "twice"_a, "fine"_a)
KERNEL("refine_contrast", contrast, "rgb"_a, "out"_a)
