// SPDX-License-Identifier: Apache-2.0
// One tile of a picture that is denoised, see denoise.cpp.
//
// Rows of blocks go through three steps, each one row of blocks behind the one before, because a row is judged together with
// the rows above and below: `measure`, `lead` (brightness), `follow` (colour, and back to pixels).  A block is eight vectors,
// one a horizontal frequency; their lanes are the vertical frequencies.  Only what is taken away goes back to pixels, so that
// frequencies which are all kept (K and above) need no work.
#pragma once
#include "denoise.h"

namespace {

constexpr int RING = 3, COEF = N * N;
constexpr float FAR = 30.0f;  // so many times the energy of a block: nothing is learnt from there

struct Work {
    int h, w, hp, wp;
    const float *planes, *levels;
    float *out;
    float same, near, doubt;
    Grid rows, even, odd;  // columns of even and of odd rows
    Judged judged;
    Spectra spectra;
    float tau[3];
    bool active[3];
};

// One tile: rows of blocks in rings, columns of blocks from i0 to i1 (with those that are only looked at).  Brightness and
// the pair of colours are each a layer, of vectors V.
template <int K> class Tile {
    template <class V> struct Layer {
        static constexpr int PLANES = sizeof(V) / sizeof(lanes8), WIDE = PLANES * N, BLOCK = K * WIDE;
        float *coef, *energy, *alone, *level, *sure, *sums, *held, *mass;
        V tau;
    };
    const Work &t;
    const int ya, yb, xa, xb, i0, i1, blocks, left, right;
    Layer<lanes8> light;
    Layer<lanes16> colour;
    float *lines, *sheet[3];
    int written;                // rows of the tile that are done
    std::vector<int> place[2];  // of the patch whose noise a block has

    const Grid &columns(int row) const { return row & 1 ? t.odd : t.even; }
    template <class V> float *at(float *ring, const Layer<V> &, int row, int i) const {
        return ring + ((size_t)(row % RING) * blocks + (i - i0)) * Layer<V>::BLOCK;
    }
    float &of(float *ring, int row, int i) const { return ring[(row % RING) * blocks + (i - i0)]; }

    // Which noise a block has: patch, variance for one frame and share of warped ones.
    struct Noise {
        size_t patch;
        float all;
        int part;
    };
    Noise noise(int row, int i) const {
        const int py = std::min(t.hp - 1, (int)((long long)(t.rows.at(row) + N / 2) * t.hp / t.h));
        const size_t area = (size_t)t.hp * t.wp, q = (size_t)py * t.wp + place[row & 1][i - i0];
        const float one = t.levels[3 * area + q], more = t.levels[4 * area + q], all = one + more;
        return {q, all, clampi((int)(more / all * Spectra::PARTS + 0.5f), 0, Spectra::PARTS)};
    }
    // Reciprocal of the noise power of the coefficients of plane c in a block; 0 where they are not judged.
    void power(int c, const Noise &n, lanes8 *inverse) const {
        const lanes8 *table = t.spectra.inverse[c][n.part];
        const float scale = 1.0f / (t.levels[(size_t)c * t.hp * t.wp + n.patch] * n.all + 1e-20f);
        for (int k = 0; k < K; k++) inverse[k] = table[k] * scale;
    }
    // Beside a block with far more energy, such as a lamp or an edge, the sum over the others instead.
    template <class V> void alike(const Layer<V> &layer, int row, int i, V *sum) const {
        const int rows[3] = {std::max(0, row - 1), row, std::min(t.rows.count - 1, row + 1)};
        const int places[3] = {std::max(i0, i - 1), i, std::min(i1, i + 1)};
        const float most = FAR * (1.0f + of(layer.level, row, i));
        int count = 0;
        for (int r : rows)
            for (int q : places) count += of(layer.level, r, q) <= most;
        if (count == 9) return;
        for (int k = 0; k < K; k++) sum[k] = V{};
        for (int r : rows)
            for (int q : places) {
                if (!(of(layer.level, r, q) <= most)) continue;
                const float *p = at(layer.alone, layer, r, q);
                for (int k = 0; k < K; k++) sum[k] += load<V>(p + k * Layer<V>::WIDE);
            }
        for (int k = 0; k < K; k++) sum[k] = sum[k] * (9.0f / count);
    }
    // How sure a block is, by how little of it is left: its weight among those that cover a pixel.
    template <class V> float weight(const V *loss) const {
        V kept = {};
        for (int k = 0; k < K; k++) {
            const V gain = spread<V>(t.judged.here[k]) - loss[k];
            kept += gain * gain;
        }
        if constexpr (Layer<V>::PLANES == 1)
            return 1.0f / (1.0f + total(kept));
        else
            return 1.0f / (1.0f + 0.5f * (total(first_of(kept)) + total(second_of(kept))));
    }
    // Energy of a frequency in 3 x 3 blocks, and of the frequencies beside it there -> what the block in the middle loses.
    template <class V> void losses(const Layer<V> &layer, int row, int i, V *loss) const {
        const float *above = at(layer.energy, layer, std::max(0, row - 1), i), *here = at(layer.energy, layer, row, i),
                    *below = at(layer.energy, layer, std::min(t.rows.count - 1, row + 1), i);
        V mean[K];
        for (int k = 0; k < K; k++) {
            const int q = k * Layer<V>::WIDE;
            mean[k] = (load<V>(above + q) + load<V>(here + q)) + load<V>(below + q);
        }
        alike(layer, row, i, mean);
        for (int k = 0; k < K; k++) {
            V wide = k > 0 ? mean[k] + mean[k - 1] : mean[k];
            if (k < K - 1) wide += mean[k + 1];
            wide += beside(wide);
            const V others = (wide - mean[k]) * spread<V>(t.judged.share[k]);
            loss[k] = smaller(layer.tau / ((mean[k] * t.same + others * t.near) + 1e-20f), spread<V>(t.judged.here[k]));
        }
    }

  public:
    Tile(const Work &t, int ya, int yb, int xa, int xb, Scratch &memory)
        : t(t), ya(ya), yb(yb), xa(xa), xb(xb), i0(std::max(0, t.even.first(xa) - 2)),
          i1(std::min(t.odd.count - 1, t.odd.last(xb) + 2)), blocks(i1 - i0 + 1), left(t.odd.at(i0)),
          right(t.even.at(i1) + N), written(ya) {
        const size_t ring = (size_t)RING * blocks * K * N, each = (size_t)RING * blocks, n = right - left;
        const size_t strip = n * N, area = (size_t)N * (xb - xa);
        float *p = memory.get<float>(9 * ring + 4 * each + 5 * strip + 2 * n + 5 * area);
        const auto take = [&](size_t n) { return p += n, p - n; };
        const auto layer = [&](auto &made, int planes) {
            made.coef = take(planes * ring), made.energy = take(planes * ring), made.alone = take(planes * ring);
            made.level = take(each), made.sure = take(each), made.sums = take(planes * strip), made.held = take(n);
            made.mass = take(area), std::fill(made.mass, made.mass + area, 0.0f);
        };
        layer(light, 1), light.tau = (lanes8){} + t.tau[0];
        layer(colour, 2), colour.tau = both((lanes8){} + t.tau[1], (lanes8){} + t.tau[2]);
        lines = take(2 * strip);
        for (int c = 0; c < 3; c++) sheet[c] = p, std::fill(p, p + area, 0.0f), p += area;
        for (int odd = 0; odd < 2; odd++) {
            const Grid &grid = columns(odd);
            for (int i = i0; i <= i1; i++)
                place[odd].push_back(std::min(t.wp - 1, (int)((long long)(grid.at(i) + N / 2) * t.wp / t.w)));
        }
    }

    void run() {
        const int first = t.rows.first(ya), last = t.rows.last(yb), bottom = t.rows.count - 1;
        const int from = std::max(0, first - 2), to = std::min(bottom, last + 2);
        const bool colours = t.active[1] || t.active[2];
        for (int r = from; r <= to + 2; r++) {
            if (r <= to) measure(light, 0, r);
            if (r <= to && colours) measure(colour, 1, r);
            if (r - 1 >= std::max(0, first - 1) && r - 1 <= std::min(bottom, last + 1)) lead(r - 1, colours);
            if (r - 2 < first || r - 2 > last) continue;
            if (t.active[0]) follow(light, 0, r - 2);
            if (colours) follow(colour, 1, r - 2);
            write(r - 2 < last ? t.rows.at(r - 1) : yb);
        }
    }

  private:
    // Pixels -> coefficients of one row of blocks, and the energies of brightness.
    template <class V> void measure(const Layer<V> &layer, int plane, int row) {
        constexpr int wide = Layer<V>::WIDE;
        const int y0 = t.rows.at(row), n = right - left;
        for (int c = 0; c < Layer<V>::PLANES; c++) {
            const float *source = t.planes + ((size_t)(plane + c) * t.h + y0) * t.w + left;
            for (int x = 0; x < n; x += N) {
                const int first = std::min(x, n - N);
                lanes8 v[N];
                for (int k = 0; k < N; k++) v[k] = load8(source + (size_t)k * t.w + first);
                forward<K>(v);
                transpose(v);
                for (int i = 0; i < N; i++) store8(lines + (size_t)(first + i) * wide + c * N, v[i]);
            }
        }
        Row<K, lanes8> beside;
        for (int i = i0; i <= i1; i++) {
            const float *p = lines + (size_t)(columns(row).at(i) - left) * wide;
            V v[N];
            for (int k = 0; k < N; k++) v[k] = load<V>(p + k * wide);
            forward<K>(v);
            float *q = at(layer.coef, layer, row, i);
            for (int k = 0; k < K; k++) store(q + k * wide, v[k]);
            if constexpr (Layer<V>::PLANES == 1) {
                lanes8 inverse[K];
                power(0, noise(row, i), inverse);
                float *o = at(layer.alone, layer, row, i);
                of(layer.level, row, i) = beside.add(v, inverse, o, at(layer.energy, layer, row, std::max(i0, i - 1)));
            }
        }
        if constexpr (Layer<V>::PLANES == 1) beside.finish(at(layer.energy, layer, row, i1));
    }

    // Brightness is shrunk; what it foretells of the colours is taken off them, and the energies of the rest are measured.
    void lead(int row, bool colours) {
        const int from = i0 > 0 ? i0 + 1 : 0, to = i1 < t.odd.count - 1 ? i1 - 1 : i1;
        Row<K, lanes16> beside;
        for (int i = from; i <= to; i++) {
            lanes8 loss[K], y[K];
            losses(light, row, i, loss);
            of(light.sure, row, i) = weight(loss);
            float *p = at(light.coef, light, row, i);
            for (int k = 0; k < K; k++) {
                const lanes8 seen = load8(p + k * N);
                loss[k] = seen * loss[k];
                y[k] = seen - loss[k];
                store8(p + k * N, loss[k]);
            }
            if (!colours) continue;
            y[0][0] = 0;
            const Noise here = noise(row, i);
            lanes8 u[K], v[K];
            power(1, here, u);
            power(2, here, v);
            lanes16 inverse[K], x[K], together = {}, alone = {};
            float *o = at(colour.coef, colour, row, i);
            for (int k = 0; k < K; k++) {
                const lanes16 lit = both(y[k], y[k]);
                inverse[k] = both(u[k], v[k]);
                x[k] = load<lanes16>(o + k * 2 * N);
                const lanes16 weighted = lit * inverse[k];
                together += x[k] * weighted;
                alone += lit * weighted;
            }
            const float su = total(first_of(together)) / (total(first_of(alone)) + t.doubt);
            const float sv = total(second_of(together)) / (total(second_of(alone)) + t.doubt);
            const lanes16 slope = both((lanes8){} + su, (lanes8){} + sv);
            for (int k = 0; k < K; k++) store(o + k * 2 * N, x[k] = x[k] - slope * both(y[k], y[k]));
            o = at(colour.alone, colour, row, i);
            of(colour.level, row, i) = beside.add(x, inverse, o, at(colour.energy, colour, row, std::max(i0, i - 1)));
        }
        if (colours) beside.finish(at(colour.energy, colour, row, to));
    }

    // The rest of the colours is shrunk; what is lost goes back to pixels.
    template <class V> void follow(const Layer<V> &layer, int plane, int row) {
        constexpr int wide = Layer<V>::WIDE;
        const int n = right - left, y0 = t.rows.at(row);
        std::fill(layer.sums, layer.sums + (size_t)n * wide, 0.0f);
        std::fill(layer.held, layer.held + n, 0.0f);
        for (int i = columns(row).first(xa); i <= columns(row).last(xb); i++) {
            V x[N];
            const float *p = at(layer.coef, layer, row, i);
            for (int k = 0; k < K; k++) x[k] = load<V>(p + k * wide);
            float &sure = of(layer.sure, row, i);
            if constexpr (Layer<V>::PLANES == 2) {
                V loss[K];
                losses(layer, row, i, loss);
                sure = weight(loss);
                for (int k = 0; k < K; k++) x[k] = x[k] * loss[k];
            }
            inverse<K>(x);
            const int first = columns(row).at(i) - left;
            float *o = layer.sums + (size_t)first * wide, *h = layer.held + first;
            for (int k = 0; k < N; k++) store(o + k * wide, load<V>(o + k * wide) + x[k] * sure);
            store8(h, load8(h) + sure);
        }
        for (int y = std::max(ya, y0); y < std::min(yb, y0 + N); y++) {
            float *m = layer.mass + (size_t)(y % N) * (xb - xa);
            for (int x = xa; x < xb; x++) m[x - xa] += layer.held[x - left];
        }
        for (int c = 0; c < Layer<V>::PLANES; c++)
            for (int x = xa; x < xb; x += N) {
                const int first = std::min(x, right - N), skip = x - first;
                lanes8 v[N];
                for (int k = 0; k < N; k++) v[k] = load8(layer.sums + (size_t)(first + k - left) * wide + c * N);
                transpose(v);
                inverse<K>(v);
                for (int k = std::max(0, ya - y0); k < std::min(N, yb - y0); k++) {
                    float *o = sheet[plane + c] + (size_t)((y0 + k) % N) * (xb - xa) + (x - xa);
                    if (x + N <= xb)
                        store8(o, load8(o) + v[k]);
                    else
                        for (int i = 0; i < xb - x; i++) o[i] += v[k][skip + i];
                }
            }
    }

    // Rows above `stop` are complete: less the weighted mean over all blocks that cover a pixel.
    void write(int stop) {
        const int n = xb - xa;
        for (; written < std::min(stop, yb); written++) {
            for (int c = 0; c < 3; c++) {
                if (!t.active[c]) continue;
                float *p = sheet[c] + (size_t)(written % N) * n;
                const size_t here = ((size_t)c * t.h + written) * t.w + xa;
                const float *in = t.planes + here, *m = (c ? colour.mass : light.mass) + (size_t)(written % N) * n;
                float *o = t.out + here;
                for (int x = 0; x < n; x++) {
                    o[x] = in[x] - p[x] / m[x];
                    p[x] = 0;
                }
            }
            for (float *mass : {light.mass, colour.mass}) std::fill_n(mass + (size_t)(written % N) * n, n, 0.0f);
        }
    }
};

}  // namespace
