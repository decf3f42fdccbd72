// SPDX-License-Identifier: Apache-2.0
// Colour filters, point spread and veil of the simulated lens; formulas in simulate/optics.py.
#include "kernel.h"

namespace {

constexpr int MOST = 100;  // largest radius of a point-spread function
constexpr int BLOCK = 32;  // most columns that share their taps

// Half taps of the Gaussian at a squared field radius, between two entries of the table.
struct Spread {
    const float *taps;
    const int32_t *radius;
    int entries, length;
    double cy, cx, scale;  // squared distance from the axis -> entry
    int at(double y, double x, float *k) const {
        const double dy = y - cy, dx = x - cx, t = (dy * dy + dx * dx) * scale;
        const int i = t < entries - 2 ? (int)t : entries - 2;
        const double rest = t - i;
        const float f = (float)(rest < 1 ? rest : 1), *a = taps + (size_t)i * length, *b = a + length;
        const int r = std::max(radius[i], radius[i + 1]);
        for (int j = 0; j <= r; j++) k[j] = a[j] + f * (b[j] - a[j]);
        return r;
    }
};

// Scene RGB -> camera colours, then a separable point spread per colour that widens with the squared distance from the
// axis, the same over `block` columns.  taps[c][i][k] = weight at distance k at field entry i; place = axis (y, x) and
// entries per squared pixel.
// out = keep * out + share * spread.
void optics(In<float, 3> scene, In<float, 2> matrix, In<float, 3> taps, In<int32_t, 2> radius, In<double, 1> place, int block,
            float keep, float share, Out<float, 3> out) {
    const int h = scene.shape(1), w = scene.shape(2), planes = scene.shape(0), n = out.shape(0);
    const int entries = taps.shape(1), length = taps.shape(2);
    need((int)taps.shape(0) == n && entries >= 2 && length >= 1 && length <= MOST + 1, "taps must be (colours, 2 ..., 1 ... 101)");
    need((int)radius.shape(0) == n && (int)radius.shape(1) == entries && place.size() == 3, "radius is like taps, place has 3");
    need((int)matrix.shape(0) == n && (int)matrix.shape(1) == planes, "matrix must be (colours, planes)");
    need((int)out.shape(1) == h && (int)out.shape(2) == w, "out must be (colours, h, w)");
    need(block >= 1 && block <= BLOCK, "block must be 1 ... 32");
    int most = 0;
    for (size_t i = 0; i < radius.size(); i++) {
        need(radius.data()[i] >= 0 && radius.data()[i] < length, "a radius is longer than its taps");
        most = std::max(most, radius.data()[i]);
    }
    const double *q = place.data();
    parallel_rows(h, 64, [&](int y0, int y1) {
        const int r = most, rows = y1 - y0 + 2 * r;
        std::vector<float> mixed(w + 2 * r), across((size_t)rows * w);
        float k[MOST + 1];
        for (int c = 0; c < n; c++) {
            const Spread spread{taps.data() + (size_t)c * entries * length, radius.data() + (size_t)c * entries, entries, length,
                                q[0], q[1], q[2]};
            for (int j = 0; j < rows; j++) {
                const int y = clampi(y0 - r + j, 0, h - 1);
                float *m = mixed.data() + r, *to = across.data() + (size_t)j * w;
                for (int x = 0; x < w; x++) m[x] = 0;
                for (int p = 0; p < planes; p++) {
                    const float g = matrix.data()[c * planes + p], *s = scene.data() + ((size_t)p * h + y) * w;
                    if (g != 0)
                        for (int x = 0; x < w; x++) m[x] += g * s[x];
                }
                for (int x = 1; x <= r; x++) m[-x] = m[0], m[w - 1 + x] = m[w - 1];
                for (int x0 = 0; x0 < w; x0 += block) {
                    const int x1 = std::min(w, x0 + block), reach = spread.at(y, x0 + 0.5 * (block - 1), k);
                    for (int x = x0; x < x1; x++) to[x] = k[0] * m[x];
                    for (int i = 1; i <= reach; i++)
                        for (int x = x0; x < x1; x++) to[x] += k[i] * (m[x - i] + m[x + i]);
                }
            }
            for (int y = y0; y < y1; y++) {
                const float *a = across.data() + (size_t)(y - y0 + r) * w;
                float *o = out.data() + ((size_t)c * h + y) * w, sum[BLOCK];
                for (int x0 = 0; x0 < w; x0 += block) {
                    const int count = std::min(w, x0 + block) - x0, reach = spread.at(y, x0 + 0.5 * (block - 1), k);
                    for (int x = 0; x < count; x++) sum[x] = k[0] * a[x0 + x];
                    for (int i = 1; i <= reach; i++) {
                        const float *up = a + x0 - (ptrdiff_t)i * w, *down = a + x0 + (ptrdiff_t)i * w;
                        for (int x = 0; x < count; x++) sum[x] += k[i] * (up[x] + down[x]);
                    }
                    if (keep == 0)
                        for (int x = 0; x < count; x++) o[x0 + x] = share * sum[x];
                    else
                        for (int x = 0; x < count; x++) o[x0 + x] = keep * o[x0 + x] + share * sum[x];
                }
            }
        }
    });
}

// Means of the planes over a grid of cells inside box (top, left, bottom, right).
void cells(In<float, 3> planes, In<int64_t, 1> box, Out<double, 3> out) {
    const int n = planes.shape(0), h = planes.shape(1), w = planes.shape(2), gh = out.shape(1), gw = out.shape(2);
    need(box.size() == 4 && (int)out.shape(0) == n, "box has four values, out as many planes");
    const int64_t *b = box.data();
    need(b[0] >= 0 && b[1] >= 0 && b[2] <= h && b[3] <= w && b[2] - b[0] >= gh && b[3] - b[1] >= gw, "box has too few pixels");
    auto edge = [](int64_t from, int64_t to, int i, int count) { return from + (to - from) * i / count; };
    parallel_rows(gh, 1, [&](int j, int) {
        const int64_t top = edge(b[0], b[2], j, gh), low = edge(b[0], b[2], j + 1, gh);
        for (int c = 0; c < n; c++)
            for (int i = 0; i < gw; i++) {
                const int64_t left = edge(b[1], b[3], i, gw), right = edge(b[1], b[3], i + 1, gw);
                double sum = 0;
                for (int64_t y = top; y < low; y++) {
                    const float *p = planes.data() + ((size_t)c * h + y) * w;
                    for (int64_t x = left; x < right; x++) sum += p[x];
                }
                out.data()[((size_t)c * gh + j) * gw + i] = sum / (double)((low - top) * (right - left));
            }
    });
}

// light = keep * light + map, bilinear between the cells of the map: one colour per pixel, its plane by the cell of the
// mosaic, or three in a row (cell empty).
void veil(In<float, 3> map, In<uint8_t, 2> cell, float keep, Out<float, 3> light) {
    const int h = light.shape(0), w = light.shape(1), channels = light.shape(2), gh = map.shape(1), gw = map.shape(2);
    const int down = cell.shape(0), right = cell.shape(1);
    need(gh >= 2 && gw >= 2 && (channels == 1 ? cell.size() > 0 : (int)map.shape(0) == channels), "map needs 2 x 2 cells a plane");
    for (size_t i = 0; i < cell.size(); i++) need(cell.data()[i] < map.shape(0), "cell names a plane that is not there");
    parallel_rows(h, 32, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++) {
            const float at = ((float)y + 0.5f) / (float)h * (float)gh - 0.5f, v = at > 0 ? at : 0;
            const int j = std::min((int)v, gh - 2);
            const float fv = std::min(v - (float)j, 1.0f);
            for (int x = 0; x < w; x++) {
                const float to = ((float)x + 0.5f) / (float)w * (float)gw - 0.5f, u = to > 0 ? to : 0;
                const int i = std::min((int)u, gw - 2);
                const float fu = std::min(u - (float)i, 1.0f);
                float *o = light.data() + ((size_t)y * w + x) * channels;
                for (int c = 0; c < channels; c++) {
                    const int plane = channels == 1 ? cell.data()[(y % down) * right + x % right] : c;
                    const float *a = map.data() + ((size_t)plane * gh + j) * gw + i, *b = a + gw;
                    const float top = a[0] + fu * (a[1] - a[0]), low = b[0] + fu * (b[1] - b[0]);
                    o[c] = keep * o[c] + top + fv * (low - top);
                }
            }
        }
    });
}

}  // namespace

KERNEL("optics", optics, "scene"_a, "matrix"_a, "taps"_a, "radius"_a, "place"_a, "block"_a, "keep"_a, "share"_a, "out"_a)
KERNEL("cells", cells, "planes"_a, "box"_a, "out"_a)
KERNEL("veil", veil, "map"_a, "cell"_a, "keep"_a, "light"_a)
