// SPDX-License-Identifier: Apache-2.0
// Things that move on their own: where the blocks that the background's flow leaves unexplained went.
// The idea stands in combine/objects.py.
#include "align.h"

namespace {

// The unexplained blocks in and around a tile, and what the background leaves of them.
struct Lost {
    int side, count = 0;
    int y[36], x[36];
    float left[36];
    Lost(int j, int i, In<float, 2> &rest, int side) : side(side) {
        const int hb = rest.shape(0), wb = rest.shape(1);
        for (int v = std::max(0, BLOCKS * j - 1); v < std::min(hb, BLOCKS * j + BLOCKS + 1); v++)
            for (int u = std::max(0, BLOCKS * i - 1); u < std::min(wb, BLOCKS * i + BLOCKS + 1); u++)
                if (rest.data()[(size_t)v * wb + u] > 0) {
                    y[count] = v * side;
                    x[count] = u * side;
                    left[count++] = rest.data()[(size_t)v * wb + u];
                }
    }
};

// Squared difference of a block of ref to img at (+dy, +dx); infinite outside.
float block(const float *ref, const float *img, int h, int w, int y, int x, int side, float dy, float dx) {
    const float py = y + dy, px = x + dx;
    if (!(inside(py, px, h, w) && inside(py + side - 1, px + side - 1, h, w)) || y + side > h || x + side > w) return INFINITY;
    const int j = (int)py, i = (int)px;
    const float fy = py - j, fx = px - i;
    const float w00 = (1 - fy) * (1 - fx), w01 = (1 - fy) * fx, w10 = fy * (1 - fx), w11 = fy * fx;
    float s[4] = {};
    for (int r = 0; r < side; r++) {
        const float *p = ref + (size_t)(y + r) * w + x, *q = img + (size_t)(j + r) * w + i;
        for (int c = 0; c < side; c += 4)
            for (int l = c; l < std::min(side, c + 4); l++) {
                const float e = w00 * q[l] + w01 * q[l + 1] + w10 * q[l + w] + w11 * q[l + w + 1] - p[l];
                s[l - c] += e * e;
            }
    }
    return (s[0] + s[1]) + (s[2] + s[3]);
}

// How well a shift explains the blocks, 0 ... 1: every block counts with the square of the share of its residue that goes
// away, so that one motion which explains half of the blocks is better than one that explains half of every block.
float score(const float *ref, const float *img, int h, int w, const Lost &lost, float dy, float dx) {
    float s = 0, total = 0;
    for (int k = 0; k < lost.count; k++) {
        const float e = block(ref, img, h, w, lost.y[k], lost.x[k], lost.side, dy, dx), weight = __builtin_sqrtf(lost.left[k]);
        const float f = e < lost.left[k] ? 1 - e / lost.left[k] : 0;
        s += weight * f * f;
        total += weight;
    }
    return total > 0 ? s / total : 0;
}

// The best of the candidates (n, c, 2) for the tiles (n, 2), whole-pixel steps within +-radius of each included; NaN is
// none.  rest: what the background leaves of every block, 0 where it explains it.
void choose(In<float, 2> ref, In<float, 2> img, In<int32_t, 2> tiles, In<float, 2> rest, int side,
            In<float, 3> candidates, int radius, Out<float, 2> best, Out<float, 1> share) {
    const int h = ref.shape(0), w = ref.shape(1), n = tiles.shape(0), many = candidates.shape(1);
    need((side == 2 || side == 4 || side == 8) && (int)candidates.shape(0) == n && (int)best.shape(0) == n && (int)share.shape(0) == n, "shapes differ");
    parallel(n, [&](int t) {
        Lost lost(tiles.data()[2 * t], tiles.data()[2 * t + 1], rest, side);
        float top = -1, by = NAN, bx = NAN;
        for (int k = 0; k < lost.count; k++) lost.left[k] *= side * side / 16.0f;  // rest is of 4 x 4 pixels
        for (int c = 0; c < many; c++) {
            const float *p = candidates.data() + 2 * ((size_t)t * many + c);
            if (!(p[0] == p[0])) continue;
            for (int dy = -radius; dy <= radius; dy++)
                for (int dx = -radius; dx <= radius; dx++) {
                    const float g = score(ref.data(), img.data(), h, w, lost, p[0] + dy, p[1] + dx);
                    if (g > top) top = g, by = p[0] + dy, bx = p[1] + dx;
                }
        }
        best.data()[2 * t] = by;
        best.data()[2 * t + 1] = bx;
        share.data()[t] = top;
    });
}

// Lucas-Kanade on the unexplained blocks alone: pixels of the background among them, and what is hidden, differ by more than
// the others and weigh little (Geman-McClure; the scale follows the residual down to `floor`).  shift (n, 2) in and out;
// evidence (n, 5) as in align_tiles.
void follow(In<float, 2> ref, In<float, 2> img, In<int32_t, 2> tiles, In<float, 2> rest, int side,
            In<float, 1> how, int rounds, Out<float, 2> shift, Out<float, 2> evidence) {
    const int h = ref.shape(0), w = ref.shape(1), n = tiles.shape(0);
    need((side == 4 || side == 8) && how.shape(0) == 2, "side 4 or 8, how (floor, share)");
    const float floor = how.data()[0], share = how.data()[1];
    need((int)shift.shape(0) == n && (int)evidence.shape(0) == n && evidence.shape(1) == 5, "shapes differ");
    parallel(n, [&](int t) {
        const Lost lost(tiles.data()[2 * t], tiles.data()[2 * t + 1], rest, side);
        float dy = shift.data()[2 * t], dx = shift.data()[2 * t + 1];
        float *v = evidence.data() + 5 * t;
        std::fill(v, v + 5, 0.0f);
        if (!(dy == dy)) return;
        std::vector<float> left;
        for (int round = 0; round <= rounds; round++) {
            left.clear();
            for (int k = 0; k < lost.count; k++) {
                const float e = block(ref.data(), img.data(), h, w, lost.y[k], lost.x[k], side, dy, dx);
                if (e < INFINITY) left.push_back(e / (side * side));
            }
            if (left.empty()) return;
            std::nth_element(left.begin(), left.begin() + left.size() / 3, left.end());
            const float s2 = std::max(2 * left[left.size() / 3], floor) * 3;
            float yy = 0, xy = 0, xx = 0, ey = 0, ex = 0, ee = 0, total = 0;
            for (int k = 0; k < lost.count; k++)
                for (int r = 0; r < side; r++) {
                    const int y = lost.y[k] + r;
                    if (y < 1 || y >= h - 1) continue;
                    for (int c = 0; c < side; c++) {
                        const int x = lost.x[k] + c;
                        if (x < 1 || x >= w - 1 || !inside(y + dy, x + dx, h, w)) continue;
                        const float *p = ref.data() + (size_t)y * w + x;
                        const float e = read(img.data(), w, y + dy, x + dx) - p[0];
                        const float gx = 0.5f * (p[1] - p[-1]), gy = 0.5f * (p[w] - p[-w]);
                        const float f = s2 / (s2 + e * e), m = f * f;
                        yy += m * gy * gy, xy += m * gx * gy, xx += m * gx * gx;
                        ey += m * gy * e, ex += m * gx * e, ee += m * e * e, total += m;
                    }
                }
            if (!(total > 0)) return;
            const float scale = 1 / (share * std::max(ee / total, floor));
            v[0] = yy * scale, v[1] = xy * scale, v[2] = xx * scale;
            v[3] = v[0] * dy + v[1] * dx - ey * scale, v[4] = v[1] * dy + v[2] * dx - ex * scale;
            if (round == rounds) return;
            const float a = v[0] + 1, c = v[2] + 1, det = a * c - v[1] * v[1];  // a start is worth one pixel
            if (!(det > 0)) return;
            const float sy = (c * ey - v[1] * ex) * scale / det, sx = (a * ex - v[1] * ey) * scale / det;
            dy -= sy > 1 ? 1 : sy < -1 ? -1 : sy;
            dx -= sx > 1 ? 1 : sx < -1 ? -1 : sx;
            shift.data()[2 * t] = dy;
            shift.data()[2 * t + 1] = dx;
        }
    });
}

// How many of the unexplained blocks in and around each tile a shift explains: the residual is below `limit` times what
// noise and slack explain.
void explains(In<float, 2> ref, In<float, 2> img, In<int32_t, 2> tiles, In<float, 2> rest, In<float, 2> explained, float limit,
              In<float, 2> shift, Out<int32_t, 2> counts) {
    const int h = ref.shape(0), w = ref.shape(1), n = tiles.shape(0), wb = rest.shape(1);
    need((int)shift.shape(0) == n && (int)counts.shape(0) == n && counts.shape(1) == 2, "shapes differ");
    parallel(n, [&](int t) {
        const Lost lost(tiles.data()[2 * t], tiles.data()[2 * t + 1], rest, 4);
        int good = 0;
        for (int k = 0; k < lost.count; k++) {
            const float e = block(ref.data(), img.data(), h, w, lost.y[k], lost.x[k], 4, shift.data()[2 * t], shift.data()[2 * t + 1]);
            good += e < limit * explained.data()[(size_t)(lost.y[k] / 4) * wb + lost.x[k] / 4] && e < 0.5f * lost.left[k];
        }
        counts.data()[2 * t] = good;
        counts.data()[2 * t + 1] = lost.count;
    });
}

}  // namespace

KERNEL("objects_choose", choose, "reference"_a, "image"_a, "tiles"_a, "rest"_a, "side"_a, "candidates"_a, "radius"_a, "best"_a, "share"_a)
KERNEL("objects_follow", follow, "reference"_a, "image"_a, "tiles"_a, "rest"_a, "side"_a, "how"_a, "rounds"_a,
       "shift"_a, "evidence"_a)
KERNEL("objects_explains", explains, "reference"_a, "image"_a, "tiles"_a, "rest"_a, "explained"_a, "limit"_a, "shift"_a,
       "counts"_a)
