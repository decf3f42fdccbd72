// SPDX-License-Identifier: Apache-2.0
// linearize: digital numbers → white-balanced light; outliers: photosites that stand out from their own colour.
#include "kernel.h"

// A gain map laid over the columns of the image: for every column it touches, the segment and the place in it.
namespace {
struct GainMap {
    int top, left, bottom, right, plane, planes, down, across, v, h, p;
    double spacing_v, spacing_h, origin_v, origin_h;
    const float *gain;
    std::vector<int> start;      // first touched column of each segment, h entries
    std::vector<float> place;    // 0 … 1 inside the segment, per touched column
};
}  // namespace

static double position(double at, int size, double origin, double spacing, int points) {
    double u = points > 1 ? ((at + 0.5) / size - origin) / spacing : 0.0;
    return u < 0 ? 0 : u > points - 1 ? points - 1 : u;
}

static std::vector<GainMap> read_maps(In<float, 1> gains, In<double, 2> where, int h, int w, float power,
                                      std::vector<float> &raised) {
    raised.resize(gains.shape(0));
    for (size_t i = 0; i < raised.size(); i++) raised[i] = power == 1.0f ? gains(i) : pow_(gains(i), power);
    std::vector<GainMap> maps;
    size_t offset = 0;
    for (size_t k = 0; k < where.shape(0); k++) {
        auto n = [&](int i) { return (int)where(k, i); };
        GainMap m{n(0), n(1), std::min(n(2), h), std::min(n(3), w), n(4), n(5), n(6), n(7), n(8), n(9), n(10),
                  where(k, 11), where(k, 12), where(k, 13), where(k, 14), raised.data() + offset, {}, {}};
        offset += (size_t)m.v * m.h * m.p;
        need(offset <= raised.size() && m.v > 0 && m.h > 0 && m.p > 0 && m.down > 0 && m.across > 0, "gain map");
        m.start.assign(m.h + 1, 0);
        int touched = 0, segment = 0;
        for (int x = m.left; x < m.right; x += m.across, touched++) {
            double u = position(x, w, m.origin_h, m.spacing_h, m.h);
            int s = std::min((int)u, std::max(0, m.h - 2));
            while (segment < s) m.start[++segment] = touched;
            m.place.push_back((float)(u - s));
        }
        while (segment < m.h) m.start[++segment] = touched;
        maps.push_back(std::move(m));
    }
    return maps;
}

// Multiply row y of `shade` (w × c samples) by the map.
static void apply_map(const GainMap &m, int y, int h, int c, float *shade, std::vector<float> &row,
                      std::vector<float> &across) {
    if (y < m.top || y >= m.bottom || (y - m.top) % m.down) return;
    double u = position(y, h, m.origin_v, m.spacing_v, m.v);
    int j = std::min((int)u, std::max(0, m.v - 2)), below = std::min(j + 1, m.v - 1);
    float f = (float)(u - j);
    for (int plane = m.plane; plane < std::min(m.plane + m.planes, c); plane++) {
        int p = std::min(plane - m.plane, m.p - 1);
        for (int i = 0; i < m.h; i++) {
            float a = m.gain[((size_t)j * m.h + i) * m.p + p], b = m.gain[((size_t)below * m.h + i) * m.p + p];
            row[i] = a + (b - a) * f;
        }
        row[m.h] = row[m.h - 1];
        for (int s = 0; s < m.h; s++) {
            float a = row[s], d = row[s + 1] - a;
            const float *__restrict place = m.place.data();
            float *__restrict to = across.data();
            for (int x = m.start[s]; x < m.start[s + 1]; x++) to[x] = a + d * place[x];
        }
        float *__restrict out = shade + (size_t)m.left * c + plane;
        int step = m.across * c, n = m.start[m.h];
        if (step == 2)
            for (int x = 0; x < n; x++) out[2 * x] *= across[x];
        else
            for (int x = 0; x < n; x++) out[(size_t)x * step] *= across[x];
    }
}

// FixVignetteRadial: k0 … k4, centre x, y.
static void apply_vignette(const In<double, 2> &list, int y, int h, int w, int c, float power, float *shade) {
    for (size_t k = 0; k < list.shape(0); k++) {
        double cx = list(k, 5) * (w - 1), cy = list(k, 6) * (h - 1);
        double far = std::hypot(std::max(cx, w - 1 - cx), std::max(cy, h - 1 - cy));
        float per = (float)(1 / std::max(far, 1.0)), x0 = (float)cx, dy = (float)((y - cy) * per);
        float a = (float)list(k, 0), b = (float)list(k, 1), d = (float)list(k, 2), e = (float)list(k, 3),
              f = (float)list(k, 4);
        auto at = [=](int x) {
            float dx = ((float)x - x0) * per, r = dx * dx + dy * dy;
            return 1 + r * (a + r * (b + r * (d + r * (e + r * f))));
        };
        if (power == 1.0f && c == 1)
            for (int x = 0; x < w; x++) shade[x] *= at(x);
        else
            for (int x = 0; x < w; x++) {
                float g = power == 1.0f ? at(x) : pow_(at(x), power);
                for (int p = 0; p < c; p++) shade[(size_t)x * c + p] *= g;
            }
    }
}

