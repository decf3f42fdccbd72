// SPDX-License-Identifier: Apache-2.0
// Exposed light as a camera profile shows it: gains by place and brightness, LookTable, tone curve.
#include "hsv.h"

// gains[v][h][n] by place and brightness; pixel (y, x) is at start + step * (y, x) of the grid (place: y, then x).
struct Gains {
    const float *cells;
    int rows, columns, points;
    const double *place;
    const float *weights;
    float gamma;

    struct Spot {
        int low, high;
        float t;
    };
    static Spot spot(double at, int n) {
        at = at > 0.0 ? std::min(at, (double)(n - 1)) : 0.0;
        const int low = std::min((int)at, n - 1);
        return {low, std::min(low + 1, n - 1), (float)(at - (double)low)};
    }
    Spot row(int y) const { return spot(place[0] + place[1] * y, rows); }

    float operator()(const float *p, const Spot &v, int x) const {
        const float low = std::min(p[0], std::min(p[1], p[2])), top = std::max(p[0], std::max(p[1], p[2]));
        float in = weights[0] * p[0] + weights[1] * p[1] + weights[2] * p[2] + weights[3] * low + weights[4] * top;
        in = std::min(std::max(in, 0.0f), 1.0f);
        if (gamma != 1.0f) in = pow_(in, gamma);
        const Spot h = spot(place[2] + place[3] * x, columns);
        // as the reference has it: brightness times the number of points, so the last one counts from (n - 1) / n on
        const Spot n = spot((double)(in * (float)points), points);
        auto at = [&](int j, int i) {
            const float *cell = cells + ((size_t)j * columns + i) * points;
            return cell[n.low] + n.t * (cell[n.high] - cell[n.low]);
        };
        const float a = at(v.low, h.low), b = at(v.low, h.high), c = at(v.high, h.low), d = at(v.high, h.high);
        const float above = a + h.t * (b - a), below = c + h.t * (d - c);
        return above + v.t * (below - above);
    }
};

static void rendering(In<float, 3> rgb, In<float, 2> before, In<float, 3> gains, In<double, 1> place,
                      In<float, 1> weights, float gamma, In<float, 4> look, bool look_encoded, In<float, 1> curve,
                      In<float, 2> after, Out<float, 3> out) {
    need(rgb.shape(2) == 3 && out.shape(0) == rgb.shape(0) && out.shape(1) == rgb.shape(1) && out.shape(2) == 3,
         "rendering: rgb and out are h w 3");
    need(before.size() == 9 && after.size() == 9, "rendering: the matrices are 3 3");
    need(gains.size() > 0 && place.size() == 4 && weights.size() == 5, "rendering: gains, 4 of place, 5 weights");
    need(curve.size() >= 2, "rendering: a curve has two points or more");
    const HSVTable table = table_of(look, look_encoded);
    const bool plain = table.idle(), even = gains.size() == 1;
    const Gains local = {gains.data(), (int)gains.shape(0), (int)gains.shape(1), (int)gains.shape(2),
                         place.data(), weights.data(), gamma};
    const size_t w = rgb.shape(1);
    const int steps = (int)curve.size() - 1;
    auto shown = [](float v) { return std::min(std::max(v, 0.0f), 1.0f); };
    auto risen = [&](float v) {
        const float at = v * (float)steps;
        const int i = std::min((int)at, steps - 1);
        return curve.data()[i] + (at - (float)i) * (curve.data()[i + 1] - curve.data()[i]);
    };
    parallel_rows((int)rgb.shape(0), 8, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++) {
            const Gains::Spot v = local.row(y);
            for (size_t x = 0; x < w; x++) {
                const float *in = rgb.data() + 3 * (w * y + x);
                float *to = out.data() + 3 * (w * y + x), p[3];
                product(before.data(), in, p);
                const float sum = std::fabs(p[0]) + std::fabs(p[1]) + std::fabs(p[2]);
                if (!(sum < 3e38f)) {  // NaN and infinity have no place in a table
                    for (int c = 0; c < 3; c++) to[c] = NAN;
                    continue;
                }
                const float gain = even ? local.cells[0] : local(p, v, (int)x);
                for (int c = 0; c < 3; c++) p[c] = shown(p[c] * gain);
                if (!plain) table.apply(p, 1.0f);
                // the curve moves the largest and the smallest; the middle one keeps its place between them
                const float low = std::min(p[0], std::min(p[1], p[2])), top = std::max(p[0], std::max(p[1], p[2]));
                const float foot = risen(low), per = top > low ? (risen(top) - foot) / (top - low) : 0.0f;
                for (int c = 0; c < 3; c++) p[c] = foot + per * (p[c] - low);
                product(after.data(), p, to);
            }
        }
    });
}
KERNEL("rendering", rendering, "rgb"_a, "before"_a, "gains"_a, "place"_a, "weights"_a, "gamma"_a, "look"_a,
       "look_encoded"_a, "curve"_a, "after"_a, "out"_a)
