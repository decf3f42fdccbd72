// SPDX-License-Identifier: Apache-2.0
// Sampling of the simulated camera: every pixel at its own place, time and colour; formulas in simulate/optics.py.
#include "kernel.h"

namespace {

inline void spline(float t, float *k) {  // uniform cubic B-spline: never negative, sums to one
    const float s = 1.0f - t;
    k[0] = s * s * s * (1.0f / 6.0f);
    k[1] = (t * t * (3.0f * t - 6.0f) + 4.0f) * (1.0f / 6.0f);
    k[3] = t * t * t * (1.0f / 6.0f);
    k[2] = 1.0f - k[0] - k[1] - k[3];
}

inline float sum4(const float *p, const float *k) { return k[0] * p[0] + k[1] * p[1] + k[2] * p[2] + k[3] * p[3]; }

// Weights and place of the 4 x 4 samples around a position; positions outside repeat the edge.
struct Tap {
    int iy, ix, h, w;
    float ky[4], kx[4];
    Tap(double y, double x, int h, int w) : h(h), w(w) {
        y = y < -4 ? -4 : y > h + 4 ? h + 4 : y;
        x = x < -4 ? -4 : x > w + 4 ? w + 4 : x;
        iy = (int)(y + 8) - 9;
        ix = (int)(x + 8) - 9;
        spline((float)(y - (iy + 1)), ky);
        spline((float)(x - (ix + 1)), kx);
    }
    float of(const float *p) const {
        if (iy >= 0 && ix >= 0 && iy + 3 < h && ix + 3 < w) {
            p += (size_t)iy * w + ix;
            return ky[0] * sum4(p, kx) + ky[1] * sum4(p + w, kx) + ky[2] * sum4(p + 2 * (size_t)w, kx) +
                   ky[3] * sum4(p + 3 * (size_t)w, kx);
        }
        float sum = 0;
        for (int j = 0; j < 4; j++) {
            const float *row = p + (size_t)clampi(iy + j, 0, h - 1) * w;
            float edge[4];
            for (int i = 0; i < 4; i++) edge[i] = row[clampi(ix + i, 0, w - 1)];
            sum += ky[j] * sum4(edge, kx);
        }
        return sum;
    }
};

// What the lens adds to the positions of one row: cubics through four nodes of a grid, one set or one per colour.
class Bend {
    const double *nodes;
    int sets, gh, gw, step, pieces;
    std::vector<double> row, cubic;  // of one set: gw x (y, x); of all: pieces x (four of y, four of x)

