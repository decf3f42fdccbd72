// SPDX-License-Identifier: Apache-2.0
// The blocks that the background leaves unexplained, and how they differ from where a motion takes them.
#pragma once
#include "align.h"

struct Picture {
    const float *p;
    int h, w;
    explicit Picture(In<float, 2> &a) : p(a.data()), h(a.shape(0)), w(a.shape(1)) {}
};

// The unexplained blocks in and around a tile.  rest: what the background leaves of every block, 0 where it is explained.
struct Lost {
    int side, count = 0;
    int y[36], x[36];
    float v[36], u[36];  // from the centre of the tile to that of the block
    Lost() : side(4) {}
    Lost(int j, int i, In<float, 2> &rest, int side) : side(side) {
        const int hb = rest.shape(0), wb = rest.shape(1);
        for (int b = std::max(0, BLOCKS * j - 1); b < std::min(hb, BLOCKS * j + BLOCKS + 1); b++)
            for (int a = std::max(0, BLOCKS * i - 1); a < std::min(wb, BLOCKS * i + BLOCKS + 1); a++) {
                if (!(rest.data()[(size_t)b * wb + a] > 0)) continue;
                y[count] = b * side, x[count] = a * side;
                v[count] = (b - BLOCKS * j - 1.5f) * side, u[count++] = (a - BLOCKS * i - 1.5f) * side;
            }
    }
    float dy(const float *m, int k) const { return m[0] + m[2] * v[k] + m[3] * u[k]; }
    float dx(const float *m, int k) const { return m[1] + m[4] * v[k] + m[5] * u[k]; }
};

inline lanes4 nowhere() { return lanes4{INFINITY, INFINITY, INFINITY, INFINITY}; }

// Sums of the quarters of a block: of 4 x 4 whose rows come two by two, or of 8 x 8 whose rows are summed four by four.
template <int side> inline lanes4 four(lanes8 above, lanes8 below) {
    if (side == 8)
        return lanes4{(above[0] + above[1]) + (above[2] + above[3]), (above[4] + above[5]) + (above[6] + above[7]),
                      (below[0] + below[1]) + (below[2] + below[3]), (below[4] + below[5]) + (below[6] + below[7])};
    lanes4 a, b, c, d;
    std::memcpy(&a, &above, 16), std::memcpy(&b, reinterpret_cast<const char *>(&above) + 16, 16);
    std::memcpy(&c, &below, 16), std::memcpy(&d, reinterpret_cast<const char *>(&below) + 16, 16);
    a += b, c += d;
#if defined(__clang__) || __GNUC__ >= 12
    return __builtin_shufflevector(a, c, 0, 2, 4, 6) + __builtin_shufflevector(a, c, 1, 3, 5, 7);
#else
    return lanes4{a[0], a[2], c[0], c[2]} + lanes4{a[1], a[3], c[1], c[3]};
#endif
}

// Squared differences of the four quarters of a block of a to b at (+dy, +dx), row by row; infinite outside.
inline lanes4 quarters(const Picture &a, const Picture &b, int y, int x, int side, float dy, float dx) {
    const float py = y + dy, px = x + dx;
    const int w = a.w;
    const bool seen = inside(py, px, a.h, w) && inside(py + side - 1, px + side - 1, a.h, w);
    if (!seen || y + side > a.h || x + side > w) return nowhere();
    const int j = (int)py, i = (int)px;
    const Between at(py - j, px - i);
    const float *p = a.p + (size_t)y * w + x, *q = b.p + (size_t)j * w + i;
    lanes8 s[2] = {};
    if (side == 4) {
        const lanes8 e = at.rows(q, w) - load8(p, p + w), f = at.rows(q + 2 * w, w) - load8(p + 2 * w, p + 3 * w);
        return four<4>(e * e, f * f);
    }
    for (int r = 0; r < 8; r++, p += w, q += w) {
        const lanes8 e = at.run(q, w) - load8(p);
        s[r / 4] += e * e;
    }
    return four<8>(s[0], s[1]);
}

// What a picture shows around a tile, read between its pixels as one shift asks: the same for all shifts by whole pixels.
struct Patch {
    int y0 = 0, x0 = 0, h = 0, w = 0;
    std::vector<float> v;
    Patch(const Picture &b, const Lost &lost, float dy, float dx, int radius) {
        if (!lost.count) return;
        const int jy = (int)std::floor(dy) - radius, jx = (int)std::floor(dx) - radius;
        const int top = *std::min_element(lost.y, lost.y + lost.count) + jy;
        const int left = *std::min_element(lost.x, lost.x + lost.count) + jx;
        const int low = *std::max_element(lost.y, lost.y + lost.count) + jy + lost.side + 2 * radius;
        const int right = *std::max_element(lost.x, lost.x + lost.count) + jx + lost.side + 2 * radius;
        y0 = std::max(0, top), x0 = std::max(0, left);
        h = std::max(0, std::min(low, b.h - 1) - y0), w = std::max(0, std::min(right, b.w - 1) - x0);
        const Between at(dy - std::floor(dy), dx - std::floor(dx));
        v.resize((size_t)h * w + L);
        for (int y = 0; y < h; y++) {
            const float *q = b.p + (size_t)(y0 + y) * b.w + x0;
            float *to = &v[(size_t)y * w];
            for (int x = 0; x < w; x++)
                to[x] = at.w00 * q[x] + at.w01 * q[x + 1] + at.w10 * q[x + b.w] + at.w11 * q[x + b.w + 1];
        }
    }
    // quarters() of a block of 4 x 4 at a shift whose whole pixels are (j, i)
    lanes4 quarters(const Picture &a, int y, int x, int j, int i) const {
        j += y - y0, i += x - x0;
        if (j < 0 || i < 0 || j + 4 > h || i + 4 > w || y + 4 > a.h || x + 4 > a.w) return nowhere();
        const float *p = a.p + (size_t)y * a.w + x, *q = &v[(size_t)j * w + i];
        const lanes8 e = load8(q, q + w) - load8(p, p + a.w);
        const lanes8 f = load8(q + 2 * w, q + 3 * w) - load8(p + 2 * a.w, p + 3 * a.w);
        return four<4>(e * e, f * f);
    }
};
