// SPDX-License-Identifier: Apache-2.0
// Merge: warp a frame onto the reference, decide cell by cell how far to believe it, and add it up.
// The idea and the formulas stand in combine/merge.py.  A cell is 2 x 2 pixels.
#include "warp.h"

namespace {

// Means of the 2 x 2 cells, planar (3, h/2, w/2).
void cells(In<float, 3> rgb, Out<float, 3> out) {
    const int w = rgb.shape(1), hc = out.shape(1), wc = out.shape(2);
    need(out.shape(0) == 3 && hc == (int)rgb.shape(0) / 2 && wc == w / 2 && rgb.shape(2) == 3, "out must be (3, h/2, w/2)");
    parallel_rows(hc, 16, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++) {
            const float *a = rgb.data() + (size_t)2 * y * w * 3, *b = a + 3 * w;
            for (int c = 0; c < 3; c++) {
                float *o = out.data() + ((size_t)c * hc + y) * wc;
                for (int x = 0; x < wc; x++)
                    o[x] = 0.25f * ((a[6 * x + c] + a[6 * x + 3 + c]) + (b[6 * x + c] + b[6 * x + 3 + c]));
            }
        }
    });
}

struct Judge {  // how a difference is judged; see combine/merge.py
    float shot[3], read[3], slope, fine0, fine1, broad0, broad1;
};

constexpr float UNSEEN = -1.0f;  // difference of a cell that lies outside the frame
constexpr int FINE = 1, BROAD = 4, HALO = BROAD + 1, BAND = 48;  // cells

