// SPDX-License-Identifier: Apache-2.0
// Alignment, first half: the motion of the whole picture.  The idea stands in combine/align.py.
// Sums run in a fixed order (rows in bands, bands one after the other).
#include <array>

#include "align.h"

namespace {

constexpr float FAR = 10.0f;      // times the usual residual
constexpr float TEXTURED = 8.0f;  // times the gradient energy of noise

// Best translation within +-radius by mean absolute difference over the overlap: of those that noise (variance per pixel)
// cannot tell from the best one, the shortest.  Every sparse-th row counts.
void search(In<float, 2> ref, In<float, 2> img, int radius, int sparse, double noise, Out<double, 1> out) {
    const int h = ref.shape(0), w = ref.shape(1), n = 2 * radius + 1;
    need((int)img.shape(0) == h && (int)img.shape(1) == w && out.shape(0) == 2, "shapes differ");
    std::vector<double> cost(n * n);
    parallel(n * n, [&](int k) {
        int dy = k / n - radius, dx = k % n - radius;
        int ya = std::max(0, -dy), yb = std::min(h, h - dy), xa = std::max(0, -dx), xb = std::min(w, w - dx);
        double s = 0;
        for (int y = ya; y < yb; y += sparse) {
            const float *a = ref.data() + (size_t)y * w, *b = img.data() + (size_t)(y + dy) * w + dx;
            lanes8 lane = {};
            int x = xa;
            for (; x + L <= xb; x += L) {
                const lanes8 d = load8(a + x) - load8(b + x);
                lane += d > 0 ? d : -d;
            }
            for (; x < xb; x++) lane[0] += std::fabs(a[x] - b[x]);
            s += Sums::total(lane);
        }
        double area = double(std::max(0, yb - ya)) * std::max(0, xb - xa);
        cost[k] = area > 0.25 * h * w ? s / area * sparse : 1e30;
    });
    // |difference| of noise spreads by 0.6 sigma, sigma^2 = 2 noise; four softened pixels share one independent value
    const double least = *std::min_element(cost.begin(), cost.end());
    const double margin = 4 * 0.6 * std::sqrt(2 * 2 * noise * 4 * sparse / ((double)h * w));
    int best = 0, nearest = 1 << 30;
    for (int k = 0; k < n * n; k++) {
        const int dy = k / n - radius, dx = k % n - radius, far = dy * dy + dx * dx;
        if (cost[k] <= least + margin && far < nearest) nearest = far, best = k;
    }
    out.data()[0] = best / n - radius;
    out.data()[1] = best % n - radius;
}

// The residual that half of the textured pixels do not exceed, infinite where there are few: what shows more texture than
// noise has one voice, however bright it is, so that a small thing that shines does not set the measure for all others.
float usual(In<float, 2> &ref, In<float, 2> &img, const Motion &motion, double noise) {
    const int h = ref.shape(0), w = ref.shape(1), step = std::max(1, h / 96);
    std::vector<float> found;
    for (int y = 1; y < h - 1; y += step) {
        const Motion::Line line = motion.line(y);
        for (int x = 1; x + L < w; x += L) {
            float dy, dx, e[L], g[L];
            line.at(x + 0.5 * (L - 1), dy, dx);
            const float py = y + dy, px = x + dx;
            if (!(py >= 0 && px >= 0 && py < h - 1 && px < w - L - 1)) continue;
            const int j = (int)py, i = (int)px;
            const float *r = ref.data() + (size_t)y * w + x;
            const lanes8 gx = 0.5f * (load8(r + 1) - load8(r - 1)), gy = 0.5f * (load8(r + w) - load8(r - w));
            store8(e, Between(py - j, px - i).run(img.data() + (size_t)j * w + i, w) - load8(r));
            store8(g, gx * gx + gy * gy);
            for (int l = 0; l < L; l += 2)
                if (g[l] > TEXTURED * noise) found.push_back(std::fabs(e[l]));
        }
    }
    if (found.size() < 64) return INFINITY;
    std::nth_element(found.begin(), found.begin() + found.size() / 2, found.end());
    return found[found.size() / 2];
}

// Gauss-Newton on the motion with Geman-McClure weights; `terms` = 1 (shift), 3 (affine), 7 (all).  `scale`: the largest
// residual, in units of the image, at which a pixel starts to count as an outlier; it is FAR times the usual one, if less.
// Normal equations are summed over cells of 16 x L pixels, within which the motion is taken for the same.  `noise` is the gradient
// energy that noise alone has in a pixel; a prior of that weight holds the start, so that what cannot be seen stays there.
// Returns the mean loss before the last round.
double global_fit(In<float, 2> ref, In<float, 2> img, int terms, int rounds, int sparse, float scale, double noise,
                Out<double, 1> motion) {
    const int h = ref.shape(0), w = ref.shape(1), bands = (h + 15) / 16;
    need((int)img.shape(0) == h && (int)img.shape(1) == w && motion.shape(0) == 2 * TERMS, "shapes differ");
    need(terms == 1 || terms == 3 || terms == TERMS, "terms must be 1, 3 or 7");
    constexpr int PAIRS = TERMS * (TERMS + 1) / 2, FORCE = 3 * PAIRS, COUNT = FORCE + 2 * TERMS, LOSS = COUNT + 1, ALL = LOSS + 1;
    Motion M(motion.data(), h, w);
    scale = std::min(scale, FAR * usual(ref, img, M, noise));
    const float s2 = std::max(scale * scale, 1e-6f);
    std::vector<std::array<double, ALL>> sums(bands);
    double loss = INFINITY;
    for (int round = 0; round < rounds; round++) {
        parallel(bands, [&](int b) {
            std::array<double, ALL> S{};
            Motion::Line line[16];
            const int y0 = b * 16, y1 = std::min(h, y0 + 16);
            for (int y = y0; y < y1; y++) line[y - y0] = M.line(y);
            for (int x = 1; x + L < w; x += L) {
                Sums c;
                for (int y = std::max(1, y0); y < std::min(h - 1, y1); y += sparse) {
                    float dy, dx;
                    line[y - y0].at(x + 0.5 * (L - 1), dy, dx);
                    add_run<true>(ref.data(), img.data(), h, w, y, x, dy, dx, s2, c);
                }
                S[COUNT] += c.runs * L;
                S[LOSS] += Sums::total(c.ee);
                const double u = (x + 0.5 * L) / w - 0.5, v = (0.5 * (y0 + y1) - 0.5 * h) / w;
                const double t[TERMS] = {1, u, v, u * v, u * u, v * v, v * v * v};
                const double m[3] = {Sums::total(c.yy), Sums::total(c.xy), Sums::total(c.xx)};
                const double g[2] = {Sums::total(c.ey), Sums::total(c.ex)};
                for (int k = 0, n = 0; k < TERMS; k++)
                    for (int l = 0; l <= k; l++, n++)
                        for (int q = 0; q < 3; q++) S[q * PAIRS + n] += m[q] * (t[k] * t[l]);
                for (int q = 0; q < 2; q++)
                    for (int k = 0; k < TERMS; k++) S[FORCE + q * TERMS + k] += g[q] * t[k];
            }
            sums[b] = S;
        });
        std::array<double, ALL> S{};
        for (auto &t : sums)
            for (int k = 0; k < ALL; k++) S[k] += t[k];
        loss = S[COUNT] > 0 ? S[LOSS] / S[COUNT] : INFINITY;
        // mean squares of the terms: what each of them changes in a picture of 4 : 3
        static const double spread[TERMS] = {1, 1 / 12.0, 1 / 21.0, 1 / 256.0, 1 / 80.0, 1 / 250.0, 1 / 2500.0};
        const int n = 2 * terms;
        double a[4 * TERMS * TERMS], g[2 * TERMS];
        for (int k = 0, pair = 0; k < terms; k++) {
            for (int l = 0; l <= k; l++, pair++) {
                auto put = [&](int r, int c, double v) { a[r * n + c] = a[c * n + r] = v; };
                put(k, l, S[pair]);
                put(k, l + terms, S[PAIRS + pair]);
                put(l, k + terms, S[PAIRS + pair]);
                put(k + terms, l + terms, S[2 * PAIRS + pair]);
            }
        }
        for (int k = 0; k < n; k++) {
            const int p = k < terms ? k : TERMS + k - terms;
            const double hold = 0.25 + 4 * noise * S[COUNT] * spread[p % TERMS];
            a[k * n + k] += hold;
            g[k] = S[FORCE + p] + hold * (M.p[p] - motion.data()[p]);
        }
        if (!solve(a, g, n)) break;
        for (int k = 0; k < n; k++) M.p[k < terms ? k : TERMS + k - terms] -= g[k];
    }
    for (int k = 0; k < 2 * TERMS; k++) motion.data()[k] = M.p[k];
    return loss;
}

}  // namespace

KERNEL("align_search", search, "reference"_a, "image"_a, "radius"_a, "sparse"_a, "noise"_a, "out"_a)
KERNEL("align_global", global_fit, "reference"_a, "image"_a, "terms"_a, "rounds"_a, "sparse"_a, "scale"_a,
       "noise"_a, "motion"_a)