// Add a row of gains to the cells of 2 × 2 (an even row begins them).
static void fold(const float *__restrict s, float *__restrict cell, int w, int c, bool odd, float part) {
    if (!odd) std::fill(cell, cell + (w + 1) / 2, 0.0f);
    const int whole = w / 2;
    if (c == 1)
        for (int x = 0; x < whole; x++) cell[x] += part * (s[2 * x] + s[2 * x + 1]);
    else
        for (int x = 0; x < whole; x++)
            for (int p = 0; p < 2 * c; p++) cell[x] += part * s[(size_t)2 * x * c + p];
    if (w & 1)
        for (int p = 0; p < c; p++) cell[whole] += 2 * part * s[(size_t)(w - 1) * c + p];
}

static void linearize(In<uint16_t, 3> dn, In<float, 2> black, In<float, 1> black_rows, In<float, 2> gain, int white,
                      In<uint16_t, 2> clip, In<float, 1> gains, In<double, 2> where, In<double, 2> vignettes, float power,
                      Out<float, 3> light, Out<uint8_t, 2> clipped, Out<float, 2> shading) {
    const int h = (int)dn.shape(0), w = (int)dn.shape(1), c = (int)dn.shape(2), n = w * c;
    need((int)black.shape(1) == n && black.shape(0) > 0, "black");
    need((int)black_rows.shape(0) == h || black_rows.shape(0) == 0, "black_rows");
    need((int)gain.shape(1) == n && gain.shape(0) > 0, "gain");
    need((int)clip.shape(1) == n && clip.shape(0) == gain.shape(0), "clip");
    need((int)light.shape(0) == h && (int)light.shape(1) == w && (int)light.shape(2) == c, "light");
    need((int)clipped.shape(0) == h && (int)clipped.shape(1) == w, "clipped");
    need(where.shape(1) == 15 && vignettes.shape(1) == 7, "opcodes");
    std::vector<float> raised;
    const auto maps = read_maps(gains, where, h, w, power, raised);
    const bool shaded = shading.shape(0) > 0;
    need(!shaded || ((int)shading.shape(0) == (h + 1) / 2 && (int)shading.shape(1) == (w + 1) / 2), "shading");
    int points = 1;
    for (auto &m : maps) points = std::max(points, m.h);
    const int bh = (int)black.shape(0), gh = (int)gain.shape(0);

    parallel_rows(h, 32, [&](int y0, int y1) {
        std::vector<float> shade(n, 1.0f), row(points + 1), across(w);
        for (int y = y0; y < y1; y++) {
            const uint16_t *in = dn.data() + (size_t)y * n;
            float *out = light.data() + (size_t)y * n;
            const float *b = black.data() + (size_t)(y % bh) * n, *g = gain.data() + (size_t)(y % gh) * n;
            const float by = black_rows.shape(0) ? black_rows(y) : 0.0f, top = (float)white;
            for (int x = 0; x < n; x++) out[x] = (std::min((float)in[x], top) - (b[x] + by)) * g[x];
            uint8_t *flag = clipped.data() + (size_t)y * w;
            const uint16_t *full = clip.data() + (size_t)(y % gh) * n;
            if (c == 1)
                for (int x = 0; x < w; x++) flag[x] = in[x] >= full[x];
            else
                for (int x = 0; x < w; x++) {
                    flag[x] = 0;
                    for (int p = 0; p < c; p++) flag[x] |= (in[(size_t)x * c + p] >= full[(size_t)x * c + p]) << p;
                }
            if (!shaded) continue;
            std::fill(shade.begin(), shade.end(), 1.0f);
            for (auto &m : maps) apply_map(m, y, h, c, shade.data(), row, across);
            apply_vignette(vignettes, y, h, w, c, power, shade.data());
            for (int x = 0; x < n; x++) out[x] *= shade[x];
            fold(shade.data(), shading.data() + (size_t)(y / 2) * ((w + 1) / 2), w, c, y & 1,
                 (y == h - 1 && !(y & 1) ? 0.5f : 0.25f) / c);
        }
    });
}
KERNEL("linearize", linearize, "dn"_a, "black"_a, "black_rows"_a, "gain"_a, "white"_a, "clip"_a, "gains"_a, "where"_a,
       "vignettes"_a, "power"_a, "light"_a, "clipped"_a, "shading"_a)

// Second largest and second smallest of the eight neighbours, by keeping the two extremes of a growing set.
static void second(const uint16_t *__restrict a, const uint16_t *__restrict b, const uint16_t *__restrict c,
                   uint16_t *__restrict high, uint16_t *__restrict low, int w) {
    using U = uint16_t;
    auto least = [](U p, U q) { return p < q ? p : q; };
    auto most = [](U p, U q) { return p < q ? q : p; };
    for (int x = 0; x < w; x++) {
        U hi = most(a[x], a[x + 2]), hi2 = least(a[x], a[x + 2]), lo = hi2, lo2 = hi;
#define ADD(n)                                                                                                         \
    hi2 = most(hi2, least(hi, n)), hi = most(hi, n), lo2 = least(lo2, most(lo, n)), lo = least(lo, n);
        ADD(a[x + 4]) ADD(b[x]) ADD(b[x + 4]) ADD(c[x]) ADD(c[x + 2]) ADD(c[x + 4])
#undef ADD
        high[x] = hi2;
        low[x] = lo2;
    }
}