// Adds the warped frame to total, weight by weight; belief collects the weights of the cells.
void merge_add(In<float, 3> rgb, In<float, 3> ref, In<float, 2> shade, In<float, 3> shift, int tile, In<float, 1> judge,
               Out<float, 3> total, Out<float, 2> belief) {
    const int h = rgb.shape(0), w = rgb.shape(1), hc = ref.shape(1), wc = ref.shape(2);
    need((int)total.shape(0) == h && (int)total.shape(1) == w && total.shape(2) == 3, "total must be (h, w, 3)");
    need((int)belief.shape(0) == hc && (int)belief.shape(1) == wc && hc == h / 2 && wc == w / 2, "belief must be (h/2, w/2)");
    need(judge.shape(0) == 11, "judge must have 11 numbers");
    const bool shaded = (int)shade.shape(0) == hc && (int)shade.shape(1) == wc;
    Judge J;
    std::memcpy(&J, judge.data(), sizeof J);
    const FlowField flow{shift.data(), (int)shift.shape(0), (int)shift.shape(1), (float)tile};
    const size_t plane = (size_t)hc * wc;
    parallel((hc + BAND - 1) / BAND, [&](int band) {
        const int c0 = band * BAND, c1 = std::min(hc, c0 + BAND), a0 = std::max(0, c0 - HALO), a1 = std::min(hc, c1 + HALO);
        const int rows = 2 * (a1 - a0) + (a1 == hc && h > 2 * hc ? 1 : 0), runs = (w + RUN - 1) / RUN;
        const int n = a1 - a0;
        static thread_local Scratch memory;
        float *warped = memory.get<float>((size_t)rows * w * 3 + (size_t)5 * n * wc + (size_t)rows * runs / 4 + 64);
        float *diff = warped + (size_t)rows * w * 3, *fine = diff + (size_t)n * wc, *broad = fine + (size_t)n * wc,
              *weight = broad + (size_t)n * wc, *least = weight + (size_t)n * wc;
        uint8_t *seen = reinterpret_cast<uint8_t *>(least + (size_t)n * wc);
        std::vector<float> dy(runs), dx(runs);
        for (int r = 0; r < rows; r++) {
            flow.row(2 * a0 + r, w, dy, dx);
            warp_row(rgb.data(), h, w, 2 * a0 + r, dy, dx, warped + (size_t)r * w * 3, seen + (size_t)r * runs);
        }
        // normalised squared difference of every cell
        std::vector<float> column(3 * (size_t)w), line(w), mean(3 * (size_t)wc);
        for (int j = 0; j < n; j++) {
            const int y = a0 + j;
            const float *a = warped + (size_t)2 * j * w * 3, *b = a + 3 * w;
            float *d = diff + (size_t)j * wc, *t = column.data();
            for (int i = 0; i < 6 * wc; i++) t[i] = a[i] + b[i];
            for (int c = 0; c < 3; c++)
                for (int x = 0; x < wc; x++) mean[c * wc + x] = 0.25f * (t[6 * x + c] + t[6 * x + 3 + c]);
            const float *s = shaded ? shade.data() + (size_t)y * wc : line.data();
            if (!shaded) std::fill(line.begin(), line.end(), 1.0f);
            for (int c = 0; c < 3; c++) {
                const float *m = ref.data() + c * plane + (size_t)y * wc, *v = mean.data() + c * wc;
                const float *up = y > 0 ? m - wc : m, *dn = y < hc - 1 ? m + wc : m;
                const float shot = J.shot[c], read = J.read[c], slope = J.slope;
                auto cell = [&](int x, int l, int r) {
                    const float e = v[x] - m[x], level = 0.5f * (v[x] + m[x]), gx = m[r] - m[l], gy = dn[x] - up[x];
                    return e * e / ((shot * (level > 0 ? level : 0) + read) * s[x] + slope * (gx * gx + gy * gy));
                };
                if (c == 0) {
                    for (int x = 1; x < wc - 1; x++) d[x] = cell(x, x - 1, x + 1);
                    d[0] = cell(0, 0, std::min(1, wc - 1));
                    if (wc > 1) d[wc - 1] = cell(wc - 1, wc - 2, wc - 1);
                } else {
                    for (int x = 1; x < wc - 1; x++) d[x] += cell(x, x - 1, x + 1);
                    d[0] += cell(0, 0, std::min(1, wc - 1));
                    if (wc > 1) d[wc - 1] += cell(wc - 1, wc - 2, wc - 1);
                }
            }
            const uint8_t *q = seen + (size_t)2 * j * runs;
            for (int x = 0; x < wc; x++) d[x] *= 1.0f / 3.0f;
            for (int r = 0; r < runs; r++)
                if (!(q[r] && q[r + runs]))
                    for (int x = r * RUN / 2; x < std::min(wc, (r + 1) * RUN / 2); x++) d[x] = UNSEEN;
        }
        // box means over 3 x 3 and 9 x 9 cells, then the weight, then the least weight around
        auto box = [&](int radius, float *out) {
            for (int j = 0; j < n; j++) {
                const int p = std::max(0, j - radius), q = std::min(n - 1, j + radius);
                float *column = mean.data();
                for (int x = 0; x < wc; x++) column[x] = 0;
                for (int k = p; k <= q; k++) {
                    const float *d = diff + (size_t)k * wc;
                    for (int x = 0; x < wc; x++) column[x] += d[x] < 0 ? 1.0f : d[x] < 40.0f ? d[x] : 40.0f;
                }
                float *o = out + (size_t)j * wc;
                const int lo = std::min(radius, wc), hi = std::max(lo, wc - radius);
                for (int x = 0; x < wc; x++) {
                    if (x >= lo && x < hi) continue;
                    const int l = std::max(0, x - radius), r = std::min(wc - 1, x + radius);
                    float s = 0;
                    for (int k = l; k <= r; k++) s += column[k];
                    o[x] = s / ((r - l + 1) * (q - p + 1));
                }
                const float norm = 1.0f / ((2 * radius + 1) * (q - p + 1));
                for (int x = lo; x < hi; x++) o[x] = 0;
                for (int k = -radius; k <= radius; k++)
                    for (int x = lo; x < hi; x++) o[x] += column[x + k];
                for (int x = lo; x < hi; x++) o[x] *= norm;
            }
        };
        box(FINE, fine);
        box(BROAD, broad);
        const float kf = 1.0f / (J.fine1 - J.fine0), kb = 1.0f / (J.broad1 - J.broad0);
        for (size_t k = 0; k < (size_t)n * wc; k++) {
            float f = (J.fine1 - fine[k]) * kf, b = (J.broad1 - broad[k]) * kb;
            f = f < 0 ? 0 : f;  // one choice at a time: these become single instructions
            b = b < 0 ? 0 : b;
            f = f > 1 ? 1 : f;
            b = b > 1 ? 1 : b;
            const float both = f * b;
            weight[k] = diff[k] < 0 ? 0 : both;
        }
        for (int j = 0; j < n; j++) {
            const float *u = weight + (size_t)std::max(0, j - 1) * wc, *m = weight + (size_t)j * wc,
                        *d = weight + (size_t)std::min(n - 1, j + 1) * wc;
            float *v = line.data();
            for (int x = 0; x < wc; x++) {
                float t = u[x] < d[x] ? u[x] : d[x];
                v[x] = t < m[x] ? t : m[x];
            }
            float *o = least + (size_t)j * wc;
            for (int x = 0; x < wc; x++) {
                float l = v[x > 0 ? x - 1 : 0], r = v[x < wc - 1 ? x + 1 : x];
                float t = l < r ? l : r;
                o[x] = t < v[x] ? t : v[x];
            }
        }
        for (int y = c0; y < c1; y++)
            for (int x = 0; x < wc; x++) belief.data()[(size_t)y * wc + x] += least[(size_t)(y - a0) * wc + x];
        // add, with the weights bilinear between cell centres
        const int last = c1 == hc ? h : 2 * c1;
        for (int y = 2 * c0; y < last; y++) {
            const float fy = 0.5f * y - 0.25f - a0;
            const int j0 = clampi((int)std::floor(fy), 0, n - 1), j1 = std::min(j0 + 1, n - 1);
            const float f = fy - j0 < 0 ? 0 : fy - j0 > 1 ? 1 : fy - j0;
            const float *p = least + (size_t)j0 * wc, *q = least + (size_t)j1 * wc;
            float *e = column.data();  // the weight of every pixel
            for (int x = 0; x < wc; x++) line[x] = p[x] + f * (q[x] - p[x]);
            const float *v = line.data();
            e[0] = 0.75f * v[0] + 0.25f * v[0];
            for (int x = 1; x < wc; x++) {
                e[2 * x - 1] = 0.75f * v[x - 1] + 0.25f * v[x];
                e[2 * x] = 0.75f * v[x] + 0.25f * v[x - 1];
            }
            e[2 * wc - 1] = 0.75f * v[wc - 1] + 0.25f * v[wc - 1];
            if (w > 2 * wc) e[w - 1] = v[wc - 1];
            const float *src = warped + (size_t)(y - 2 * a0) * w * 3;
            float *dst = total.data() + (size_t)y * w * 3;
            for (int x = 0; x < w; x++)
                for (int c = 0; c < 3; c++) dst[3 * x + c] += e[x] * src[3 * x + c];
        }
    });
}

