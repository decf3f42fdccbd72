// SPDX-License-Identifier: Apache-2.0
// The laboratory's dead leaves, drawn through any perspective; see quality/leaves.py.
#include "kernel.h"

namespace {

constexpr int BAND = 8;  // rows of pixels painted together

struct Rows {  // sample rows a disk touches
    int top, end;
};

// Bounds of a disk in samples: those of the square around it, whose picture is a convex quadrilateral.
Rows rows_of(const float *d, const double *m, double y0, int s, int total) {
    double low = 1e18, high = -1e18;
    for (int k = 0; k < 4; k++) {
        const double v = d[0] + (k & 1 ? d[2] : -d[2]), u = d[1] + (k & 2 ? d[2] : -d[2]);
        const double y = (m[0] * v + m[1] * u + m[2]) / (m[6] * v + m[7] * u + m[8]);
        low = std::min(low, y), high = std::max(high, y);
    }
    low = (low - y0 + 0.5) * s - 1.0, high = (high - y0 + 0.5) * s + 1.0;
    if (!(low < total) || !(high > 0)) return {0, 0};
    return {(int)std::max(0.0, low), (int)std::min((double)total, high + 1.0)};
}

// The samples first ... last of a row that lie in a disk, from the roots of a quadratic in x.
bool span(const float *d, const double *row, int w, int &first, int &last) {
    const double p = row[0] - d[0] * row[4], q = row[1] - d[0] * row[5];  // v - v0 = (p x + q) / (cx + d)
    const double f = row[2] - d[1] * row[4], g = row[3] - d[1] * row[5], r2 = (double)d[2] * d[2];
    const double a = p * p + f * f - r2 * row[4] * row[4], b = p * q + f * g - r2 * row[4] * row[5];
    const double c = q * q + g * g - r2 * row[5] * row[5], in = b * b - a * c;
    if (!(in >= 0) || !(a > 0)) return false;
    const double root = std::sqrt(in), x0 = (-b - root) / a, x1 = (-b + root) / a;
    if (!(x1 >= 0) || !(x0 <= w - 1)) return false;
    first = x0 <= 0 ? 0 : (int)x0 + ((double)(int)x0 < x0);
    last = x1 >= w - 1 ? w - 1 : (int)x1;
    return first <= last;
}

// disks (n, 3): v, u, radius, front ones first; light (n, planes); forth: chart -> pixel, back: pixel -> chart, 3 x 3;
// origin: pixel (y, x) of out[., 0, 0]; every pixel is the mean of samples^2 places; `ground` where no disk is.
void deadleaves(In<float, 2> disks, In<float, 2> light, In<double, 2> forth, In<double, 2> back, In<double, 1> origin, int samples,
                In<float, 1> ground, Out<float, 3> out) {
    const int n = disks.shape(0), planes = out.shape(0), h = out.shape(1), w = out.shape(2), s = samples, wide = w * s;
    need(disks.shape(1) == 3 && (int)light.shape(0) == n && (int)light.shape(1) == planes, "disks must be (n, 3), light (n, planes)");
    need(forth.size() == 9 && back.size() == 9 && origin.size() == 2 && (int)ground.size() == planes && s >= 1 && s <= 64,
         "maps must be 3 x 3, samples 1 ... 64");
    const double *m = back.data(), y0 = origin.data()[0], x0 = origin.data()[1];
    const int bands = (h + BAND - 1) / BAND, deep = BAND * s;
    std::vector<Rows> rows(n);
    parallel_rows(n, 65536, [&](int i0, int i1) {
        for (int i = i0; i < i1; i++) rows[i] = rows_of(disks.data() + 3 * (size_t)i, forth.data(), y0, s, h * s);
    });
    std::vector<size_t> start(bands + 1, 0);  // disks of every band, in their order
    for (int i = 0; i < n; i++)
        for (int b = rows[i].top / deep; b * deep < rows[i].end; b++) start[b + 1]++;
    for (int b = 0; b < bands; b++) start[b + 1] += start[b];
    std::vector<int> listed(start[bands]);
    std::vector<size_t> at(start.begin(), start.end() - 1);
    for (int i = 0; i < n; i++)
        for (int b = rows[i].top / deep; b * deep < rows[i].end; b++) listed[at[b]++] = i;
    parallel(bands, [&](int band) {
        const int top = band * deep, end = std::min(h * s, top + deep);
        std::vector<int> next((size_t)(end - top) * (wide + 1)), who((size_t)(end - top) * wide, -1);
        std::vector<double> map((size_t)(end - top) * 6);
        for (int j = 0; j < end - top; j++) {  // chart position of sample x in row j: (m0 x + m1, m2 x + m3) / (m4 x + m5)
            const double y = y0 - 0.5 + (top + j + 0.5) / s, first = x0 - 0.5 + 0.5 / s;
            for (int k = 0; k < 3; k++) {
                map[6 * j + 2 * k] = m[3 * k + 1] / s;
                map[6 * j + 2 * k + 1] = m[3 * k] * y + m[3 * k + 1] * first + m[3 * k + 2];
            }
            for (int x = 0; x <= wide; x++) next[(size_t)j * (wide + 1) + x] = x;
        }
        size_t empty = (size_t)(end - top) * wide;
        for (size_t l = start[band]; l < start[band + 1] && empty; l++) {
            const int i = listed[l];
            const float *d = disks.data() + 3 * (size_t)i;
            for (int j = std::max(rows[i].top, top) - top; j < std::min(rows[i].end, end) - top; j++) {
                int first, last;
                if (!span(d, map.data() + 6 * j, wide, first, last)) continue;
                int *hop = next.data() + (size_t)j * (wide + 1);
                for (int x = first;;) {
                    while (hop[x] != x) hop[x] = hop[hop[x]], x = hop[x];  // the next empty sample
                    if (x > last) break;
                    who[(size_t)j * wide + x] = i;
                    hop[x] = x + 1;
                    empty--;
                }
            }
        }
        const float share = 1.0f / (float)(s * s);
        for (int c = 0; c < planes; c++)
            for (int y = top / s; y < end / s; y++)
                for (int x = 0; x < w; x++) {
                    float sum = 0;
                    for (int j = 0; j < s; j++)
                        for (int i = 0; i < s; i++) {
                            const int k = who[(size_t)(y * s - top + j) * wide + x * s + i];
                            sum += k < 0 ? ground.data()[c] : light.data()[(size_t)k * planes + c];
                        }
                    out.data()[((size_t)c * h + y) * w + x] = sum * share;
                }
    });
}

}  // namespace

KERNEL("deadleaves", deadleaves, "disks"_a, "light"_a, "forth"_a, "back"_a, "origin"_a, "samples"_a, "ground"_a, "out"_a)
