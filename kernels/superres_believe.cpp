// SPDX-License-Identifier: Apache-2.0
// Superres: how far what a frame measured is believed, from how much it differs from what the picture says.  The idea and
// the formulas stand in combine/refine.py.
#include "superres.h"

namespace {

constexpr float BROADLY = 4.0f;  // largest doubt in broad means, so that a single edge does not speak for its surroundings

inline float fall(float v, float from, float to) {
    const float t = (to - v) / (to - from);
    return t < 0 ? 0.0f : t > 1 ? 1.0f : t;
}

// Means over 3 x 3 and 9 x 9 cells of a map of doubts, cut off at its borders.
struct Means {
    std::vector<float> three, nine, m3, m9, cells3, cells9;
    int h, w, top;
    Means(const float *doubt, int h, int w, int top, int end)
        : three((size_t)(end - top) * w), nine((size_t)(end - top) * w), m3(w), m9(w), cells3(w), cells9(w), h(h), w(w), top(top) {
        std::vector<float> mild(w + 8), strong(w + 8);
        for (int x = 0; x < w; x++) {
            cells3[x] = (float)(std::min(w, x + 2) - std::max(0, x - 1));
            cells9[x] = (float)(std::min(w, x + 5) - std::max(0, x - 4));
        }
        for (int y = top; y < end; y++) {
            const float *d = doubt + (size_t)y * w;
            float *p = &strong[4], *q = &mild[4];
            for (int x = 0; x < w; x++) {
                const float v = d[x] == BAD ? 1.0f : d[x];
                p[x] = v;
                q[x] = v < BROADLY ? v : BROADLY;
            }
            float *s3 = &three[(size_t)(y - top) * w], *s9 = &nine[(size_t)(y - top) * w];
            for (int x = 0; x < w; x++) {
                s3[x] = (p[x - 1] + p[x + 1]) + p[x];
                s9[x] = (((q[x - 4] + q[x + 4]) + (q[x - 3] + q[x + 3])) + ((q[x - 2] + q[x + 2]) + (q[x - 1] + q[x + 1]))) + q[x];
            }
        }
    }
    void at(int y) {  // fills m3 and m9 for a row
        mean(three, std::max(0, y - 1), std::min(h, y + 2), cells3, m3);
        mean(nine, std::max(0, y - 4), std::min(h, y + 5), cells9, m9);
    }

  private:
    void mean(const std::vector<float> &sums, int from, int to, const std::vector<float> &cells, std::vector<float> &out) {
        float *o = out.data();
        const float *n = cells.data(), rows = (float)(to - from);
        for (int x = 0; x < w; x++) o[x] = 0;
        for (int r = from; r < to; r++) {
            const float *s = &sums[(size_t)(r - top) * w];
            for (int x = 0; x < w; x++) o[x] += s[x];
        }
        for (int x = 0; x < w; x++) o[x] /= n[x] * rows;
    }
};

// Weight of every cell from the doubts around it: limits are fine0, fine1 (means over 3 x 3), broad0, broad1 (9 x 9); then
// the least of 3 x 3.  NaN is not believed.  `before`, if not empty, are doubts that were there before: the limits are then
// those of what was added to them.
void believe(In<float, 2> doubt, In<float, 2> before, In<float, 1> limits, Out<float, 2> weight) {
    const int h = doubt.shape(0), w = doubt.shape(1);
    need(weight.shape(0) == doubt.shape(0) && weight.shape(1) == doubt.shape(1), "weight must have the shape of doubt");
    need(before.size() == 0 || (before.shape(0) == doubt.shape(0) && before.shape(1) == doubt.shape(1)),
         "before must have the shape of doubt");
    need(limits.shape(0) == 4, "limits must be four numbers");
    const float *l = limits.data();
    parallel_rows(h, 64, [&](int ya, int yb) {
        const int a = std::max(0, ya - 1), b = std::min(h, yb + 1), top = std::max(0, a - 4), end = std::min(h, b + 4);
        std::vector<float> own((size_t)(b - a) * w), low(w + 2, 1.0f);
        Means now(doubt.data(), h, w, top, end);
        std::unique_ptr<Means> old;
        if (before.size()) old = std::make_unique<Means>(before.data(), h, w, top, end);
        for (int y = a; y < b; y++) {
            now.at(y);
            float *m3 = now.m3.data(), *m9 = now.m9.data(), *o = &own[(size_t)(y - a) * w];
            if (old) {
                old->at(y);
                for (int x = 0; x < w; x++) m3[x] -= old->m3[x], m9[x] -= old->m9[x];
            }
            const float *d = doubt.data() + (size_t)y * w;
            for (int x = 0; x < w; x++) {
                const float v = fall(m3[x], l[0], l[1]) * fall(m9[x], l[2], l[3]);
                o[x] = d[x] == BAD || !(v > 0) ? 0.0f : v;
            }
        }
        for (int y = ya; y < yb; y++) {
            const float *o = &own[(size_t)(y - a) * w], *up = y > a ? o - w : o, *down = y + 1 < b ? o + w : o;
            for (int x = 0; x < w; x++) low[x + 1] = std::min(o[x], std::min(up[x], down[x]));
            float *out = weight.data() + (size_t)y * w;
            for (int x = 0; x < w; x++) out[x] = std::min(low[x + 1], std::min(low[x], low[x + 2]));
        }
    });
}

}  // namespace

KERNEL("superres_believe", believe, "doubt"_a, "before"_a, "limits"_a, "weight"_a)
