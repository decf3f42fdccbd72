// SPDX-License-Identifier: Apache-2.0
// Connected parts of a mask; see quality/finding/regions.py.
#include "kernel.h"

namespace {

// label[y, x] = 1, 2, ... of the part that a pixel belongs to, in the order of their first pixels; 0 where mask is 0.
// Pixels are joined when both are set and they share a side, or a corner too where `corners`.  count[0]: how many parts.
void label(In<uint8_t, 2> mask, bool corners, Out<int32_t, 2> out, Out<int32_t, 1> count) {
    const int h = mask.shape(0), w = mask.shape(1);
    need((int)out.shape(0) == h && (int)out.shape(1) == w && count.size() == 1, "out must be as large as mask, count one number");
    std::vector<int32_t> up(1, 0);  // parent of every provisional label
    auto root = [&](int32_t a) {
        while (up[a] != a) up[a] = up[up[a]], a = up[a];
        return a;
    };
    for (int y = 0; y < h; y++) {
        const uint8_t *m = mask.data() + (size_t)y * w;
        int32_t *o = out.data() + (size_t)y * w, *above = o - w;
        for (int x = 0; x < w; x++) {
            o[x] = 0;
            if (!m[x]) continue;
            int32_t mine = 0;
            auto join = [&](int32_t other) {
                if (!other) return;
                other = root(other);
                if (mine && other != mine) {
                    if (other < mine) std::swap(other, mine);
                    up[other] = mine;
                } else {
                    mine = other;
                }
            };
            if (x > 0) join(o[x - 1]);
            if (y > 0) {
                join(above[x]);
                if (corners && x > 0) join(above[x - 1]);
                if (corners && x + 1 < w) join(above[x + 1]);
            }
            if (!mine) {
                mine = (int32_t)up.size();
                up.push_back(mine);
            }
            o[x] = mine;
        }
    }
    int32_t parts = 0;  // a parent is always smaller than its child
    std::vector<int32_t> last(up.size(), 0);
    for (size_t k = 1; k < up.size(); k++) last[k] = up[k] == (int32_t)k ? ++parts : last[up[k]];
    int32_t *o = out.data();
    for (size_t k = 0; k < (size_t)h * w; k++) o[k] = last[o[k]];
    count.data()[0] = parts;
}

// One row a part: pixels, sums of y and x, first and last y and x (top, left, bottom, right), sums of y^2, x^2 and y x.
void parts(In<int32_t, 2> label, Out<double, 2> out) {
    const int h = label.shape(0), w = label.shape(1), n = out.shape(0);
    need(out.shape(1) == 10, "a part has 10 figures");
    for (int k = 0; k < n; k++) {
        double *o = out.data() + 10 * (size_t)k;
        std::fill(o, o + 10, 0.0);
        o[3] = h, o[4] = w, o[5] = o[6] = -1;
    }
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const int32_t k = label.data()[(size_t)y * w + x];
            if (k < 1 || k > n) continue;
            double *o = out.data() + 10 * (size_t)(k - 1);
            o[0] += 1, o[1] += y, o[2] += x;
            o[3] = std::min(o[3], (double)y), o[4] = std::min(o[4], (double)x);
            o[5] = std::max(o[5], (double)y), o[6] = std::max(o[6], (double)x);
            o[7] += (double)y * y, o[8] += (double)x * x, o[9] += (double)y * x;
        }
}

}  // namespace

KERNEL("parts", parts, "label"_a, "out"_a)
KERNEL("label", label, "mask"_a, "corners"_a, "out"_a, "count"_a)