// total / belief (bilinear between cell centres), in place.
void finish(In<float, 2> belief, Out<float, 3> total) {
    const int h = total.shape(0), w = total.shape(1), hc = belief.shape(0), wc = belief.shape(1);
    need(hc == h / 2 && wc == w / 2, "belief must be (h/2, w/2)");
    parallel_rows(h, 32, [&](int ya, int yb) {
        std::vector<float> line(wc);
        for (int y = ya; y < yb; y++) {
            const float fy = 0.5f * y - 0.25f;
            const int j0 = clampi((int)std::floor(fy), 0, hc - 1), j1 = std::min(j0 + 1, hc - 1);
            const float f = fy - j0 < 0 ? 0 : fy - j0 > 1 ? 1 : fy - j0;
            const float *p = belief.data() + (size_t)j0 * wc, *q = belief.data() + (size_t)j1 * wc;
            for (int x = 0; x < wc; x++) line[x] = p[x] + f * (q[x] - p[x]);
            float *dst = total.data() + (size_t)y * w * 3;
            for (int x = 0; x < w; x++) {
                const int i = std::min(x / 2, wc - 1), k = clampi(x & 1 ? i + 1 : i - 1, 0, wc - 1);
                const float n = 1.0f / (x / 2 >= wc ? line[i] : 0.75f * line[i] + 0.25f * line[k]);
                for (int t = 0; t < 3; t++) dst[3 * x + t] *= n;
            }
        }
    });
}

}  // namespace

KERNEL("merge_cells", cells, "rgb"_a, "out"_a)
KERNEL("merge_add", merge_add, "rgb"_a, "reference"_a, "shading"_a, "shift"_a, "tile"_a, "judge"_a, "total"_a, "belief"_a)
KERNEL("merge_finish", finish, "belief"_a, "total"_a)
