// SPDX-License-Identifier: Apache-2.0
// Alignment, second half: the flow of tiles around the motion of the whole picture, made smooth, and what it leaves
// unexplained.  The idea stands in combine/align.py.
#include "align.h"

namespace {

struct Pair {
    const float *ref, *img;
    int h, w;
    Motion motion;
    // Sums over the box (ya, yb, xa, xb) with the offset (oy, ox) added to the motion, without the blocks of `side` pixels
    // that are flagged; false when too little is left.
    bool sums(const int *b, float oy, float ox, const In<uint8_t, 2> &flags, int side, Sums &S) const {
        S.clear();
        const float sy = motion.dy_dx(), sx = motion.dx_dx();
        const int high = flags.shape(0), wide = flags.shape(1);
        int runs = 0;
        for (int y = std::max(1, b[0]); y < std::min(h - 1, b[1]); y++) {
            float dy, dx;
            motion.at(y, b[2] + 0.5 * (L - 1), dy, dx);
            const uint8_t *flag = high && wide ? flags.data() + (size_t)std::min(y / side, high - 1) * wide : nullptr;
            for (int x = b[2]; x + L <= b[3]; x += L) {
                if (x < 1 || x + L >= w) continue;
                runs++;
                if (flag && flag[std::min(x / side, wide - 1)]) continue;
                add_run<false>(ref, img, h, w, y, x, dy + oy + (x - b[2]) * sy, dx + ox + (x - b[2]) * sx, 0, S);
            }
        }
        return S.runs > 0 && 4 * S.runs >= runs;
    }
};

// Lucas-Kanade around the global motion, tile by tile.  offset (ty, tx, 2): to the motion, in pixels of this level, in
// and out.  evidence (ty, tx, 5): the information (yy, xy, xx) in 1 / px^2 that a tile has about its offset, and that
// matrix times the offset it would choose alone (y, x); zero where too little is seen.  flags: blocks that are left out,
// if there are any.  `floor` is the residual variance of noise, `share` the pixels that share one independent residual;
// where texture says little, `pull` (1 / px^2) holds the offset where it started.
void tiles(In<float, 2> ref, In<float, 2> img, In<double, 1> motion, int tile, int margin, In<float, 1> how, int rounds,
           In<uint8_t, 2> flags, Out<float, 3> offset, Out<float, 3> evidence) {
    const int h = ref.shape(0), w = ref.shape(1), ny = offset.shape(0), nx = offset.shape(1);
    need((int)evidence.shape(0) == ny && (int)evidence.shape(1) == nx && evidence.shape(2) == 5, "evidence must be (ty, tx, 5)");
    need(offset.shape(2) == 2 && motion.shape(0) == 2 * TERMS && how.shape(0) == 3, "offset (.., .., 2), motion (10), how (3)");
    const Pair pair{ref.data(), img.data(), h, w, Motion(motion.data(), h, w)};
    const float floor = how.data()[0], share = how.data()[1], pull = how.data()[2];
    const int side = tile / BLOCKS;
    parallel(ny, [&](int j) {
        for (int i = 0; i < nx; i++) {
            const int k = j * nx + i;
            const int box[4] = {std::max(0, j * tile - margin), std::min(h, (j + 1) * tile + margin),
                                std::max(0, i * tile - margin), std::min(w, (i + 1) * tile + margin)};
            float *o = offset.data() + 2 * k, *t = evidence.data() + 5 * k;
            const float sy = o[0], sx = o[1];
            float oy = sy, ox = sx;
            std::fill(t, t + 5, 0.0f);
            Sums S;
            for (int round = 0;; round++) {
                if (!pair.sums(box, oy, ox, flags, side, S)) break;
                const float mean = Sums::total(S.ee) / (S.runs * L), scale = 1 / (share * (mean > floor ? mean : floor));
                const float a = Sums::total(S.yy) * scale, b = Sums::total(S.xy) * scale, c = Sums::total(S.xx) * scale;
                const float gy = Sums::total(S.ey) * scale, gx = Sums::total(S.ex) * scale;
                t[0] = a, t[1] = b, t[2] = c;
                t[3] = a * oy + b * ox - gy, t[4] = b * oy + c * ox - gx;
                if (round == rounds) break;
                const float ah = a + pull, ch = c + pull, p = gy + pull * (oy - sy), q = gx + pull * (ox - sx);
                const float det = ah * ch - b * b;
                if (!(det > 0)) break;
                const float ey = (ch * p - b * q) / det, ex = (ah * q - b * p) / det;
                oy -= ey > 1 ? 1 : ey < -1 ? -1 : ey;
                ox -= ex > 1 ? 1 : ex < -1 ? -1 : ex;
                if (rounds > 1 && ey * ey + ex * ex < 0.02f * 0.02f && round > 0) break;
            }
            o[0] = oy;
            o[1] = ox;
        }
    });
}

// The smooth flow that the tiles agree on: minimises  sum_t w_t (s_t - d_t)' I_t (s_t - d_t) + stiff |s_t - s_neighbours|^2
// + hold |s_t|^2  by Gauss-Seidel, to and fro; w_t falls where the tile's own offset d_t is farther than `width` from the
// flow.  how = (stiff, hold, width, most): nothing is believed beyond the information `most`.
void settle(In<float, 3> offset, In<float, 3> evidence, In<float, 1> how, int sweeps, Out<float, 3> flow) {
    const int ny = offset.shape(0), nx = offset.shape(1), n = ny * nx;
    need((int)flow.shape(0) == ny && (int)flow.shape(1) == nx && how.shape(0) == 4, "shapes differ");
    const double stiff = how.data()[0], hold = how.data()[1], width = how.data()[2], most = how.data()[3];
    std::vector<double> s(2 * n);
    for (int k = 0; k < 2 * n; k++) s[k] = flow.data()[k];
    for (int sweep = 0; sweep < sweeps; sweep++)
        for (int q = 0; q < n; q++) {
            const int k = sweep & 1 ? n - 1 - q : q, j = k / nx, i = k % nx;
            const float *t = evidence.data() + 5 * k, *d = offset.data() + 2 * k;
            double sy = 0, sx = 0, links = 0;
            auto link = [&](int o) { sy += s[2 * o], sx += s[2 * o + 1], links += 1; };
            if (j > 0) link(k - nx);
            if (j < ny - 1) link(k + nx);
            if (i > 0) link(k - 1);
            if (i < nx - 1) link(k + 1);
            const double trace = (double)t[0] + t[2], ey = s[2 * k] - d[0], ex = s[2 * k + 1] - d[1];
            double w = 0;
            if (trace > 0) {
                const double miss = (t[0] * ey * ey + 2 * t[1] * ey * ex + t[2] * ex * ex) / trace;
                const double free = width * width + 8 / trace, f = free / (free + miss);
                w = f * f * (trace > most ? most / trace : 1.0);
            }
            const double diagonal = stiff * links + hold;
            const double a = w * t[0] + diagonal, b = w * t[1], c = w * t[2] + diagonal, det = a * c - b * b;
            const double py = w * t[3] + stiff * sy, px = w * t[4] + stiff * sx;
            if (!(det > 0)) continue;
            s[2 * k] = (c * py - b * px) / det;
            s[2 * k + 1] = (a * px - b * py) / det;
        }
    for (int k = 0; k < 2 * n; k++) flow.data()[k] = (float)s[k];
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
    parallel_rows(hb, 4, [&](int b0, int b1) {
        std::vector<float> line(2 * (size_t)w);
        for (int by = b0; by < b1; by++) {
            float *E = left.data() + (size_t)by * wb, *Q = explained.data() + (size_t)by * wb;
            const float fy = (by + 0.5f) / BLOCKS - 0.5f;
            const int j = clampi((int)std::floor(fy), 0, std::max(0, ny - 2)), j1 = std::min(j + 1, ny - 1);
            const float a = fy - j;
            for (int bx = 0; bx < wb; bx++) {
                const float fx = (bx + 0.5f) / BLOCKS - 0.5f;
                const int i = clampi((int)std::floor(fx), 0, std::max(0, nx - 2)), i1 = std::min(i + 1, nx - 1);
                const float b = fx - i;
                float at[2];
                for (int c = 0; c < 2; c++) {
                    const float *f = flow.data() + c;
                    const float p = f[2 * (j * nx + i)] * (1 - b) + f[2 * (j * nx + i1)] * b;
                    const float q = f[2 * (j1 * nx + i)] * (1 - b) + f[2 * (j1 * nx + i1)] * b;
                    at[c] = p * (1 - a) + q * a;
                }
                float py = by * side + at[0], px = bx * side + at[1];
                auto near = [&](float v, int n) {  // a quarter of a pixel beyond the frame is still seen
                    const float last = n - side - 0.001f, in = v < 0 ? 0 : v > last ? last : v;
                    return v - in < 0.26f && in - v < 0.26f ? in : v;
                };
                py = near(py, h), px = near(px, w);
                if (!(inside(py, px, h, w) && inside(py + side - 1, px + side - 1, h, w))) {
                    E[bx] = Q[bx] = -1;
                    continue;
                }
                const int y0 = (int)py, x0 = (int)px;
                const float ty = py - y0, tx = px - x0;
                const float w00 = (1 - ty) * (1 - tx), w01 = (1 - ty) * tx, w10 = ty * (1 - tx), w11 = ty * tx;
                float e2[4] = {}, g2[4] = {};
                for (int r = 0; r < side; r++) {
                    const int y = by * side + r;
                    const float *p = ref.data() + (size_t)y * w + bx * side, *q = img.data() + (size_t)(y0 + r) * w + x0;
                    const float *u = y > 0 ? p - w : p, *d = y < h - 1 ? p + w : p;
                    float row[6];
                    for (int l = 0; l < 6; l++) row[l] = p[clampi(bx * side + l - 1, 0, w - 1) - bx * side];
                    for (int l = 0; l < 4; l++) {
                        const float e = w00 * q[l] + w01 * q[l + 1] + w10 * q[l + w] + w11 * q[l + w + 1] - p[l];
                        const float gx = row[l + 2] - row[l], gy = d[l] - u[l];
                        e2[l] += e * e;
                        g2[l] += gx * gx + gy * gy;
                    }
                }
                E[bx] = (e2[0] + e2[1]) + (e2[2] + e2[3]);
                Q[bx] = 16 * noise + 0.25f * slack * ((g2[0] + g2[1]) + (g2[2] + g2[3]));
            }
        }
    });
}

}  // namespace

KERNEL("align_tiles", tiles, "reference"_a, "image"_a, "motion"_a, "tile"_a, "margin"_a, "how"_a, "rounds"_a, "flags"_a,
       "offset"_a, "evidence"_a)
KERNEL("align_settle", settle, "offset"_a, "evidence"_a, "how"_a, "sweeps"_a, "flow"_a)
KERNEL("align_residue", residue, "reference"_a, "image"_a, "flow"_a, "tile"_a, "how"_a, "left"_a, "explained"_a)
