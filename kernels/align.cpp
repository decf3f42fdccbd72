// SPDX-License-Identifier: Apache-2.0
// Alignment: grey pyramids in units of noise, a robust global affine fit, and a tile flow refined by Lucas–Kanade.
// The idea stands in combine/align.py.  Sums run in a fixed order (rows in bands, bands one after the other).
#include <array>

#include "kernel.h"

namespace {

// Mean of each 2x2 cell, variance-stabilised: z = 2/s sqrt(s g + r) has unit noise where var(g) = s g + r.
void grey(In<float, 2> cfa, float s, float r, Out<float, 2> out) {
    const int h = out.shape(0), w = out.shape(1), W = cfa.shape(1);
    need((int)cfa.shape(0) / 2 == h && W / 2 == w, "out must be (h/2, w/2)");
    parallel_rows(h, 32, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++) {
            const float *a = cfa.data() + (size_t)2 * y * W, *b = a + W;
            float *o = out.data() + (size_t)y * w;
            for (int x = 0; x < w; x++) {
                float g = 0.25f * (a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1]);
                float v = s * g + r;
                o[x] = 2.0f / s * __builtin_sqrtf(v > 0 ? v : 0);
            }
        }
    });
}

// Half size by the binomial (1 3 3 1)/8 in both directions; pixel j of the result is centred between 2j and 2j+1.
void half(In<float, 2> in, Out<float, 2> out) {
    const int H = in.shape(0), W = in.shape(1), h = out.shape(0), w = out.shape(1);
    need(h == H / 2 && w == W / 2, "out must be half of in");
    parallel_rows(h, 16, [&](int y0, int y1) {
        std::vector<float> row(W);
        for (int y = y0; y < y1; y++) {
            const float *r[4];
            for (int k = 0; k < 4; k++) r[k] = in.data() + (size_t)clampi(2 * y - 1 + k, 0, H - 1) * W;
            for (int x = 0; x < W; x++) row[x] = 0.125f * (r[0][x] + r[3][x]) + 0.375f * (r[1][x] + r[2][x]);
            float *o = out.data() + (size_t)y * w;
            for (int x = 0; x < w; x++) {
                int a = x ? 2 * x - 1 : 0, b = 2 * x + 2 < W ? 2 * x + 2 : W - 1;
                o[x] = 0.125f * (row[a] + row[b]) + 0.375f * (row[2 * x] + row[2 * x + 1]);
            }
        }
    });
}

// 3x3 binomial: takes the aliasing of the CFA out of the finest level.
void soften(In<float, 2> in, Out<float, 2> out) {
    const int h = in.shape(0), w = in.shape(1);
    need((int)out.shape(0) == h && (int)out.shape(1) == w, "out must have the shape of in");
    parallel_rows(h, 32, [&](int y0, int y1) {
        std::vector<float> row(w);
        for (int y = y0; y < y1; y++) {
            const float *a = in.data() + (size_t)std::max(y - 1, 0) * w, *b = in.data() + (size_t)y * w,
                        *c = in.data() + (size_t)std::min(y + 1, h - 1) * w;
            for (int x = 0; x < w; x++) row[x] = 0.25f * (a[x] + c[x]) + 0.5f * b[x];
            float *o = out.data() + (size_t)y * w;
            o[0] = 0.75f * row[0] + 0.25f * row[std::min(1, w - 1)];
            for (int x = 1; x < w - 1; x++) o[x] = 0.25f * (row[x - 1] + row[x + 1]) + 0.5f * row[x];
            if (w > 1) o[w - 1] = 0.75f * row[w - 1] + 0.25f * row[w - 2];
        }
    });
}

