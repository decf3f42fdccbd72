// SPDX-License-Identifier: Apache-2.0
// Alignment, second half: the flow of tiles around the motion of the whole picture, made smooth, and what it leaves
// unexplained.  The idea stands in combine/align.py.
#include <array>

#include "align.h"

namespace {

constexpr float ENOUGH = 0.05f;  // pixels: a step after which the next one would be nothing

struct Tile {  // of a row of tiles
    int xa, xb;    // columns
    float oy, ox;  // offset to the motion
    bool going;    // there is something left to find
    int runs = 0;  // that were looked at
    Sums sums = {};
    bool enough() const { return sums.runs > 0 && 4 * sums.runs >= runs; }
};

struct Pair {
    const float *ref, *img;
    int h, w;
    Motion motion;
    // The sums of the tiles that are going, over the rows ya ... yb, without the blocks of 2^side pixels that are flagged.
    void sum(int ya, int yb, const In<uint8_t, 2> &flags, int side, std::vector<Tile> &tiles) const {
        const int high = flags.shape(0), wide = flags.shape(1), width = w, height = h;
        const float *one = ref, *two = img;
        for (Tile &t : tiles) t.sums = Sums(), t.runs = 0;
        for (int y = std::max(1, ya); y < std::min(height - 1, yb); y++) {
            const Motion::Line line = motion.line(y);
            const uint8_t *flag = high && wide ? flags.data() + (size_t)std::min(y >> side, high - 1) * wide : nullptr;
            for (Tile &t : tiles) {
                if (!t.going) continue;
                Sums s = t.sums;
                for (int x = t.xa; x + L <= t.xb; x += L) {
                    if (x < 1 || x + L >= width) continue;
                    t.runs++;
                    if (flag && flag[std::min(x >> side, wide - 1)]) continue;
                    float dy, dx;
                    line.at(x + 0.5 * (L - 1), dy, dx);
                    add_run<false>(one, two, height, width, y, x, dy + t.oy, dx + t.ox, 0, s);
                }
                t.sums = s;
            }
        }
    }
};

// One step of a tile that began at `first`, what it knows in t; false where that was the last.
bool stepped(Tile &tile, const float *first, const float *how, float *t) {
    const float floor = how[0], share = how[1], pull = how[2];
    const Sums &S = tile.sums;
    if (!tile.enough()) return false;
    const float mean = Sums::total(S.ee) / (S.runs * L), scale = 1 / (share * (mean > floor ? mean : floor));
    const float a = Sums::total(S.yy) * scale, b = Sums::total(S.xy) * scale, c = Sums::total(S.xx) * scale;
    const float gy = Sums::total(S.ey) * scale, gx = Sums::total(S.ex) * scale;
    t[0] = a, t[1] = b, t[2] = c;
    t[3] = a * tile.oy + b * tile.ox - gy, t[4] = b * tile.oy + c * tile.ox - gx;
    const float ah = a + pull, ch = c + pull, p = gy + pull * (tile.oy - first[0]), q = gx + pull * (tile.ox - first[1]);
    const float det = ah * ch - b * b;
    if (!(det > 0)) return false;
    const float ey = (ch * p - b * q) / det, ex = (ah * q - b * p) / det;
    tile.oy -= ey > 1 ? 1 : ey < -1 ? -1 : ey;
    tile.ox -= ex > 1 ? 1 : ex < -1 ? -1 : ex;
    return !(ey * ey + ex * ex < ENOUGH * ENOUGH);
}

// Lucas-Kanade around the global motion, tile by tile.  offset (ty, tx, 2): to the motion, in pixels of this level, in
// and out.  evidence (ty, tx, 5): the information (yy, xy, xx) in 1 / px^2 that a tile has about its offset, and that
// matrix times the offset it would choose alone (y, x); zero where too little is seen.  flags: blocks that are left out,
// if there are any.  `floor` is the residual variance of noise, `share` the pixels that share one independent residual;
// where texture says little, `pull` (1 / px^2) holds the offset where it started.
void tiles(In<float, 2> ref, In<float, 2> img, In<double, 1> motion, int tile, int margin, In<float, 1> how, int rounds,
           In<uint8_t, 2> flags, Out<float, 3> offset, Out<float, 3> evidence) {
    const int h = ref.shape(0), w = ref.shape(1), ny = offset.shape(0), nx = offset.shape(1);
    need((int)evidence.shape(0) == ny && (int)evidence.shape(1) == nx && evidence.shape(2) == 5, "evidence (ty, tx, 5)");
    need(offset.shape(2) == 2 && motion.shape(0) == 2 * TERMS && how.shape(0) == 3, "offset (.., .., 2), motion (14), how (3)");
    const Pair pair{ref.data(), img.data(), h, w, Motion(motion.data(), h, w)};
    need(tile == 16 || tile == 32, "tile must be 16 or 32");
    const int side = tile == 16 ? 2 : 3;
    parallel(ny, [&](int j) {
        float *first = offset.data() + 2 * (size_t)j * nx, *told = evidence.data() + 5 * (size_t)j * nx;
        std::fill(told, told + 5 * nx, 0.0f);
        std::vector<Tile> row;
        for (int i = 0; i < nx; i++)
            row.push_back({std::max(0, i * tile - margin), std::min(w, (i + 1) * tile + margin), first[2 * i], first[2 * i + 1],
                           true});
        for (int round = 0; round < rounds; round++) {
            pair.sum(std::max(0, j * tile - margin), std::min(h, (j + 1) * tile + margin), flags, side, row);
            for (int i = 0; i < nx; i++)
                if (row[i].going) row[i].going = stepped(row[i], first + 2 * i, how.data(), told + 5 * i);
        }
        for (int i = 0; i < nx; i++) first[2 * i] = row[i].oy, first[2 * i + 1] = row[i].ox;
    });
}

// How far a tile's own offset is believed that lies (ey, ex) from the flow: by its information, no more than `most`, and
// less where it is farther than `width` from the flow in the directions that it sees.
inline double belief(const float *t, double ey, double ex, double width, double most) {
    const double trace = (double)t[0] + t[2];
    if (!(trace > 0)) return 0;
    const double miss = (t[0] * ey * ey + 2 * t[1] * ey * ex + t[2] * ex * ex) / trace;
    const double free = width * width + 8 / trace, f = free / (free + miss);
    return f * f * (trace > most ? most / trace : 1.0);
}

// What the tiles of a row have in common: offset = a + b u, u = -1 ... 1 across the picture, for every row of tiles: a rolling
// shutter shows every row at a moment of its own.  Minimises  sum w_t (s - d_t)' I_t (s - d_t)  of the row's tiles
// + stiff |difference to the rows beside it|^2 + hold |a, b|^2, with w_t of a width that shrinks from `wide` to `width`:
// the motion of most of the row wins.  how = (stiff, hold, wide, width, most).
void rows(In<float, 3> offset, In<float, 3> evidence, In<float, 1> how, int sweeps, Out<float, 3> flow) {
    const int ny = offset.shape(0), nx = offset.shape(1);
    need((int)flow.shape(0) == ny && (int)flow.shape(1) == nx && how.shape(0) == 5, "shapes differ");
    const double stiff = how.data()[0], hold = how.data()[1], wide = how.data()[2], least = how.data()[3], most = how.data()[4];
    std::vector<std::array<double, 4>> r(ny, {0, 0, 0, 0});  // ay, by, ax, bx
    for (int sweep = 0; sweep < sweeps; sweep++) {
        const double width = std::max(least, wide * (sweeps - 1.5 * sweep) / sweeps);
        for (int q = 0; q < ny; q++) {
            const int j = sweep & 1 ? ny - 1 - q : q;
            double a[16] = {}, b[4] = {};
            for (int i = 0; i < nx; i++) {
                const float *t = evidence.data() + 5 * (j * nx + i), *d = offset.data() + 2 * (j * nx + i);
                const double u = nx > 1 ? 2.0 * i / (nx - 1) - 1 : 0;
                const double w = belief(t, r[j][0] + r[j][1] * u - d[0], r[j][2] + r[j][3] * u - d[1], width, most);
                const double m[4] = {w * t[0], w * t[1], w * t[1], w * t[2]}, g[2] = {w * t[3], w * t[4]};
                const double basis[2] = {1, u};
                for (int p = 0; p < 4; p++) {
                    for (int c = 0; c < 4; c++) a[4 * p + c] += m[p / 2 * 2 + c / 2] * (basis[p % 2] * basis[c % 2]);
                    b[p] += g[p / 2] * basis[p % 2];
                }
            }
            for (int p = 0; p < 4; p++) {
                a[5 * p] += hold;
                for (int o : {j - 1, j + 1})
                    if (o >= 0 && o < ny) a[5 * p] += stiff, b[p] += stiff * r[o][p];
            }
            if (solve(a, b, 4)) std::copy(b, b + 4, r[j].begin());
        }
    }
    for (int j = 0; j < ny; j++)
        for (int i = 0; i < nx; i++) {
            const double u = nx > 1 ? 2.0 * i / (nx - 1) - 1 : 0;
            flow.data()[2 * (j * nx + i)] = float(r[j][0] + r[j][1] * u);
            flow.data()[2 * (j * nx + i) + 1] = float(r[j][2] + r[j][3] * u);
        }
}

// The smooth flow that the tiles agree on: minimises  sum_t w_t (s_t - d_t)' I_t (s_t - d_t) + stiff |s_t - s_neighbours|^2
// + hold |s_t|^2  by Gauss-Seidel, to and fro, all of it beside the motion `base` that rows have in common; w_t falls where
// the tile's own offset d_t is farther than `width` from the flow.  flow: where to begin, and the result.
// how = (stiff, hold, width, most).
void settle(In<float, 3> offset, In<float, 3> evidence, In<float, 3> base, In<float, 1> how, int sweeps, Out<float, 3> flow) {
    const int ny = offset.shape(0), nx = offset.shape(1), n = ny * nx;
    need((int)flow.shape(0) == ny && (int)flow.shape(1) == nx && how.shape(0) == 4, "shapes differ");
    need((int)base.shape(0) == ny && (int)base.shape(1) == nx, "shapes differ");
    const double stiff = how.data()[0], hold = how.data()[1], width = how.data()[2], most = how.data()[3];
    const float *o = base.data();
    std::vector<double> s(2 * n);  // beside the base
    for (int k = 0; k < 2 * n; k++) s[k] = (double)flow.data()[k] - o[k];
    for (int sweep = 0; sweep < sweeps; sweep++)
        for (int q = 0; q < n; q++) {
            const int k = sweep & 1 ? n - 1 - q : q, j = k / nx, i = k % nx;
            const float *t = evidence.data() + 5 * k, *d = offset.data() + 2 * k;
            double sy = 0, sx = 0, links = 0;
            auto link = [&](int l) { sy += s[2 * l], sx += s[2 * l + 1], links += 1; };
            if (j > 0) link(k - nx);
            if (j < ny - 1) link(k + nx);
            if (i > 0) link(k - 1);
            if (i < nx - 1) link(k + 1);
            const double oy = o[2 * k], ox = o[2 * k + 1];
            const double w = belief(t, oy + s[2 * k] - d[0], ox + s[2 * k + 1] - d[1], width, most);
            const double diagonal = stiff * links + hold;
            const double a = w * t[0] + diagonal, b = w * t[1], c = w * t[2] + diagonal, det = a * c - b * b;
            const double py = w * (t[3] - t[0] * oy - t[1] * ox) + stiff * sy;
            const double px = w * (t[4] - t[1] * oy - t[2] * ox) + stiff * sx;
            if (!(det > 0)) continue;
            s[2 * k] = (c * py - b * px) / det;
            s[2 * k + 1] = (a * px - b * py) / det;
        }
    for (int k = 0; k < 2 * n; k++) flow.data()[k] = (float)(o[k] + s[k]);
}

// What the flow leaves: for every block the squared residual, and what explains it: noise, and a misalignment of `slack`
// pixels (how = (noise variance of a residual, slack^2)).  -1 where a block lies outside the frame.
void residue(In<float, 2> ref, In<float, 2> img, In<float, 3> flow, int tile, In<float, 1> how, Out<float, 2> left,
             Out<float, 2> explained) {
    const int h = ref.shape(0), w = ref.shape(1), ny = flow.shape(0), nx = flow.shape(1);
    const int hb = left.shape(0), wb = left.shape(1), side = tile / BLOCKS;
    need(hb == h / side && wb == w / side && (int)explained.shape(0) == hb && (int)explained.shape(1) == wb, "shapes differ");
    need(flow.shape(2) == 2 && how.shape(0) == 2 && side == 4, "flow (ty, tx, 2), how (2), tile 16");
    const float noise = how.data()[0], slack = how.data()[1];
    auto between = [&](int by, float bx, int c) {  // the flow at a block, bilinear between tile centres
        const float fy = (by + 0.5f) / BLOCKS - 0.5f, fx = (bx + 0.5f) / BLOCKS - 0.5f;
        const int j = clampi((int)std::floor(fy), 0, std::max(0, ny - 2)), j1 = std::min(j + 1, ny - 1);
        const int i = clampi((int)std::floor(fx), 0, std::max(0, nx - 2)), i1 = std::min(i + 1, nx - 1);
        const float *f = flow.data() + c, a = fy - j, b = fx - i;
        const float p = f[2 * (j * nx + i)] * (1 - b) + f[2 * (j * nx + i1)] * b;
        const float q = f[2 * (j1 * nx + i)] * (1 - b) + f[2 * (j1 * nx + i1)] * b;
        return p * (1 - a) + q * a;
    };
    auto near = [&](float v, int n, int size) {  // a quarter of a pixel beyond the frame is still seen
        const float last = n - size - 0.001f, in = v < 0 ? 0 : v > last ? last : v;
        return v - in < 0.26f && in - v < 0.26f ? in : v;
    };
    parallel_rows(hb, 4, [&](int b0, int b1) {
        for (int by = b0; by < b1; by++) {
            float *E = left.data() + (size_t)by * wb, *Q = explained.data() + (size_t)by * wb;
            // two blocks at once, which share the shift of their middle, in eight lanes; what is at the edge alone
            for (int bx = 0, many; bx < wb; bx += many) {
                const int y = by * side, x = bx * side;
                many = 2;
                float py = near(y + between(by, bx + 0.5f, 0), h, side), px = near(x + between(by, bx + 0.5f, 1), w, L);
                if (bx == 0 || x + L >= w || !inside(py, px, h, w) || !inside(py + side - 1, px + L - 1, h, w)) {
                    many = 1;
                    py = near(y + between(by, bx, 0), h, side), px = near(x + between(by, bx, 1), w, side);
                    E[bx] = Q[bx] = -1;
                    if (!inside(py, px, h, w) || !inside(py + side - 1, px + side - 1, h, w)) continue;
                }
                const int y0 = (int)py, x0 = (int)px;
                const Between at(py - y0, px - x0);
                lanes8 e2 = {}, g2 = {};
                for (int r = 0; r < side; r++) {
                    const float *p = ref.data() + (size_t)(y + r) * w + x, *q = img.data() + (size_t)(y0 + r) * w + x0;
                    const float *u = y + r > 0 ? p - w : p, *d = y + r < h - 1 ? p + w : p;
                    if (many == 2) {
                        const lanes8 e = at.run(q, w) - load8(p), gx = load8(p + 1) - load8(p - 1), gy = load8(d) - load8(u);
                        e2 += e * e;
                        g2 += gx * gx + gy * gy;
                        continue;
                    }
                    auto add = [&](int l, float gx) {
                        const float e = at.w00 * q[l] + at.w01 * q[l + 1] + at.w10 * q[l + w] + at.w11 * q[l + w + 1] - p[l];
                        const float gy = d[l] - u[l];
                        e2[l] += e * e;
                        g2[l] += gx * gx + gy * gy;
                    };
                    for (int l = 0; l < side; l++) add(l, p[x + l < w - 1 ? l + 1 : l] - p[x + l > 0 ? l - 1 : l]);
                }
                float e8[L], g8[L];
                store8(e8, e2), store8(g8, g2);
                for (int k = 0; k < many; k++) {
                    const float *e = e8 + 4 * k, *g = g8 + 4 * k;
                    E[bx + k] = (e[0] + e[1]) + (e[2] + e[3]);
                    Q[bx + k] = 16 * noise + 0.25f * slack * ((g[0] + g[1]) + (g[2] + g[3]));
                }
            }
        }
    });
}

}  // namespace

KERNEL("align_tiles", tiles, "reference"_a, "image"_a, "motion"_a, "tile"_a, "margin"_a, "how"_a, "rounds"_a, "flags"_a,
       "offset"_a, "evidence"_a)
KERNEL("align_rows", rows, "offset"_a, "evidence"_a, "how"_a, "sweeps"_a, "flow"_a)
KERNEL("align_settle", settle, "offset"_a, "evidence"_a, "base"_a, "how"_a, "sweeps"_a, "flow"_a)
KERNEL("align_residue", residue, "reference"_a, "image"_a, "flow"_a, "tile"_a, "how"_a, "left"_a, "explained"_a)
