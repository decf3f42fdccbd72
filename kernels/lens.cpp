// SPDX-License-Identifier: Apache-2.0
// Resampling along a radial table per plane (Catmull-Rom), and radial gain.
#include "kernel.h"

namespace {
constexpr int N = 256;

// Four floats at once: a pixel and the first colour of the next, which is thrown away.  Wide gathers are slower.
#if defined(__GNUC__)
typedef float Four __attribute__((vector_size(16)));
inline Four scaled(float s, Four v) { return s * v; }
inline Four sum(Four a, Four b) { return a + b; }
inline Four lower(Four a, Four b) { return a < b ? a : b; }
#else
struct Four {
    float lane[4];
    float operator[](int i) const { return lane[i]; }
};
inline Four scaled(float s, Four v) { return {{s * v[0], s * v[1], s * v[2], s * v[3]}}; }
inline Four sum(Four a, Four b) { return {{a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]}}; }
inline Four lower(Four a, Four b) {
    for (int k = 0; k < 4; k++) a.lane[k] = a[k] < b[k] ? a[k] : b[k];
    return a;
}
#endif

// A strip of a row: four positions and Catmull-Rom weights along each axis, as offsets into the picture.
struct Strip {
    int column[4][N], row[4][N];
    float across[4][N], down[4][N];
};

inline float radial(const float *table, int n, float r) {
    float at = r * (float)(n - 1);
    at = at < (float)(n - 1) ? at : (float)(n - 1);
    int i = (int)at;
    i = i < n - 2 ? i : n - 2;
    return table[i] + (at - (float)i) * (table[i + 1] - table[i]);
}

// Positions v (beyond the edge lies the edge) as taps: offsets are position · stride.
inline void taps(float v, int size, int stride, int x, int (*offset)[N], float (*weight)[N]) {
    float last = (float)(size - 1);
    v = v > 0.0f ? (v < last ? v : last) : 0.0f;
    int i = (int)v;
    i = i < size - 2 ? i : size - 2;
    i = i > 0 ? i : 0;
    float t = v - (float)i;
    for (int k = 0; k < 4; k++) {
        int at = i + k - 1;
        at = at > 0 ? at : 0;
        offset[k][x] = (at < size - 1 ? at : size - 1) * stride;
    }
    weight[0][x] = t * (-0.5f + t * (1.0f - 0.5f * t));
    weight[1][x] = 1.0f + t * t * (-2.5f + 1.5f * t);
    weight[2][x] = t * (0.5f + t * (2.0f - 1.5f * t));
    weight[3][x] = t * t * (-0.5f + 0.5f * t);
}
// The pixel `end` is the last of all and has no neighbour.
template <bool LAST> inline Four pixel(const float *rgb, int at, int end) {
    Four made;
    if (LAST && at == end) {
        const float v[4] = {rgb[at], rgb[at + 1], rgb[at + 2], 0.0f};
        std::memcpy(&made, v, 16);
    } else {
        std::memcpy(&made, rgb + at, 16);
    }
    return made;
}

template <bool LAST>
void sample(const Strip &s, const float *rgb, int end, int count, int first, int last, float *to) {
    for (int x = 0; x < count; x++) {
        const int c0 = s.column[0][x], c1 = s.column[1][x], c2 = s.column[2][x], c3 = s.column[3][x];
        const float a0 = s.across[0][x], a1 = s.across[1][x], a2 = s.across[2][x], a3 = s.across[3][x];
        Four v{}, least{};
        for (int j = 0; j < 4; j++) {
            const int row = s.row[j][x];
            Four p1 = pixel<LAST>(rgb, row + c1, end), p2 = pixel<LAST>(rgb, row + c2, end);
            Four outer = sum(scaled(a0, pixel<LAST>(rgb, row + c0, end)), scaled(a3, pixel<LAST>(rgb, row + c3, end)));
            v = sum(v, scaled(s.down[j][x], sum(outer, sum(scaled(a1, p1), scaled(a2, p2)))));
            if (j == 1) least = lower(p1, p2);
            if (j == 2) least = lower(least, lower(p1, p2));
        }
        // beside a lamp the negative lobes of the kernel must not dig a black ring
        for (int k = first; k <= last; k++) {
            float floor = 0.5f * least[k];
            to[3 * x + k] = floor > 0.0f && v[k] < floor ? floor : v[k];
        }
    }
}
}  // namespace

