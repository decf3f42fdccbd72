// SPDX-License-Identifier: Apache-2.0
// How far a warped frame is believed, cell by cell: the differences to the reference, their means, the weights.
// A cell is 2 x 2 pixels; an Area is a rectangle of cells with maps of its own.  Formulas: combine/merge.py.
#pragma once
#include "runs.h"
#include "warp.h"

struct Judge {  // as `verdict` in combine/merge.py lays it out
    float shot[3], read[3], slope, fine0, fine1, broad0, broad1, fine_most, broad_most, share, gain, clip[3];
    bool all() const { return fine0 >= 1e30f; }  // everything is believed
};

constexpr float UNSEEN = -1.0f;  // difference of a cell that lies outside the frame
constexpr int FINE = 1, BROAD = 4, HALO = BROAD + 2;  // cells

struct Area {  // cells y0 .. y0 + n - 1, x0 .. x0 + m - 1 of a picture of hc x wc cells
    int y0, x0, n, m, hc, wc;
};

struct Grounds {  // what differences are judged by
    const float *ref;    // means of the reference's cells, (hc, wc, 3)
    const float *shade;  // (hc, wc) or null
    const Judge &judge;
};

class Differences {
    std::vector<float> pairs, mean, part, shot, read, shade;

  public:
    // What can be laid out beforehand for rows of up to m cells.
    void prepare(const Judge &J, int m) {
        const size_t N = 3 * m;
        if (pairs.size() < 2 * N + 8) {  // all of them have eight to spare
            pairs.resize(2 * N + 8);
            for (auto *v : {&mean, &part, &shot, &read, &shade}) v->resize(N + 8);
        }
        for (size_t i = 0; i < N; i += 3)
            for (int c = 0; c < 3; c++) shot[i + c] = 0.5f * J.shot[c], read[i + c] = J.read[c];
    }
    // D of the m cells from (y, x0): a and b are the two rows of warped pixels.
    void row(const float *a, const float *b, const Area &area, int y, int x0, int m, const Grounds &by, float *d) {
        const Judge &J = by.judge;
        const int w = 3 * area.wc, N = 3 * m;
        float *__restrict t = pairs.data(), *__restrict v = mean.data(), *__restrict q = part.data();
        const float *shot = this->shot.data(), *read = this->read.data();
        for (int i = 0; i < 2 * N; i++) t[i] = a[i] + b[i];
        for (int i = 0; i < 2 * N - 3; i++) t[i] = 0.25f * (t[i] + t[i + 3]);
        for (int x = 0; x < m; x++) std::memcpy(v + 3 * x, t + 6 * x, 4 * sizeof(float));  // the fourth is overwritten
        const float *r = by.ref + (size_t)y * w + 3 * x0, *up = y > 0 ? r - w : r, *down = y < area.hc - 1 ? r + w : r;
        const float *s = nullptr;
        if (by.shade) {
            const float *p = by.shade + (size_t)y * area.wc + x0;
            for (int x = 0; x < m; x++) shade[3 * x] = shade[3 * x + 1] = shade[3 * x + 2] = p[x];
            s = shade.data();
        }
        const float slope = J.slope;
        auto share = [&](int i, int before, int after, float noise) {
            const float e = v[i] - r[i], level = v[i] + r[i], gx = r[after] - r[before], gy = down[i] - up[i];
            return e * e / ((shot[i] * (level > 0 ? level : 0) + read[i]) * noise + slope * (gx * gx + gy * gy));
        };
        const int first = x0 == 0 ? 3 : 0, last = x0 + m == area.wc ? N - 3 : N;
        if (s)
            for (int i = first; i < last; i++) q[i] = share(i, i - 3, i + 3, s[i]);
        else
            for (int i = first; i < last; i++) q[i] = share(i, i - 3, i + 3, 1.0f);
        for (int i = 0; i < first; i++) q[i] = share(i, i, area.wc > 1 ? i + 3 : i, s ? s[i] : 1.0f);
        for (int i = std::max(first, last); i < N; i++) q[i] = share(i, i - 3, i, s ? s[i] : 1.0f);
        for (int x = 0; x < m; x++) d[x] = (1.0f / 3.0f) * ((q[3 * x] + q[3 * x + 1]) + q[3 * x + 2]);
        if (J.clip[0] < 1e30f)
            for (int i = 0; i < N; i++)
                if (v[i] >= J.clip[i % 3]) d[i / 3] = UNSEEN;
    }
};

