// SPDX-License-Identifier: Apache-2.0
// Superres: a part of the picture, its columns sorted so that photosites of one colour find theirs side by side.
#pragma once
#include "superres.h"

constexpr int SIDE = 16, LANE = SIDE / 2;  // photosites along a side of a block that shares one shift; pairs of them

// Where a block of photosites lies in the picture: its first photosite, in pixels.
struct Block {
    float y, x, dy, dx;
    bool seen;
};

// P vectors of values in a row: every P-th of them, from the first, second, ... on.
template <int P> inline void every(const lanes8 *v, lanes8 *out);
template <> inline void every<2>(const lanes8 *v, lanes8 *out) {
    out[0] = evens(v[0], v[1]);
    out[1] = odds(v[0], v[1]);
}
template <> inline void every<3>(const lanes8 *v, lanes8 *out) {
#if defined(__AVX__)
    const lanes8 a = MIX8(v[0], v[1], 0, 3, 6, 9, 12, 15, 0, 0), b = MIX8(v[0], v[1], 1, 4, 7, 10, 13, 0, 0, 0),
                 c = MIX8(v[0], v[1], 2, 5, 8, 11, 14, 0, 0, 0);
    out[0] = MIX8(a, v[2], 0, 1, 2, 3, 4, 5, 10, 13);
    out[1] = MIX8(b, v[2], 0, 1, 2, 3, 4, 8, 11, 14);
    out[2] = MIX8(c, v[2], 0, 1, 2, 3, 4, 9, 12, 15);
#else
    lanes4 p[6], o[6];
    std::memcpy(p, v, sizeof p);
    for (int h = 0; h < 2; h++) {
        const lanes4 x = p[3 * h], y = p[3 * h + 1], z = p[3 * h + 2];
        o[h] = MIX4(MIX4(x, y, 0, 3, 6, 6), z, 0, 1, 2, 5);
        o[2 + h] = MIX4(MIX4(x, y, 1, 4, 7, 7), z, 0, 1, 2, 6);
        o[4 + h] = MIX4(MIX4(x, y, 2, 5, 5, 5), z, 0, 1, 4, 7);
    }
    std::memcpy(out, o, sizeof o);
#endif
}
template <> inline void every<4>(const lanes8 *v, lanes8 *out) {
    const lanes8 a = evens(v[0], v[1]), b = odds(v[0], v[1]), c = evens(v[2], v[3]), d = odds(v[2], v[3]);
    out[0] = evens(a, c), out[1] = evens(b, d), out[2] = odds(a, c), out[3] = odds(b, d);
}

// A part of the picture: rows of [colour][column modulo TWICE][column / TWICE], borders repeated.
template <int TWICE> struct Part {
    static constexpr int N = taps<TWICE>(), A = N / 2 - 1;
    int top = 1 << 30, left = 1 << 30, bottom = -(1 << 30), right = -(1 << 30);
    size_t pitch = 0;
    float *cells = nullptr;
    void cover(const Block &b) {
        constexpr float LENGTH = (SIDE - 1) * 0.5f * TWICE;
        top = std::min(top, (int)std::floor(b.y) - A - 1);
        left = std::min(left, (int)std::floor(b.x) - A - 1);
        bottom = std::max(bottom, (int)std::floor(b.y + LENGTH) + N - A + 2);
        right = std::max(right, (int)std::floor(b.x + LENGTH) + N - A + 2);
    }
    const float *at(int c, int y) const { return cells + ((size_t)(y - top) * 3 + c) * TWICE * pitch; }
    void fill(const float *rgb, int H, int W, Scratch &memory) {
        left -= ((left % TWICE) + TWICE) % TWICE;
        pitch = (size_t)((right - left + TWICE - 1) / TWICE + 8);
        cells = memory.get<float>((size_t)(bottom - top) * 3 * TWICE * pitch);
        const int from = clampi((-left + TWICE - 1) / TWICE, 0, (int)pitch), to = clampi((W - left) / TWICE, from, (int)pitch);
        for (int y = top; y < bottom; y++) {
            const float *row = rgb + (size_t)clampi(y, 0, H - 1) * W * 3;
            float *o = const_cast<float *>(at(0, y));
            sorted(row + 3 * ((ptrdiff_t)left + (ptrdiff_t)from * TWICE), to - from, o + from);
            for (int k = from ? 0 : to; k < (int)pitch; k = k + 1 == from ? to : k + 1) {
                for (int f = 0; f < TWICE; f++)
                    for (int c = 0; c < 3; c++)
                        o[(c * TWICE + f) * pitch + k] = row[3 * (size_t)clampi(left + k * TWICE + f, 0, W - 1) + c];
            }
        }
    }

  private:
    void sorted(const float *__restrict p, int n, float *__restrict o) const {
        int k = 0;
        for (; k + 8 <= n; k += 8) {
            const float *q = p + (size_t)3 * TWICE * k;
            lanes8 v[3][TWICE];
            for (int f = 0; f < TWICE; f++) {
                const lanes8 line[3] = {load8(q + 24 * f), load8(q + 24 * f + 8), load8(q + 24 * f + 16)};
                lanes8 one[3];
                every<3>(line, one);
                for (int c = 0; c < 3; c++) v[c][f] = one[c];
            }
            for (int c = 0; c < 3; c++) {
                lanes8 one[TWICE];
                every<TWICE>(v[c], one);
                for (int f = 0; f < TWICE; f++) store8(o + (c * TWICE + f) * pitch + k, one[f]);
            }
        }
        for (; k < n; k++)
            for (int f = 0; f < TWICE; f++)
                for (int c = 0; c < 3; c++) o[(c * TWICE + f) * pitch + k] = p[3 * (k * TWICE + f) + c];
    }
};
