// SPDX-License-Identifier: Apache-2.0
// Things that move on their own: where the blocks that the background's flow leaves unexplained went.
// The idea stands in combine/objects.py.  A tile's motion has six numbers: its shift (y, x) at the centre of the tile and
// how that changes per pixel (yy, yx, xy, xx).
#include "objects.h"

namespace {

// The quarters (8 pixels of the frame) of the blocks of a tile, so that things smaller than a block are seen, and what the
// motion of the background, ground (y, x), leaves of each.
struct Parts {
    lanes4 left[36], weight[36], one[36];  // one / left
    float all[36], total = 0;
    int order[36];  // of the blocks, from the one that counts most
    Parts(const Picture &a, const Picture &b, const Lost &lost, const float *ground) {
        for (int k = 0; k < lost.count; k++) {
            left[k] = quarters(a, b, lost.y[k], lost.x[k], lost.side, ground[0], ground[1]);
            for (int q = 0; q < 4; q++) {
                left[k][q] = std::min(left[k][q], 1e9f);
                weight[k][q] = __builtin_sqrtf(left[k][q]);
                one[k][q] = 1.0f / std::max(left[k][q], 1e-30f);
            }
            all[k] = (weight[k][0] + weight[k][1]) + (weight[k][2] + weight[k][3]);
            total += all[k];
            order[k] = k;
        }
        std::sort(order, order + lost.count, [&](int p, int q) { return all[p] > all[q] || (all[p] == all[q] && p < q); });
    }
};

// How well a motion explains the parts, 0 ... 1: every one counts with the square of the share of its residue that goes away,
// so that one motion which explains half of them is better than one that explains half of every one.  Less than `top`: there
// is no need to know how much less.
template <class Q> float score(const Lost &lost, const Parts &parts, Q &&quarters, float top) {
    float s = 0, rest = parts.total;
    if (!(rest > 0)) return 0;
    for (int n = 0; n < lost.count && s + rest >= top * parts.total; n++) {
        const int k = parts.order[n];
        lanes4 f = 1 - quarters(k) * parts.one[k];
        f = f > 0 ? f : lanes4{};
        const lanes4 g = parts.weight[k] * (f * f);
        s += (g[0] + g[1]) + (g[2] + g[3]);
        rest -= parts.all[k];
    }
    return s / parts.total;
}

// The best of the candidates (n, c, 6) for the tiles (n, 2), shifts by whole steps of pixels within +-radius included, the
// nearer of two that are as good; NaN is none.
void choose(In<float, 2> ref, In<float, 2> img, In<int32_t, 2> tiles, In<float, 2> ground, In<float, 2> rest, int side,
            In<float, 3> candidates, int radius, int step, Out<float, 2> best, Out<float, 1> share) {
    const int n = tiles.shape(0), many = candidates.shape(1);
    need(side == 4, "side must be 4");
    need((int)candidates.shape(0) == n && candidates.shape(2) == 6, "candidates must be (n, c, 6)");
    need((int)ground.shape(0) == n && ground.shape(1) == 2, "ground must be (n, 2)");
    need((int)best.shape(0) == n && best.shape(1) == 6 && (int)share.shape(0) == n, "best must be (n, 6)");
    const Picture a(ref), b(img);
    parallel(n, [&](int t) {
        const Lost lost(tiles.data()[2 * t], tiles.data()[2 * t + 1], rest, side);
        const Parts parts(a, b, lost, ground.data() + 2 * t);
        float *top = best.data() + 6 * t, most = -1;
        std::fill(top, top + 6, (float)NAN);
        const float *all = candidates.data() + 6 * (size_t)t * many;
        auto known = [&](const float *p, int before) {  // neighbours of one thing move alike
            for (int c = 0; c < before; c++) {
                const float *q = all + 6 * c;
                float far = 0, turned = 0;
                for (int k = 0; k < 6; k++) (k < 2 ? far : turned) += std::fabs(p[k] - q[k]);
                if (far < 0.05f && turned < 0.005f) return true;
            }
            return false;
        };
        for (int c = 0; c < many; c++) {
            const float *p = all + 6 * c;
            if (!(p[0] == p[0]) || known(p, c)) continue;
            const bool whole = radius > 0 && p[2] == 0 && p[3] == 0 && p[4] == 0 && p[5] == 0;
            const Patch patch(b, whole ? lost : Lost(), p[0], p[1], radius);
            const int j = (int)std::floor(p[0]), i = (int)std::floor(p[1]);
            for (int dy = -radius; dy <= radius; dy += step)
                for (int dx = -radius; dx <= radius; dx += step) {
                    const float m[6] = {p[0] + dy, p[1] + dx, p[2], p[3], p[4], p[5]};
                    const float less = 0.03f * (dy * dy + dx * dx) / (radius * radius + 1.0f);
                    auto moved = [&](int k) { return quarters(a, b, lost.y[k], lost.x[k], 4, lost.dy(m, k), lost.dx(m, k)); };
                    auto shifted = [&](int k) { return patch.quarters(a, lost.y[k], lost.x[k], j + dy, i + dx); };
                    const float least = most + less;
                    const float g = (whole ? score(lost, parts, shifted, least) : score(lost, parts, moved, least)) - less;
                    if (g > most) most = g, std::copy(m, m + 6, top);
                }
        }
        share.data()[t] = most;
    });
}

struct Pull {  // what pixels say, in eight lanes
    lanes8 yy = {}, xy = {}, xx = {}, ey = {}, ex = {}, ee = {}, all = {};
    float s2;
    explicit Pull(float s2) : s2(s2) {}
    __attribute__((always_inline)) void add(lanes8 e, lanes8 gy, lanes8 gx) {
        const lanes8 f = s2 / (s2 + e * e), m = f * f, my = m * gy, mx = m * gx;
        yy += my * gy, xy += mx * gy, xx += mx * gx;
        ey += my * e, ex += mx * e, ee += m * e * e, all += m;
    }
    __attribute__((always_inline)) void block(const Picture &a, const Picture &b, int y, int x, int side, float dy, float dx) {
        const float py = y + dy, px = x + dx;
        const int w = a.w;
        if (y < 1 || x < 1 || y + side >= a.h || x + side >= w) return;
        if (!(inside(py, px, a.h, w) && inside(py + side - 1, px + side - 1, a.h, w))) return;
        const int j = (int)py, i = (int)px;
        const Between at(py - j, px - i);
        const float *p = a.p + (size_t)y * w + x, *q = b.p + (size_t)j * w + i;
        if (side == 4)
            for (int r = 0; r < 4; r += 2, p += 2 * w, q += 2 * w)
                add(at.rows(q, w) - load8(p, p + w), 0.5f * (load8(p + w, p + 2 * w) - load8(p - w, p)),
                    0.5f * (load8(p + 1, p + w + 1) - load8(p - 1, p + w - 1)));
        else
            for (int r = 0; r < 8; r++, p += w, q += w)
                add(at.run(q, w) - load8(p), 0.5f * (load8(p + w) - load8(p - w)), 0.5f * (load8(p + 1) - load8(p - 1)));
    }
};

// Lucas-Kanade for the shift alone on the unexplained blocks, motions (n, 6) in and out: pixels of the background among them,
// and what is hidden, differ by more than the others and weigh little (Geman-McClure; the scale follows the best sixth of
// their parts down to `floor`).  A start is worth the information of one pixel.  evidence (n, 3): what is known of the shift
// (yy, xy, xx), 1 / px^2.  how = (floor, share).
void follow(In<float, 2> ref, In<float, 2> img, In<int32_t, 2> tiles, In<float, 2> rest, int side, In<float, 1> how, int rounds,
            Out<float, 2> motions, Out<float, 2> evidence) {
    const int n = tiles.shape(0);
    need((side == 4 || side == 8) && how.shape(0) == 2, "side 4 or 8, how (floor, share)");
    need((int)motions.shape(0) == n && motions.shape(1) == 6, "motions must be (n, 6)");
    need((int)evidence.shape(0) == n && evidence.shape(1) == 3, "evidence must be (n, 3)");
    const float floor = how.data()[0], share = how.data()[1];
    const Picture one(ref), two(img);
    parallel(n, [&](int t) {
        const Lost lost(tiles.data()[2 * t], tiles.data()[2 * t + 1], rest, side);
        float *motion = motions.data() + 6 * t, *known = evidence.data() + 3 * t;
        std::fill(known, known + 3, 0.0f);
        if (!(motion[0] == motion[0])) return;
        std::vector<float> left;
        for (int round = 0; round <= rounds; round++) {
            left.clear();
            for (int k = 0; k < lost.count; k++) {
                const lanes4 e = quarters(one, two, lost.y[k], lost.x[k], side, lost.dy(motion, k), lost.dx(motion, k));
                for (int q = 0; q < 4 && e[0] < INFINITY; q++) left.push_back(4 * e[q] / (side * side));
            }
            if (left.empty()) return;
            std::nth_element(left.begin(), left.begin() + left.size() / 6, left.end());
            Pull p(6 * std::max(left[left.size() / 6], floor));
            for (int k = 0; k < lost.count; k++)
                p.block(one, two, lost.y[k], lost.x[k], side, lost.dy(motion, k), lost.dx(motion, k));
            const float all = Sums::total(p.all);
            if (!(all > 0)) return;
            const float scale = 1 / (share * std::max(Sums::total(p.ee) / all, floor));
            known[0] = Sums::total(p.yy) * scale, known[1] = Sums::total(p.xy) * scale, known[2] = Sums::total(p.xx) * scale;
            const float ey = Sums::total(p.ey) * scale, ex = Sums::total(p.ex) * scale;
            const float a = known[0] + 1, b = known[1], c = known[2] + 1, det = a * c - b * b;
            if (round == rounds || !(det > 0)) return;
            const float sy = (c * ey - b * ex) / det, sx = (a * ex - b * ey) / det;
            motion[0] -= sy > 1 ? 1 : sy < -1 ? -1 : sy;
            motion[1] -= sx > 1 ? 1 : sx < -1 ? -1 : sx;
        }
    });
}

// What a tile and its eight neighbours agree on, field (ty, tx, 6) of motions in and out (NaN: none), pixels of a tile of
// `tile`: a shift and its changes, by what each knows of its shift, evidence (ty, tx, 3), and the less the farther it is
// from the others (Geman-McClure, width from `wide` to `width`).  how = (wide, width, information that nothing bends).
void agree(In<float, 3> field, In<float, 3> evidence, int tile, In<float, 1> how, Out<float, 3> out) {
    const int ny = field.shape(0), nx = field.shape(1);
    need(field.shape(2) == 6 && evidence.shape(2) == 3 && how.shape(0) == 3, "field (.., .., 6), evidence (.., .., 3)");
    need((int)out.shape(0) == ny && (int)out.shape(1) == nx && out.shape(2) == 6, "out must have the shape of field");
    const double wide = how.data()[0], width = how.data()[1], straight = how.data()[2];
    parallel(ny, [&](int j) {
        for (int i = 0; i < nx; i++) {
            const float *own = field.data() + 6 * (j * nx + i);
            float *to = out.data() + 6 * (j * nx + i);
            std::copy(own, own + 6, to);
            if (!(own[0] == own[0])) continue;
            double m[6];
            std::copy(own, own + 6, m);
            for (int round = 0; round < 4; round++) {
                const double reach = round == 0 ? wide : round == 1 ? 0.5 * (wide + width) : width, w2 = reach * reach;
                double a[36] = {}, g[6] = {};
                for (int v = std::max(0, j - 1); v <= std::min(ny - 1, j + 1); v++)
                    for (int u = std::max(0, i - 1); u <= std::min(nx - 1, i + 1); u++) {
                        const float *d = field.data() + 6 * (v * nx + u), *t = evidence.data() + 3 * (v * nx + u);
                        if (!(d[0] == d[0])) continue;
                        const double y = (v - j) * tile, x = (u - i) * tile;
                        const double ey = m[0] + m[2] * y + m[3] * x - d[0], ex = m[1] + m[4] * y + m[5] * x - d[1];
                        const double f = w2 / (w2 + ey * ey + ex * ex), w = f * f;
                        static const int axis[6] = {0, 1, 0, 0, 1, 1};
                        const double z[6] = {1, 1, y, x, y, x}, k[3] = {w * t[0], w * t[1], w * t[2]};
                        const double b[2] = {k[0] * d[0] + k[1] * d[1], k[1] * d[0] + k[2] * d[1]};
                        for (int r = 0; r < 6; r++) {
                            for (int c = 0; c < 6; c++) a[6 * r + c] += k[axis[r] + axis[c]] * (z[r] * z[c]);
                            g[r] += b[axis[r]] * z[r];
                        }
                    }
                for (int r = 0; r < 6; r++) a[7 * r] += r < 2 ? 1e-3 : straight, g[r] += r < 2 ? 1e-3 * own[r] : 0;
                if (!solve(a, g, 6)) break;
                std::copy(g, g + 6, m);
            }
            for (int r = 0; r < 6; r++) to[r] = (float)m[r];
        }
    });
}

// How many of the parts that the background's motion (n, 2) leaves unexplained, in and around each tile, a motion explains (the
// residual is below `limit` times what noise and slack explain), and how many there are.
void explains(In<float, 2> ref, In<float, 2> img, In<int32_t, 2> tiles, In<float, 2> ground, In<float, 2> rest,
              In<float, 2> explained, float limit, In<float, 2> motions, Out<int32_t, 2> counts) {
    const int n = tiles.shape(0), wb = rest.shape(1);
    need((int)motions.shape(0) == n && motions.shape(1) == 6, "motions must be (n, 6)");
    need((int)ground.shape(0) == n && ground.shape(1) == 2, "ground must be (n, 2)");
    need((int)counts.shape(0) == n && counts.shape(1) == 2, "counts must be (n, 2)");
    const Picture a(ref), b(img);
    parallel(n, [&](int t) {
        const Lost lost(tiles.data()[2 * t], tiles.data()[2 * t + 1], rest, 4);
        const Parts parts(a, b, lost, ground.data() + 2 * t);
        const float *motion = motions.data() + 6 * t;
        int good = 0, all = 0;
        for (int k = 0; k < lost.count; k++) {
            const float may = 0.25f * limit * explained.data()[(size_t)(lost.y[k] / 4) * wb + lost.x[k] / 4];
            const lanes4 e = quarters(a, b, lost.y[k], lost.x[k], 4, lost.dy(motion, k), lost.dx(motion, k));
            for (int q = 0; q < 4; q++) {
                all += parts.left[k][q] > may;
                good += parts.left[k][q] > may && e[q] < may && e[q] < 0.5f * parts.left[k][q];
            }
        }
        counts.data()[2 * t] = good;
        counts.data()[2 * t + 1] = all;
    });
}

}  // namespace

KERNEL("objects_choose", choose, "reference"_a, "image"_a, "tiles"_a, "ground"_a, "rest"_a, "side"_a, "candidates"_a,
       "radius"_a, "step"_a,
       "best"_a, "share"_a)
KERNEL("objects_follow", follow, "reference"_a, "image"_a, "tiles"_a, "rest"_a, "side"_a, "how"_a, "rounds"_a, "motions"_a,
       "evidence"_a)
KERNEL("objects_agree", agree, "field"_a, "evidence"_a, "tile"_a, "how"_a, "out"_a)
KERNEL("objects_explains", explains, "reference"_a, "image"_a, "tiles"_a, "ground"_a, "rest"_a, "explained"_a, "limit"_a, "motions"_a,
       "counts"_a)