// out(y, x)[c] = rgb at centre + size · (f_c(r) · d + tangential_c), d = ((x, y) - centre) / size, r = |d|, 0 … 1
static void lens_warp(In<float, 3> rgb, In<float, 2> tables, In<float, 2> tangential, float cy, float cx, float size,
                      Out<float, 3> out) {
    need(rgb.shape(2) == 3 && tables.shape(1) >= 2 && tables.shape(0) == tangential.shape(0) && tangential.shape(1) == 2,
         "lens_warp: rgb is h w 3, tables planes n, tangential planes 2");
    need(tables.shape(0) == 1 || tables.shape(0) == 3, "lens_warp: 1 or 3 planes of coefficients");
    need(rgb.shape(0) == out.shape(0) && rgb.shape(1) == out.shape(1) && out.shape(2) == 3, "lens_warp: out is like rgb");
    need(rgb.size() < (size_t)1 << 31, "lens_warp: at most 2^31 values");
    const int h = (int)rgb.shape(0), w = (int)rgb.shape(1), n = (int)tables.shape(1), sets = (int)tables.shape(0);
    const float inverse = 1.0f / size;
    parallel_rows(h, 16, [&](int y0, int y1) {
        auto owned = std::make_unique<Strip>();
        Strip &s = *owned;
        for (int y = y0; y < y1; y++)
            for (int x0 = 0; x0 < w; x0 += N) {
                const int count = std::min(N, w - x0);
                const float dy = ((float)y - cy) * inverse;
                float *to = out.data() + 3 * ((size_t)y * w + x0);
                for (int c = 0; c < 3; c++) {
                    if (c < sets) {
                        const float *table = tables.data() + (size_t)c * n;
                        const float t0 = tangential.data()[2 * c], t1 = tangential.data()[2 * c + 1];
                        for (int x = 0; x < count; x++) {
                            float dx = ((float)(x0 + x) - cx) * inverse, r2 = dx * dx + dy * dy;
                            float f = radial(table, n, std::sqrt(r2));
                            float sx = cx + size * (f * dx + t0 * 2.0f * dx * dy + t1 * (r2 + 2.0f * dx * dx));
                            float sy = cy + size * (f * dy + t1 * 2.0f * dx * dy + t0 * (r2 + 2.0f * dy * dy));
                            taps(sx, w, 3, x, s.column, s.across);
                            taps(sy, h, 3 * w, x, s.row, s.down);
                        }
                    }
                    if (sets == 1 && c > 0) continue;  // all three were read at once
                    int lowest = 0;
                    for (int x = 0; x < count; x++) lowest = s.row[3][x] > lowest ? s.row[3][x] : lowest;
                    const int first = sets == 1 ? 0 : c, last = sets == 1 ? 2 : c;
                    if (lowest < 3 * w * (h - 1)) sample<false>(s, rgb.data(), 0, count, first, last, to);
                    else sample<true>(s, rgb.data(), 3 * w * h - 3, count, first, last, to);
                }
            }
    });
}
KERNEL("lens_warp", lens_warp, "rgb"_a, "tables"_a, "tangential"_a, "cy"_a, "cx"_a, "size"_a, "out"_a)

// out = image · table(r), any number of planes
static void lens_gain(In<float, 3> image, In<float, 1> table, float cy, float cx, float size, Out<float, 3> out) {
    need(image.size() == out.size() && table.size() >= 2, "lens_gain: out is like image, the table has 2 or more values");
    const int h = (int)image.shape(0), w = (int)image.shape(1), planes = (int)image.shape(2);
    const float inverse = 1.0f / size;
    parallel_rows(h, 16, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++)
            for (int x = 0; x < w; x++) {
                float dx = ((float)x - cx) * inverse, dy = ((float)y - cy) * inverse;
                float gain = radial(table.data(), (int)table.size(), std::sqrt(dx * dx + dy * dy));
                size_t at = (size_t)planes * ((size_t)y * w + x);
                for (int c = 0; c < planes; c++) out.data()[at + c] = image.data()[at + c] * gain;
            }
    });
}
KERNEL("lens_gain", lens_gain, "image"_a, "table"_a, "cy"_a, "cx"_a, "size"_a, "out"_a)

// out = rgb · map, the GainMap of a DNG: bilinear at ((y + ½) / h - origin) / spacing, on the planes and rows of its area
static void lens_map(In<float, 3> rgb, In<float, 3> map, In<int64_t, 1> area, In<double, 1> place, Out<float, 3> out) {
    need(rgb.shape(2) == 3 && rgb.size() == out.size() && area.size() == 8 && place.size() == 4 && map.size() > 0,
         "lens_map: rgb and out are h w 3, area has 8 values, place 4");
    const int h = (int)rgb.shape(0), w = (int)rgb.shape(1);
    const int mh = (int)map.shape(0), mw = (int)map.shape(1), mp = (int)map.shape(2);
    const int64_t *a = area.data();  // top, left, bottom, right, plane, planes, row pitch, column pitch
    const double *q = place.data();  // spacing (v, h), origin (v, h)
    auto position = [](int i, int n, double spacing, double origin, int nodes) {
        double at = nodes > 1 ? (((double)i + 0.5) / n - origin) / spacing : 0.0;
        return (float)(at > 0.0 ? (at < nodes - 1 ? at : nodes - 1.0) : 0.0);
    };
    parallel_rows(h, 32, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++) {
            const float *in = rgb.data() + (size_t)3 * w * y;
            float *to = out.data() + (size_t)3 * w * y;
            std::copy(in, in + (size_t)3 * w, to);
            if (y < a[0] || y >= a[2] || (y - a[0]) % a[6] != 0) continue;
            float v = position(y, h, q[0], q[2], mh);
            int j = std::max(std::min((int)v, mh - 2), 0), j1 = std::min(j + 1, mh - 1);
            float t = v - (float)j;
            for (int x = (int)a[1]; x < std::min<int64_t>(w, a[3]); x += (int)a[7]) {
                float u = position(x, w, q[1], q[3], mw);
                int i = std::max(std::min((int)u, mw - 2), 0), i1 = std::min(i + 1, mw - 1);
                float s = u - (float)i;
                for (int c = (int)a[4]; c < std::min<int64_t>(3, a[4] + a[5]); c++) {
                    int p = std::min(c - (int)a[4], mp - 1);
                    auto at = [&](int jj, int ii) { return map.data()[((size_t)jj * mw + ii) * mp + p]; };
                    float above = at(j, i) + s * (at(j, i1) - at(j, i)), below = at(j1, i) + s * (at(j1, i1) - at(j1, i));
                    to[3 * x + c] = in[3 * x + c] * (above + t * (below - above));
                }
            }
        }
    });
}
KERNEL("lens_map", lens_map, "rgb"_a, "map"_a, "area"_a, "place"_a, "out"_a)
