// SPDX-License-Identifier: Apache-2.0
// Denoise: overlapping 8 x 8 cosine transforms of brightness and of two colour differences, every coefficient shrunk by the
// energy that it and its neighbours have beyond the noise; colour follows brightness: see correct/denoise.py.
//
// The picture is cut into tiles.  In a tile rows of blocks go through three steps, each one row of blocks behind the one
// before, because a row is judged together with the rows above and below: `measure`, `lead` (brightness), `follow` (colour,
// and back to pixels).  A block is eight vectors, one a horizontal frequency; their lanes are the vertical frequencies.  Only
// what is taken away goes back to pixels, so that frequencies which are all kept (K and above) need no work.
#include "denoise.h"

namespace {

constexpr int TALL = 256, WIDE = 256, RING = 3, COEF = N * N;

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
        float *coef, *energy, *sums;
        V tau;
    };
    const Work &t;
    const int ya, yb, xa, xb, i0, i1, blocks, left, right;
    Layer<lanes8> light;
    Layer<lanes16> colour;
    float *lines, *sheet[3];
    int written;                            // rows of the tile that are done
    std::vector<int> place[2];              // of the patch whose noise a block has
    std::vector<float> across[2], down[2];  // how many blocks of even and of odd rows cover a pixel

    const Grid &columns(int row) const { return row & 1 ? t.odd : t.even; }
    template <class V> float *at(float *ring, const Layer<V> &, int row, int i) const {
        return ring + ((size_t)(row % RING) * blocks + (i - i0)) * Layer<V>::BLOCK;
    }

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
    // Energy of a frequency in 3 x 3 blocks, and of the frequencies beside it there -> what the block in the middle loses.
    template <class V> void losses(const Layer<V> &layer, int row, int i, V *loss) const {
        const float *above = at(layer.energy, layer, std::max(0, row - 1), i), *here = at(layer.energy, layer, row, i),
                    *below = at(layer.energy, layer, std::min(t.rows.count - 1, row + 1), i);
        V mean[K];
        for (int k = 0; k < K; k++) {
            const int q = k * Layer<V>::WIDE;
            mean[k] = (load<V>(above + q) + load<V>(here + q)) + load<V>(below + q);
        }
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
        const size_t ring = (size_t)RING * blocks * K * N, strip = (size_t)(right - left) * N, area = (size_t)N * (xb - xa);
        float *p = memory.get<float>(6 * ring + 5 * strip + 3 * area);
        const auto take = [&](size_t n) { return p += n, p - n; };
        light = {take(ring), take(ring), take(strip), (lanes8){} + t.tau[0]};
        colour = {take(2 * ring), take(2 * ring), take(2 * strip), both((lanes8){} + t.tau[1], (lanes8){} + t.tau[2])};
        lines = take(2 * strip);
        for (int c = 0; c < 3; c++) sheet[c] = p, std::fill(p, p + area, 0.0f), p += area;
        for (int odd = 0; odd < 2; odd++) {
            const Grid &grid = columns(odd);
            across[odd].assign(xb - xa, 0.0f);
            down[odd].assign(yb - ya, 0.0f);
            for (int i = i0; i <= i1; i++)
                place[odd].push_back(std::min(t.wp - 1, (int)((long long)(grid.at(i) + N / 2) * t.wp / t.w)));
            for (int i = grid.first(xa); i <= grid.last(xb); i++)
                for (int x = std::max(xa, grid.at(i)); x < std::min(xb, grid.at(i) + N); x++) across[odd][x - xa]++;
        }
        for (int i = t.rows.first(ya); i <= t.rows.last(yb); i++)
            for (int y = std::max(ya, t.rows.at(i)); y < std::min(yb, t.rows.at(i) + N); y++) down[i & 1][y - ya]++;
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
                beside.add(v, inverse, at(layer.energy, layer, row, std::max(i0, i - 1)));
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
            beside.add(x, inverse, at(colour.energy, colour, row, std::max(i0, i - 1)));
        }
        if (colours) beside.finish(at(colour.energy, colour, row, to));
    }

    // The rest of the colours is shrunk; what is lost goes back to pixels.
    template <class V> void follow(const Layer<V> &layer, int plane, int row) {
        constexpr int wide = Layer<V>::WIDE;
        const int n = right - left, y0 = t.rows.at(row);
        std::fill(layer.sums, layer.sums + (size_t)n * wide, 0.0f);
        for (int i = columns(row).first(xa); i <= columns(row).last(xb); i++) {
            V x[N];
            const float *p = at(layer.coef, layer, row, i);
            for (int k = 0; k < K; k++) x[k] = load<V>(p + k * wide);
            if constexpr (Layer<V>::PLANES == 2) {
                V loss[K];
                losses(layer, row, i, loss);
                for (int k = 0; k < K; k++) x[k] = x[k] * loss[k];
            }
            inverse<K>(x);
            float *o = layer.sums + (size_t)(columns(row).at(i) - left) * wide;
            for (int k = 0; k < N; k++) store(o + k * wide, load<V>(o + k * wide) + x[k]);
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

    // Rows above `stop` are complete: less the mean over all blocks that cover a pixel.
    void write(int stop) {
        const int n = xb - xa;
        for (; written < std::min(stop, yb); written++)
            for (int c = 0; c < 3; c++) {
                if (!t.active[c]) continue;
                float *p = sheet[c] + (size_t)(written % N) * n;
                const size_t here = ((size_t)c * t.h + written) * t.w + xa;
                const float even = down[0][written - ya], odd = down[1][written - ya];
                const float *in = t.planes + here, *a = across[0].data(), *b = across[1].data();
                float *o = t.out + here;
                for (int x = 0; x < n; x++) {
                    o[x] = in[x] - p[x] / (even * a[x] + odd * b[x]);
                    p[x] = 0;
                }
            }
    }
};

template <int K> void shrink_tiles(const Work &work) {
    const int across = (work.w + WIDE - 1) / WIDE, down = (work.h + TALL - 1) / TALL;
    parallel(across * down, [&](int piece) {
        static thread_local Scratch memory;
        const int ya = piece / across * TALL, xa = piece % across * WIDE;
        Tile<K>(work, ya, std::min(work.h, ya + TALL), xa, std::min(work.w, xa + WIDE), memory).run();
    });
}

// planes (3, h, w): brightness and two colour differences -> out.  levels (5, hp, wp): noise variance of each plane, and the
// shares of single and of warped frames in it (see `denoise_levels`); their patches cover the picture evenly.  one, more
// (3, 8, 8): noise power of the coefficients [vertical, horizontal] for variance 1.  tau (3): energy, in multiples of the
// noise power, up to which nothing is kept; a plane where it is 0 is left alone.  blend (3): weights of the energy of a
// frequency and of those beside it; and the variance that slopes of colour against brightness have.  Frequencies from reach
// on are left as they are.  step: distance of the blocks.
void shrink(In<float, 3> planes, In<float, 3> levels, In<float, 3> one, In<float, 3> more, In<float, 1> tau, In<float, 1> blend,
            int reach, int step, Out<float, 3> out) {
    const int h = planes.shape(1), w = planes.shape(2);
    need(planes.shape(0) == 3 && out.shape(0) == 3 && (int)out.shape(1) == h && (int)out.shape(2) == w,
         "planes and out must be (3, h, w)");
    need(levels.shape(0) == 5 && levels.size() > 0, "levels must be (5, hp, wp)");
    need(one.size() == 3 * COEF && more.size() == 3 * COEF, "noise power must be (3, 8, 8)");
    need(tau.size() == 3 && blend.size() == 3, "tau must be (3,), blend (3,)");
    need(h >= N && w >= N, "planes must be at least 8 x 8");
    need(step >= 1 && step <= N && reach >= 1 && reach <= N, "step and reach must be 1 ... 8");
    const float *f = blend.data();
    const Judged judged(reach);
    const Grid rows(h, step, 0, 0), even(w, step, 0, step / 2), odd(w, step, step / 2, step / 2);
    Work work{h, w, (int)levels.shape(1), (int)levels.shape(2), planes.data(), levels.data(), out.data(), f[0] / 9, f[1] / 9,
              1 / f[2], rows, even, odd, judged, Spectra(one.data(), more.data(), judged), {}, {}};
    for (int c = 0; c < 3; c++) {
        work.tau[c] = tau.data()[c];
        work.active[c] = tau.data()[c] > 0;
    }
    if (reach <= 3)
        shrink_tiles<3>(work);
    else
        shrink_tiles<N>(work);
    for (int c = 0; c < 3; c++)
        if (!work.active[c]) {
            const size_t area = (size_t)h * w;
            std::memcpy(out.data() + c * area, planes.data() + c * area, sizeof(float) * area);
        }
}

}  // namespace

KERNEL("denoise_shrink", shrink, "planes"_a, "levels"_a, "one"_a, "more"_a, "tau"_a, "blend"_a, "reach"_a, "step"_a, "out"_a)