// Mean energy of the Laplacian of 4 x 4 means of the digital numbers, in every fourth band of 64 rows: how sharp a frame is
// compared with others of its burst, whose noise is the same.
double sharpness(In<uint16_t, 2> dn) {
    const int h = dn.shape(0) / 4, w = dn.shape(1) / 4, W = dn.shape(1), band = 16, bands = std::max(1, h / (4 * band));
    if (h < 3 || w < 3) return 0;
    std::vector<double> sums(bands, 0.0);
    parallel(bands, [&](int b) {
        const int y0 = b * 4 * band, n = std::min(h - y0, band);
        std::vector<float> mean((size_t)n * w);
        for (int j = 0; j < n; j++)
            for (int k = 0; k < 4; k++) {
                const uint16_t *p = dn.data() + (size_t)(4 * (y0 + j) + k) * W;
                float *o = &mean[(size_t)j * w];
                for (int x = 0; x < w; x++) o[x] += (float)(p[4 * x] + p[4 * x + 1] + p[4 * x + 2] + p[4 * x + 3]);
            }
        double total = 0;
        for (int j = 1; j < n - 1; j++) {
            const float *p = &mean[(size_t)j * w];
            float row = 0;
            for (int x = 1; x < w - 1; x++) {
                const float l = 4 * p[x] - p[x - 1] - p[x + 1] - p[x - w] - p[x + w];
                row += l * l;
            }
            total += row;
        }
        sums[b] = total;
    });
    double total = 0;
    for (double v : sums) total += v;
    return total;
}

// Best translation within +-radius by mean absolute difference over the overlap.
void search(In<float, 2> ref, In<float, 2> img, int radius, Out<double, 1> out) {
    const int h = ref.shape(0), w = ref.shape(1), n = 2 * radius + 1;
    need((int)img.shape(0) == h && (int)img.shape(1) == w && out.shape(0) == 2, "shapes differ");
    std::vector<double> cost(n * n);
    parallel(n * n, [&](int k) {
        int dy = k / n - radius, dx = k % n - radius;
        int ya = std::max(0, -dy), yb = std::min(h, h - dy), xa = std::max(0, -dx), xb = std::min(w, w - dx);
        double s = 0;
        for (int y = ya; y < yb; y++) {
            const float *a = ref.data() + (size_t)y * w, *b = img.data() + (size_t)(y + dy) * w + dx;
            float row = 0;
            for (int x = xa; x < xb; x++) row += a[x] > b[x] ? a[x] - b[x] : b[x] - a[x];
            s += row;
        }
        double area = double(std::max(0, yb - ya)) * std::max(0, xb - xa);
        // a far shift must be better by more than what noise does: where there is nothing to see, nothing moved
        cost[k] = area > 0.25 * h * w ? s / area + 0.002 * (std::abs(dy) + std::abs(dx)) : 1e30;
    });
    int best = radius * n + radius;
    for (int k = 0; k < n * n; k++)
        if (cost[k] < cost[best]) best = k;
    out.data()[0] = best / n - radius;
    out.data()[1] = best % n - radius;
}

bool solve(double *a, double *b, int n) {  // Gauss with pivoting, in place
    for (int i = 0; i < n; i++) {
        int p = i;
        for (int r = i + 1; r < n; r++)
            if (std::fabs(a[r * n + i]) > std::fabs(a[p * n + i])) p = r;
        if (std::fabs(a[p * n + i]) < 1e-12) return false;
        if (p != i) {
            for (int c = 0; c < n; c++) std::swap(a[p * n + c], a[i * n + c]);
            std::swap(b[p], b[i]);
        }
        for (int r = i + 1; r < n; r++) {
            double f = a[r * n + i] / a[i * n + i];
            for (int c = i; c < n; c++) a[r * n + c] -= f * a[i * n + c];
            b[r] -= f * b[i];
        }
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int c = i + 1; c < n; c++) b[i] -= a[i * n + c] * b[c];
        b[i] /= a[i * n + i];
    }
    return true;
}

// Motion p (6): dy = p0 + p1 u + p2 v, dx = p3 + p4 u + p5 v, with u = (x + 1/2)/w - 1/2, v = (y + 1/2 - h/2)/w.
struct Affine {
    double p[6];
    int h, w;
    Affine(const double *m, int h, int w) : h(h), w(w) {
        for (int k = 0; k < 6; k++) p[k] = m[k];
    }
    void at(double y, double x, float &dy, float &dx) const {
        double u = (x + 0.5) / w - 0.5, v = (y + 0.5 - 0.5 * h) / w;
        dy = float(p[0] + p[1] * u + p[2] * v);
        dx = float(p[3] + p[4] * u + p[5] * v);
    }
    float dy_dx() const { return float(p[1] / w); }  // change of dy and of dx from one pixel of a row to the next
    float dx_dx() const { return float(p[4] / w); }
};

