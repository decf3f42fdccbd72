// SPDX-License-Identifier: Apache-2.0
// linearize: digital numbers → white-balanced light.
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

// Gains of a row, where no photosite is touched by two maps and all maps share their rows of points: a + share · d.  Rows of
// one kind, between the same two rows of points, share a and d, which are kept.
namespace {
class Smooth {
    struct Kept {
        uint32_t maps = 0;
        int row = -1;
        std::vector<float> a, d;
    } kept[4];
    int next = 0;
    const std::vector<GainMap> &maps;
    const int h, w;

  public:
    Smooth(const std::vector<GainMap> &maps, int h, int w) : maps(maps), h(h), w(w) {}

    static bool fits(const std::vector<GainMap> &maps, int c, size_t vignettes) {
        if (c != 1 || vignettes || maps.empty() || maps.size() > 32) return false;
        for (auto &m : maps) {
            const GainMap &f = maps[0];
            if (m.plane || m.planes < 1 || m.v != f.v || m.spacing_v != f.spacing_v || m.origin_v != f.origin_v) return false;
            for (const GainMap *o = &f; o != &m; o++) {
                const bool rows = m.down == o->down && (m.top - o->top) % m.down;
                const bool columns = m.across == o->across && (m.left - o->left) % m.across;
                const bool far = m.bottom <= o->top || o->bottom <= m.top || m.right <= o->left || o->right <= m.left;
                if (!rows && !columns && !far) return false;
            }
        }
        return true;
    }

    // The rows a and d of row y, and how much of d it has; nothing where no map touches it.
    const float *at(int y, const float *&d, float &share) {
        uint32_t touching = 0;
        for (size_t k = 0; k < maps.size(); k++)
            if (y >= maps[k].top && y < maps[k].bottom && (y - maps[k].top) % maps[k].down == 0) touching |= 1u << k;
        if (!touching) return nullptr;
        const GainMap &f = maps[0];
        const double u = position(y, h, f.origin_v, f.spacing_v, f.v);
        const int j = std::min((int)u, std::max(0, f.v - 2));
        share = (float)(u - j);
        Kept *k = std::find_if(kept, kept + 4, [&](const Kept &o) { return o.maps == touching && o.row == j; });
        if (k == kept + 4) {
            k = kept + next;
            next = (next + 1) % 4;
            k->maps = touching, k->row = j;
            k->a.assign(w, 1.0f), k->d.assign(w, 0.0f);
            for (size_t i = 0; i < maps.size(); i++)
                if (touching >> i & 1) lay(maps[i], j, k->a.data(), k->d.data());
        }
        d = k->d.data();
        return k->a.data();
    }

  private:
    static void lay(const GainMap &m, int j, float *a, float *d) {
        const int below = std::min(j + 1, m.v - 1);
        for (int s = 0; s < m.h; s++) {
            const int t = std::min(s + 1, m.h - 1);
            auto gain = [&](int row, int point) { return m.gain[((size_t)row * m.h + point) * m.p]; };
            const float a0 = gain(j, s), a1 = gain(j, t) - a0, b0 = gain(below, s), b1 = gain(below, t) - b0;
            for (int x = m.start[s]; x < m.start[s + 1]; x++) {
                const float p = m.place[x], one = a0 + a1 * p;
                a[m.left + x * m.across] = one;
                d[m.left + x * m.across] = b0 + b1 * p - one;
            }
        }
    }
};

struct Row {  // what a row of the picture has, by sample
    const uint16_t *in, *full;
    const float *black, *gain;
    float more, top;  // black of the row, and the white level
};
}  // namespace

static void flags(const Row &r, int w, int c, uint8_t *__restrict flag) {
    const uint16_t *__restrict in = r.in, *__restrict full = r.full;
    if (c == 1)
        for (int x = 0; x < w; x++) flag[x] = in[x] >= full[x];
    else
        for (int x = 0; x < w; x++) {
            flag[x] = 0;
            for (int p = 0; p < c; p++) flag[x] |= (in[(size_t)x * c + p] >= full[(size_t)x * c + p]) << p;
        }
}

// shading: the gains of 2 x 2 photosites, if it is wanted.
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
    const bool shaded = !maps.empty() || vignettes.shape(0) > 0, wanted = shaded && shading.shape(0) > 0;
    need(!wanted || ((int)shading.shape(0) == (h + 1) / 2 && (int)shading.shape(1) == (w + 1) / 2), "shading");
    const bool smooth = Smooth::fits(maps, c, vignettes.shape(0));
    int points = 1;
    for (auto &m : maps) points = std::max(points, m.h);
    const int bh = (int)black.shape(0), gh = (int)gain.shape(0);

    parallel_rows(h, 64, [&](int y0, int y1) {
        std::vector<float> shade(shaded && (wanted || !smooth) ? n : 0, 1.0f), row(points + 1), across(w);
        Smooth known(maps, h, w);
        for (int y = y0; y < y1; y++) {
            const Row r{dn.data() + (size_t)y * n, clip.data() + (size_t)(y % gh) * n, black.data() + (size_t)(y % bh) * n,
                        gain.data() + (size_t)(y % gh) * n, black_rows.shape(0) ? black_rows(y) : 0.0f, (float)white};
            const uint16_t *__restrict in = r.in;
            const float *__restrict b = r.black, *__restrict g = r.gain;
            float *__restrict out = light.data() + (size_t)y * n;
            flags(r, w, c, clipped.data() + (size_t)y * w);
            const float *d = nullptr;
            float share = 0;
            if (const float *a = smooth ? known.at(y, d, share) : nullptr) {
                for (int x = 0; x < n; x++)
                    out[x] = (std::min((float)in[x], r.top) - (b[x] + r.more)) * g[x] * (a[x] + share * d[x]);
                if (wanted)
                    for (int x = 0; x < n; x++) shade[x] = a[x] + share * d[x];
            } else {
                for (int x = 0; x < n; x++) out[x] = (std::min((float)in[x], r.top) - (b[x] + r.more)) * g[x];
                std::fill(shade.begin(), shade.end(), 1.0f);
            }
            if (!smooth && shaded) {
                for (auto &m : maps) apply_map(m, y, h, c, shade.data(), row, across);
                apply_vignette(vignettes, y, h, w, c, power, shade.data());
                for (int x = 0; x < n; x++) out[x] *= shade[x];
            }
            if (wanted)
                fold(shade.data(), shading.data() + (size_t)(y / 2) * ((w + 1) / 2), w, c, y & 1,
                     (y == h - 1 && !(y & 1) ? 0.5f : 0.25f) / c);
        }
    });
}
KERNEL("linearize", linearize, "dn"_a, "black"_a, "black_rows"_a, "gain"_a, "white"_a, "clip"_a, "gains"_a, "where"_a,
       "vignettes"_a, "power"_a, "light"_a, "clipped"_a, "shading"_a)