// Means over boxes of (2 radius + 1)^2 cells of an n x m map, values held at `most`; 1 is taken for what is unknown.
inline void box(const float *d, int n, int m, int radius, float most, float *out) {
    static thread_local std::vector<float> memory;
    const int pad = radius + 1;
    memory.assign(2 * (size_t)(m + 2 * pad), (float)(2 * radius + 1));
    float *column = memory.data() + pad, *three = column + m + 2 * pad;
    auto add = [&](int j, float sign) {
        if (j < 0 || j >= n) {
            for (int x = 0; x < m; x++) column[x] += sign;
            return;
        }
        const float *p = d + (size_t)j * m;
        for (int x = 0; x < m; x++) {
            const float v = p[x] < most ? p[x] : most;
            column[x] += sign * (v < 0 ? 1.0f : v);
        }
    };
    for (int x = 0; x < m; x++) column[x] = 0;
    for (int j = -radius; j < radius; j++) add(j, 1.0f);
    const float norm = 1.0f / ((2 * radius + 1) * (2 * radius + 1));
    for (int j = 0; j < n; j++) {
        add(j + radius, 1.0f);
        float *o = out + (size_t)j * m;
        if (radius == 4) {  // three threes
            for (int x = -3; x < m + 3; x++) three[x] = column[x - 1] + column[x] + column[x + 1];
            for (int x = 0; x < m; x++) o[x] = norm * (three[x - 3] + three[x] + three[x + 3]);
        } else {
            for (int x = 0; x < m; x++) o[x] = column[x];
            for (int k = 1; k <= radius; k++)
                for (int x = 0; x < m; x++) o[x] += column[x - k] + column[x + k];
            for (int x = 0; x < m; x++) o[x] *= norm;
        }
        add(j - radius, -1.0f);
    }
}

// Differences as they count in a mean: at most `most`, and 1 where nothing is known.
inline Run counted(Run d, float most) {
    d = d < most ? d : Run{} + most;
    return d < 0.0f ? Run{} + 1.0f : d;
}

inline Run within(Run a) {  // 0 to 1
    a = a < 0.0f ? Run{} : a;
    return a > 1.0f ? Run{} + 1.0f : a;
}

// Weight of every cell from the differences d of an n x m map: from their means over boxes of FINE and of BROAD, row by row.
// Whole vectors are read: of the last row up to LANES - 1 floats beyond the map.
inline void weigh(const float *d, int n, int m, const Judge &J, float *weight) {
    static thread_local std::vector<float> memory;
    constexpr int FEW = 2 * FINE + 1, MANY = 2 * BROAD + 1, PAD = 2 * LANES;
    const size_t row = (m + LANES - 1) / LANES * LANES + 2 * PAD;
    memory.assign(4 * row, 1.0f);  // taken for what lies outside
    float *const outside = memory.data() + PAD, *const near = outside + row, *const far = near + row, *const three = far + row;
    auto line = [&](int j) { return j < 0 || j >= n ? outside : d + (size_t)j * m; };
    auto end = [=](float *v, float sum) { std::fill(v - PAD, v, sum), std::fill(v + m, v + m + PAD, sum); };
    std::fill(far, far + m, 0.0f);
    for (int j = -BROAD; j < BROAD; j++)
        for (int x = 0; x < m; x += LANES) put(far + x, at(far + x) + counted(at(line(j) + x), J.broad_most));
    const float kf = 1.0f / (J.fine1 - J.fine0), kb = 1.0f / (J.broad1 - J.broad0);
    const float of_few = 1.0f / (FEW * FEW), of_many = 1.0f / (MANY * MANY);
    for (int j = 0; j < n; j++) {
        const float *up = line(j - 1), *here = line(j), *down = line(j + 1), *comes = line(j + BROAD), *gone = line(j - BROAD - 1);
        for (int x = 0; x < m; x += LANES) {
            put(near + x, counted(at(up + x), J.fine_most) + counted(at(here + x), J.fine_most) + counted(at(down + x), J.fine_most));
            const Run held = j > 0 ? at(far + x) - counted(at(gone + x), J.broad_most) : at(far + x);
            put(far + x, held + counted(at(comes + x), J.broad_most));
        }
        end(near, FEW), end(far, MANY);
        for (int x = -LANES; x < m + LANES; x += LANES) put(three + x, at(far + x - 1) + at(far + x) + at(far + x + 1));
        float *const o = weight + (size_t)j * m;
        for (int x = 0; x < m; x += LANES) {
            const Run broad = of_many * (at(three + x - 3) + at(three + x) + at(three + x + 3));
            const Run fine = of_few * (at(near + x) + (at(near + x - 1) + at(near + x + 1)));
            const Run f = within((J.fine1 - fine) * kf), b = within((J.broad1 - broad) * kb);
            const Run both = at(here + x) < 0.0f ? Run{} : f * b * J.share;
            std::memcpy(o + x, &both, sizeof(float) * std::min(LANES, m - x));
        }
    }
}

// Least of every 3 x 3 cells.
inline void erode(const float *weight, int n, int m, float *least) {
    std::vector<float> line(m);
    for (int j = 0; j < n; j++) {
        const float *u = weight + (size_t)std::max(0, j - 1) * m, *c = weight + (size_t)j * m,
                    *b = weight + (size_t)std::min(n - 1, j + 1) * m;
        float *v = line.data(), *o = least + (size_t)j * m;
        for (int x = 0; x < m; x++) {
            float t = u[x] < b[x] ? u[x] : b[x];
            v[x] = t < c[x] ? t : c[x];
        }
        auto of = [&](int x, int l, int r) {
            float t = v[l] < v[r] ? v[l] : v[r];
            o[x] = t < v[x] ? t : v[x];
        };
        of(0, 0, std::min(1, m - 1));
        for (int x = 1; x < m - 1; x++) of(x, x - 1, x + 1);
        if (m > 1) of(m - 1, m - 2, m - 1);
    }
}