constexpr int L = 8;  // lanes: pixels of a run that share one shift, and one sum each
struct Sums {
    float yy[L], xy[L], xx[L], ey[L], ex[L], ee[L];
    int runs;
    void clear() { std::memset(this, 0, sizeof *this); }
    static float total(const float *v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }
};

// Adds the run of L pixels at (y, x) of ref against img at (y + dy, x + dx); robust: with weights (s2 / (s2 + e^2))^2.
template <bool robust>
inline void add_run(const float *ref, const float *img, int h, int w, int y, int x, float dy, float dx, float s2, Sums &S) {
    const float py = y + dy, px = x + dx;
    if (!(py >= 0 && px >= 0 && py < h - 1 && px < w - L - 1)) return;
    const int j = (int)py, i = (int)px;
    const float fy = py - j, fx = px - i;
    const float *r = ref + (size_t)y * w + x, *q = img + (size_t)j * w + i;
    const float w00 = (1 - fy) * (1 - fx), w01 = (1 - fy) * fx, w10 = fy * (1 - fx), w11 = fy * fx;
    for (int l = 0; l < L; l++) {
        float v = w00 * q[l] + w01 * q[l + 1] + w10 * q[l + w] + w11 * q[l + w + 1];
        float e = v - r[l], gx = 0.5f * (r[l + 1] - r[l - 1]), gy = 0.5f * (r[l + w] - r[l - w]);
        float t = robust ? s2 / (s2 + e * e) : 1.0f, wt = robust ? t * t : 1.0f;
        S.yy[l] += wt * gy * gy;
        S.xy[l] += wt * gx * gy;
        S.xx[l] += wt * gx * gx;
        S.ey[l] += wt * gy * e;
        S.ex[l] += wt * gx * e;
        S.ee[l] += e * e;
    }
    S.runs++;
}

// Gauss-Newton on the affine motion with Geman-McClure weights; `model` = 2 (shift), 6 (affine).  `scale`: residual, in
// units of the image, at which a pixel starts to count as an outlier.  Normal equations are summed over cells of 16 x L
// pixels, in each of which the position (1, u, v) is constant; every sparse-th row counts.  `noise` is the gradient energy
// that noise alone has in a pixel; a prior of that weight holds the start, so that nothing moves where there is only noise.
void global_fit(In<float, 2> ref, In<float, 2> img, int model, int rounds, int sparse, float scale,
                float noise, Out<double, 1> motion) {
    const int h = ref.shape(0), w = ref.shape(1), bands = (h + 15) / 16;
    need((int)img.shape(0) == h && (int)img.shape(1) == w && motion.shape(0) == 6, "shapes differ");
    Affine A(motion.data(), h, w);
    const float s2 = scale * scale;
    for (int round = 0; round < rounds; round++) {
        std::vector<std::array<double, 25>> sums(bands);
        parallel(bands, [&](int b) {
            std::array<double, 25> S{};
            const int y0 = b * 16, y1 = std::min(h, y0 + 16);
            for (int x = 1; x + L < w; x += L) {
                Sums c;
                c.clear();
                for (int y = std::max(1, y0); y < std::min(h - 1, y1); y += sparse) {
                    float dy, dx;
                    A.at(y, x + 0.5 * (L - 1), dy, dx);
                    add_run<true>(ref.data(), img.data(), h, w, y, x, dy, dx, s2, c);
                }
                S[24] += c.runs * L;
                const double u = (x + 0.5 * L) / w - 0.5, v = (0.5 * (y0 + y1) - 0.5 * h) / w;
                const double t[6] = {1, u, v, u * u, u * v, v * v};
                const double m[3] = {Sums::total(c.yy), Sums::total(c.xy), Sums::total(c.xx)};
                const double g[2] = {Sums::total(c.ey), Sums::total(c.ex)};
                for (int q = 0; q < 3; q++)
                    for (int k = 0; k < 6; k++) S[q * 6 + k] += m[q] * t[k];
                for (int q = 0; q < 2; q++)
                    for (int k = 0; k < 3; k++) S[18 + q * 3 + k] += g[q] * t[k];
            }
            sums[b] = S;
        });
        std::array<double, 25> S{};
        for (auto &t : sums)
            for (int k = 0; k < 25; k++) S[k] += t[k];
        const double hold = 0.25 + noise * S[24];
        static const int at[3][3] = {{0, 1, 2}, {1, 3, 4}, {2, 4, 5}};
        double a[36], g[6];
        for (int i = 0; i < 3; i++) {
            for (int j = 0; j < 3; j++) {
                a[i * 6 + j] = S[at[i][j]];
                a[i * 6 + j + 3] = a[(j + 3) * 6 + i] = S[6 + at[i][j]];
                a[(i + 3) * 6 + j + 3] = S[12 + at[i][j]];
            }
            g[i] = S[18 + i];
            g[i + 3] = S[21 + i];
        }
        if (model == 2) {
            double b2[4] = {a[0] + hold, a[3], a[18], a[21] + hold};
            double g2[2] = {g[0] + hold * (A.p[0] - motion.data()[0]), g[3] + hold * (A.p[3] - motion.data()[3])};
            if (!solve(b2, g2, 2)) break;
            A.p[0] -= g2[0];
            A.p[3] -= g2[1];
        } else {
            for (int i = 0; i < 6; i++) {
                a[i * 6 + i] += hold;
                g[i] += hold * (A.p[i] - motion.data()[i]);
            }
            if (!solve(a, g, 6)) break;
            for (int i = 0; i < 6; i++) A.p[i] -= g[i];
        }
    }
    for (int k = 0; k < 6; k++) motion.data()[k] = A.p[k];
}