// Whether a value stands out from the second largest or smallest of its neighbours: by more than sqrt(slope · neighbour +
// base), and by more than `busy` times the spread of these two.
struct Judge {
    float slope, base, busy;
    bool operator()(float v, float hi, float lo) const {
        const float up = v - hi, down = lo - v, spread = busy * (hi - lo);
        return (up > spread && up > 0 && up * up > std::max(slope * hi + base, 1.0f)) ||
               (down > spread && down > 0 && down * down > std::max(slope * lo + base, 1.0f));
    }
};

// 1 where a photosite stands out from its eight neighbours of the same colour (two away).
static void outliers(In<uint16_t, 2> dn, float slope, float base, float busy, Out<uint8_t, 2> found) {
    const int h = (int)dn.shape(0), w = (int)dn.shape(1);
    need((int)found.shape(0) == h && (int)found.shape(1) == w && h > 4 && w > 4, "found");
    const Judge stands{slope, base, busy};
    parallel_rows(h, 32, [&](int y0, int y1) {
        std::vector<uint16_t> rows[3], hi(w), lo(w), out(w);
        for (auto &r : rows) r.resize(w + 4);
        for (int y = y0; y < y1; y++) {
            for (int k = 0; k < 3; k++) {
                const uint16_t *in = dn.data() + (size_t)mirror(y + 2 * k - 2, h) * w;
                std::memcpy(rows[k].data() + 2, in, 2 * (size_t)w);
                for (int x : {-2, -1, w, w + 1}) rows[k][x + 2] = in[mirror(x, w)];
            }
            const uint16_t *b = rows[1].data() + 2;
            second(rows[0].data(), rows[1].data(), rows[2].data(), hi.data(), lo.data(), w);
            uint16_t least = 65535;
            for (int x = 0; x < w; x++) least = lo[x] < least ? lo[x] : least;
            // no threshold of the row is lower than this; few photosites have to be looked at closely
            const auto enough = (uint16_t)std::min(65535.0f, __builtin_sqrtf(std::max(slope * (float)least + base, 1.0f)));
            for (int x = 0; x < w; x++) {
                const uint16_t top = hi[x] < b[x] ? b[x] - hi[x] : 0, bottom = b[x] < lo[x] ? lo[x] - b[x] : 0;
                out[x] = (top > bottom ? top : bottom) >= enough;
            }
            uint8_t *f = found.data() + (size_t)y * w;
            for (int x = 0; x < w; x++) f[x] = (uint8_t)out[x];
            for (int x = 0; x < w; x += 32) {
                const int end = std::min(w, x + 32);
                uint8_t any = 0;
                for (int i = x; i < end; i++) any |= f[i];
                for (int i = x; any && i < end; i++) f[i] = f[i] && stands(b[i], hi[i], lo[i]);
            }
        }
    });
}
KERNEL("outliers", outliers, "dn"_a, "slope"_a, "base"_a, "busy"_a, "found"_a)

// The same for a cell of any size: same (p, q, 8, 2) are the steps from its places to the eight neighbours.
static void outliers_cell(In<uint16_t, 2> dn, In<int32_t, 4> same, float slope, float base, float busy,
                          Out<uint8_t, 2> found) {
    const Judge stands{slope, base, busy};
    const int h = (int)dn.shape(0), w = (int)dn.shape(1), p = (int)same.shape(0), q = (int)same.shape(1);
    need((int)found.shape(0) == h && (int)found.shape(1) == w && same.shape(2) == 8 && same.shape(3) == 2, "found");
    need(h >= 2 * p && w >= 2 * q, "a picture of two cells");
    auto folded = [](int v, int n, int period) {
        while (v < 0) v += period;
        while (v >= n) v -= period;
        return v;
    };
    parallel_rows(h, 32, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++)
            for (int x = 0; x < w; x++) {
                const int32_t *step = same.data() + ((size_t)(y % p) * q + x % q) * 16;
                int hi = -1, hi2 = -1, lo = 65536, lo2 = 65536;
                for (int k = 0; k < 8; k++) {
                    const int v = dn.data()[(size_t)folded(y + step[2 * k], h, p) * w + folded(x + step[2 * k + 1], w, q)];
                    hi2 = std::max(hi2, std::min(hi, v)), hi = std::max(hi, v);
                    lo2 = std::min(lo2, std::max(lo, v)), lo = std::min(lo, v);
                }
                found.data()[(size_t)y * w + x] = stands(dn.data()[(size_t)y * w + x], (float)hi2, (float)lo2);
            }
    });
}
KERNEL("outliers_cell", outliers_cell, "dn"_a, "same"_a, "slope"_a, "base"_a, "busy"_a, "found"_a)