  public:
    Bend(const In<double, 4> &grid, int step)
        : nodes(grid.data()), sets(grid.size() ? grid.shape(0) : 0), gh(grid.shape(1)), gw(grid.shape(2)), step(step),
          pieces(std::max(gw - 3, 0)), row(2 * (size_t)gw), cubic((size_t)sets * pieces * 8) {}
    int count() const { return sets; }
    void start(int y) {  // node (j, i) is at pixel ((j - 1) step, (i - 1) step)
        const int j = y / step;
        const double t = (double)(y - j * step) / step;
        const double k[4] = {-t * (t - 1) * (t - 2) / 6, (t + 1) * (t - 1) * (t - 2) / 2, -(t + 1) * t * (t - 2) / 2,
                             (t + 1) * t * (t - 1) / 6};
        for (int s = 0; s < sets; s++) {
            const double *n = nodes + ((size_t)s * gh + j) * gw * 2;
            const size_t next = (size_t)gw * 2;
            for (int i = 0; i < 2 * gw; i++)
                row[i] = k[0] * n[i] + k[1] * n[next + i] + k[2] * n[2 * next + i] + k[3] * n[3 * next + i];
            double *c = cubic.data() + (size_t)s * pieces * 8;
            for (int i = 0; i < pieces; i++)
                for (int axis = 0; axis < 2; axis++, c += 4) {
                    const double *a = row.data() + 2 * i + axis;
                    c[0] = a[2];
                    c[1] = -a[0] / 3 - a[2] / 2 + a[4] - a[6] / 6;
                    c[2] = a[0] / 2 - a[2] + a[4] / 2;
                    c[3] = -a[0] / 6 + a[2] / 2 - a[4] / 2 + a[6] / 6;
                }
        }
    }
    // Adds to the positions of the columns x0 ... x1 of the row.
    void add(int set, int x0, int x1, double *py, double *px) const {
        for (int i = x0 / step, x = x0; x < x1; i++) {
            const double *c = cubic.data() + ((size_t)set * pieces + i) * 8, inverse = 1.0 / step;
            const int end = std::min(x1, (i + 1) * step);
            for (; x < end; x++) {
                const double u = (double)(x - i * step) * inverse;
                py[x - x0] += c[0] + u * (c[1] + u * (c[2] + u * c[3]));
                px[x - x0] += c[4] + u * (c[5] + u * (c[6] + u * c[7]));
            }
        }
    }
};

// Samples of `planes` at pose(pixel + what the lens adds), one colour per pixel (cell) or three; the pose may change from
// row to row.  With `alpha`, laid over what is in `out`; without, `out` is replaced.
template <int CHANNELS, bool BENT>
void sample(const In<float, 3> &planes, const In<float, 3> &alpha, const In<double, 4> &lens, int step, const In<double, 3> &poses,
            const In<uint8_t, 2> &cell, const int64_t *box, float *out, int w) {
    const int ph = planes.shape(1), pw = planes.shape(2), down = cell.shape(0), right = cell.shape(1);
    const size_t size = (size_t)ph * pw;
    const bool over = alpha.size() > 0;
    const int top = (int)box[0], x0 = (int)box[1], x1 = (int)box[3];
    parallel_rows((int)box[2] - top, 16, [&](int j0, int j1) {
        constexpr int STRIP = 128;
        double sy[3][STRIP], sx[3][STRIP];
        Bend bend(lens, step);
        const int sets = BENT ? bend.count() : 1;
        for (int y = top + j0; y < top + j1; y++) {
            const double *p = poses.data() + (poses.shape(0) > 1 ? 6 * (size_t)y : 0);
            const uint8_t *colours = CHANNELS == 1 ? cell.data() + (size_t)(y % down) * right : nullptr;
            if (BENT) bend.start(y);
            bool wanted[3] = {true, CHANNELS == 3, CHANNELS == 3};
            if (CHANNELS == 1 && sets == 3)
                for (int s = 0; s < 3; s++) wanted[s] = std::find(colours, colours + right, s) != colours + right;
            for (int at = x0; at < x1; at += STRIP) {
                const int end = std::min(x1, at + STRIP), count = end - at;
                for (int s = 0; s < sets; s++) {
                    if (!wanted[s]) continue;
                    for (int i = 0; i < count; i++) sy[s][i] = y, sx[s][i] = at + i;
                    if (BENT) bend.add(s, at, end, sy[s], sx[s]);
                    for (int i = 0; i < count; i++) {
                        const double v = sy[s][i], u = sx[s][i];
                        sy[s][i] = p[0] * v + p[1] * u + p[2];
                        sx[s][i] = p[3] * v + p[4] * u + p[5];
                    }
                }
                for (int i = 0, phase = CHANNELS == 1 ? at % right : 0; i < count; i++) {
                    float *o = out + ((size_t)y * w + at + i) * CHANNELS;
                    auto put = [&](const Tap &tap, int c, int colour) {
                        const size_t plane = size * colour;
                        const float v = tap.of(planes.data() + plane);
                        o[c] = over ? o[c] * (1.0f - tap.of(alpha.data() + plane)) + v : v;
                    };
                    if (CHANNELS == 1) {
                        const int colour = colours[phase], s = sets == 3 ? colour : 0;
                        phase = phase + 1 < right ? phase + 1 : 0;
                        put(Tap(sy[s][i], sx[s][i], ph, pw), 0, colour);
                    } else if (sets == 1) {
                        const Tap tap(sy[0][i], sx[0][i], ph, pw);
                        for (int c = 0; c < 3; c++) put(tap, c, c);
                    } else {
                        for (int c = 0; c < 3; c++) put(Tap(sy[c][i], sx[c][i], ph, pw), c, c);
                    }
                }
            }
        }
    });
}

template <int CHANNELS>
void render(In<float, 3> planes, In<float, 3> alpha, In<double, 4> lens, int step, In<double, 3> poses, In<uint8_t, 2> cell,
            In<int64_t, 1> box, Out<float, 3> out) {
    const int h = out.shape(0), w = out.shape(1);
    need(out.shape(2) == CHANNELS && planes.shape(0) == 3, "planes must be (3, h, w) and out (h, w, 1) or (h, w, 3)");
    need(alpha.size() == 0 || alpha.size() == planes.size(), "alpha must be as large as planes");
    need(poses.shape(1) == 2 && poses.shape(2) == 3 && ((int)poses.shape(0) == h || poses.shape(0) == 1), "poses: one, or one a row");
    need(CHANNELS == 3 || cell.size() > 0, "cell must not be empty");
    for (size_t i = 0; i < cell.size(); i++) need(cell.data()[i] < 3, "cell must be of 0, 1, 2");
    const int64_t *b = box.data();
    need(box.size() == 4 && b[0] >= 0 && b[1] >= 0 && b[0] <= b[2] && b[1] <= b[3] && b[2] <= h && b[3] <= w, "box outside of out");
    if (lens.size() == 0) return sample<CHANNELS, false>(planes, alpha, lens, 1, poses, cell, b, out.data(), w);
    need((lens.shape(0) == 1 || lens.shape(0) == 3) && lens.shape(3) == 2 && step >= 1, "lens must be (1 or 3, rows, columns, 2)");
    need(((int)lens.shape(1) - 3) * step >= h && ((int)lens.shape(2) - 3) * step >= w, "lens has too few nodes");
    sample<CHANNELS, true>(planes, alpha, lens, step, poses, cell, b, out.data(), w);
}

}  // namespace

KERNEL("render", render<1>, "planes"_a, "alpha"_a, "lens"_a, "step"_a, "poses"_a, "cell"_a, "box"_a, "out"_a)
KERNEL("render_rgb", render<3>, "planes"_a, "alpha"_a, "lens"_a, "step"_a, "poses"_a, "cell"_a, "box"_a, "out"_a)