// The rows and columns that tile (j, i) looks at.
struct Box {
    int ya, yb, xa, xb;
    Box(int j, int i, int tile, int margin, int h, int w)
        : ya(std::max(0, j * tile - margin)), yb(std::min(h, (j + 1) * tile + margin)),
          xa(std::max(0, i * tile - margin)), xb(std::min(w, (i + 1) * tile + margin)) {}
};

struct Pair {
    const float *ref, *img;
    int h, w;
    Affine motion;
    // Sums over the box with the offset (oy, ox) added to the motion; false when too little overlaps.
    bool sums(const Box &b, float oy, float ox, Sums &S) const {
        S.clear();
        const int x0 = std::max(1, b.xa), x1 = std::min(w - 1, b.xb);
        const float sy = motion.dy_dx(), sx = motion.dx_dx();
        for (int y = std::max(1, b.ya); y < std::min(h - 1, b.yb); y++) {
            float dy, dx;
            motion.at(y, x0 + 0.5 * (L - 1), dy, dx);
            for (int x = x0; x + L <= x1; x += L)
                add_run<false>(ref, img, h, w, y, x, dy + oy + (x - x0) * sy, dx + ox + (x - x0) * sx, 0, S);
        }
        return S.runs > 0 && S.runs * L >= (b.yb - b.ya) * (b.xb - b.xa) / 3;
    }
};

// Tile flow around the global motion by Lucas-Kanade.  shift (ty, tx, 2): offset to the motion in pixels of this level, in
// and out; cost (ty, tx): mean squared residual at the result, infinite where too little overlaps.  The prior pulls the
// offset to where it started with the weight `pull` times the residual variance.  Only tiles with mask != 0.
void tiles(In<float, 2> ref, In<float, 2> img, In<double, 1> motion, int tile, int margin, float pull, int rounds,
           In<uint8_t, 2> mask, Out<float, 3> shift, Out<float, 2> cost) {
    const int h = ref.shape(0), w = ref.shape(1), ny = mask.shape(0), nx = mask.shape(1);
    need((int)shift.shape(0) == ny && (int)shift.shape(1) == nx && shift.shape(2) == 2, "shift must be (ty, tx, 2)");
    need((int)cost.shape(0) == ny && (int)cost.shape(1) == nx, "cost must be (ty, tx)");
    need(motion.shape(0) == 6, "motion must have six numbers");
    const Pair pair{ref.data(), img.data(), h, w, Affine(motion.data(), h, w)};
    parallel(ny, [&](int j) {
        for (int i = 0; i < nx; i++) {
            const int k = j * nx + i;
            if (!mask.data()[k]) continue;
            const Box box(j, i, tile, margin, h, w);
            const float sy = shift.data()[2 * k], sx = shift.data()[2 * k + 1];
            float oy = sy, ox = sx, mean = 0;
            Sums S;
            bool seen = pair.sums(box, oy, ox, S);
            for (int round = 0; seen && round < rounds; round++) {
                mean = Sums::total(S.ee) / (S.runs * L);
                const float hold = pull * (mean + 0.1f);
                const float a = Sums::total(S.yy) + hold, b = Sums::total(S.xy), c = Sums::total(S.xx) + hold;
                const float p = Sums::total(S.ey) + hold * (oy - sy), q = Sums::total(S.ex) + hold * (ox - sx);
                const float det = a * c - b * b;
                if (!(det > 0)) break;
                const float ey = (c * p - b * q) / det, ex = (a * q - b * p) / det;
                oy -= ey > 1 ? 1 : ey < -1 ? -1 : ey;
                ox -= ex > 1 ? 1 : ex < -1 ? -1 : ex;
                seen = pair.sums(box, oy, ox, S);
            }
            cost.data()[k] = seen ? Sums::total(S.ee) / (S.runs * L) : INFINITY;
            shift.data()[2 * k] = seen ? oy : sy;
            shift.data()[2 * k + 1] = seen ? ox : sx;
        }
    });
}

// Whole-pixel search around the motion for the masked tiles; shift receives the best offset to the motion.
void hunt(In<float, 2> ref, In<float, 2> img, In<double, 1> motion, int tile, int margin, int radius, In<uint8_t, 2> mask,
          Out<float, 3> shift) {
    const int h = ref.shape(0), w = ref.shape(1), ny = mask.shape(0), nx = mask.shape(1);
    const Affine A(motion.data(), h, w);
    parallel(ny, [&](int j) {
        for (int i = 0; i < nx; i++) {
            const int k = j * nx + i;
            if (!mask.data()[k]) continue;
            const Box b(j, i, tile, margin, h, w);
            float cy, cx;
            A.at(0.5 * (b.ya + b.yb - 1), 0.5 * (b.xa + b.xb - 1), cy, cx);
            const int gy = (int)std::lrint(cy), gx = (int)std::lrint(cx);
            float best = INFINITY;
            int by = 0, bx = 0;
            for (int dy = -radius; dy <= radius; dy++)
                for (int dx = -radius; dx <= radius; dx++) {
                    const int y0 = b.ya + gy + dy, x0 = b.xa + gx + dx;
                    if (y0 < 0 || x0 < 0 || y0 + b.yb - b.ya > h || x0 + b.xb - b.xa > w) continue;
                    float lane[L] = {};
                    for (int y = b.ya; y < b.yb; y++) {
                        const float *p = ref.data() + (size_t)y * w + b.xa, *q = img.data() + (size_t)(y + gy + dy) * w + x0;
                        for (int x = 0; x + L <= b.xb - b.xa; x += L)
                            for (int l = 0; l < L; l++) lane[l] += (p[x + l] - q[x + l]) * (p[x + l] - q[x + l]);
                    }
                    const float s = Sums::total(lane) * (1.0f + 0.1f * (dy * dy + dx * dx) / (float)(radius * radius + 1));
                    if (s < best) best = s, by = dy, bx = dx;
                }
            shift.data()[2 * k] = by + gy - cy;
            shift.data()[2 * k + 1] = bx + gx - cx;
        }
    });
}

}  // namespace

KERNEL("align_grey", grey, "cfa"_a, "shot"_a, "read"_a, "out"_a)
KERNEL("align_half", half, "image"_a, "out"_a)
KERNEL("align_soften", soften, "image"_a, "out"_a)
KERNEL("align_sharpness", sharpness, "dn"_a)
KERNEL("align_search", search, "reference"_a, "image"_a, "radius"_a, "out"_a)
KERNEL("align_global", global_fit, "reference"_a, "image"_a, "model"_a, "rounds"_a, "sparse"_a, "scale"_a,
       "noise"_a, "motion"_a)
KERNEL("align_tiles", tiles, "reference"_a, "image"_a, "motion"_a, "tile"_a, "margin"_a, "pull"_a, "rounds"_a, "mask"_a,
       "shift"_a, "cost"_a)
KERNEL("align_hunt", hunt, "reference"_a, "image"_a, "motion"_a, "tile"_a, "margin"_a, "radius"_a, "mask"_a, "shift"_a)
