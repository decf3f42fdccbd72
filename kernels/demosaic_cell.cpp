// SPDX-License-Identifier: Apache-2.0
// Demosaic of any cell by a mixture of linear predictors; the idea and the formulas stand in capture/mixture.py.
// The columns of a tile are kept apart by their place in the cell, so that all sites of one place lie side by side and
// one set of weights serves a vector of them.
#include "kernel.h"

namespace {

constexpr int TH = 48, TW = 384, M = 8;         // tile, and the margin that the averages of errors need
constexpr int EH = TH + 2 * M, EW = TW + 2 * M; // where errors are known
constexpr size_t AREA = (size_t)EH * EW;
constexpr int RUN = 16;                         // sites at a time
constexpr float LEAST = 1.0f / 256;             // share of a model that counts
constexpr float NOISE = 3.0f;                   // so many variances of noise are added to the mean errors
typedef float Run __attribute__((vector_size(64), aligned(4), may_alias));
inline Run run_at(const float *p) { return *reinterpret_cast<const Run *>(p); }

int folded(int v, int n, int period) {  // beyond the border the picture repeats by whole cells
    if (n < period) return clampi(v, 0, n - 1);
    while (v < 0) v += period;
    while (v >= n) v -= period;
    return v;
}
int place_of(int v, int period) { return ((v % period) + period) % period; }

struct Models {
    const uint8_t *cell;
    const int32_t *taps, *sizes;
    const float *weights, *trust;
    int p, q, K, T, groups;  // models come in groups of one kind of picture each, of these sizes
    int reach;               // of the taps
    const float *of(int place, int k, int filter) const { return weights + (((size_t)place * K + k) * 3 + filter) * T; }
};

// Between light and its square root, in which the models live: there noise is much the same everywhere.
struct Root {
    float offset, shot, read;  // noise of the light: shot · x + read; without an offset light is taken as it is
    float lost;                // share of the noise that interpolation averages away
    float in(float x) const { return offset > 0 ? __builtin_sqrtf(std::max(x + offset, 0.01f * offset)) : x; }
    float out(float z) const {  // the mean of roots is less than the root of the mean
        if (!(offset > 0)) return z;
        const float x = z * z - offset;
        return x + lost * (shot * std::max(x, 0.0f) + read) / (4 * std::max(z * z, 0.25f * offset));
    }
    float variance() const { return std::max(0.25f * shot, 0.25f * read / std::max(offset, 1e-9f)) + 1e-9f; }
};

struct Work {
    std::vector<float> source;  // (rows, q, sites): the tile with all that the taps reach, column by place in the cell
    std::vector<int> at;        // (q, K, T): where the taps lie, seen from the first site of a column of the tile
    int top, left, rows, sites;
    std::vector<float> plane, sum, least, evidence, scratch;
    const float *row(int y, const Models &m) const { return source.data() + (size_t)(y - top) * m.q * sites; }
    int column(int x, const Models &m) const { return (x - left) % m.q * sites + (x - left) / m.q; }
};

void load(Work &w, const Models &m, const Root &root, In<float, 2> &cfa, int y0, int x0) {
    const int h = cfa.shape(0), wide = cfa.shape(1), margin = M + m.reach + m.q;
    w.top = y0 - M - m.reach, w.left = x0 - margin, w.rows = EH + 2 * m.reach;
    const int columns = TW + 2 * margin + m.q;
    w.sites = (columns + m.q - 1) / m.q + RUN;
    w.source.assign((size_t)w.rows * m.q * w.sites, 0.0f);
    std::vector<int> from(columns);
    std::vector<float> line(columns);
    for (int i = 0; i < columns; i++) from[i] = folded(w.left + i, wide, m.q);
    for (int j = 0; j < w.rows; j++) {
        const float *row = cfa.data() + (size_t)folded(w.top + j, h, m.p) * wide;
        float *to = w.source.data() + (size_t)j * m.q * w.sites;
        for (int i = 0; i < columns; i++) line[i] = row[from[i]];
        for (int i = 0; i < columns; i++) line[i] = root.in(line[i]);
        for (int c = 0; c < m.q; c++)
            for (int i = c, n = 0; i < columns; i += m.q, n++) to[c * w.sites + n] = line[i];
    }
    w.at.resize((size_t)m.q * m.K * m.T);
    for (int c = 0; c < m.q; c++)
        for (int t = 0; t < m.K * m.T; t++)
            w.at[(size_t)c * m.K * m.T + t] = m.taps[2 * t] * m.q * w.sites + w.column(x0 + c + m.taps[2 * t + 1], m);
}

// Weighted sums of the taps for a run of sites, N filters at once; four sums side by side, as additions take their time.
template <int N> inline void predict(const float *row, const int *at, const float *weight, int T, int stride, Run *out) {
    constexpr int LANES = 4 / N;
    Run a[LANES][N] = {};
    int t = 0;
    for (; t + LANES <= T; t += LANES)
        for (int l = 0; l < LANES; l++) {
            const Run v = run_at(row + at[t + l]);
            for (int f = 0; f < N; f++) a[l][f] += weight[f * stride + t + l] * v;
        }
    for (; t < T; t++) {
        const Run v = run_at(row + at[t]);
        for (int f = 0; f < N; f++) a[0][f] += weight[f * stride + t] * v;
    }
    for (int f = 0; f < N; f++) {
        for (int l = 1; l < LANES; l++) a[0][f] += a[l][f];
        out[f] = a[0][f];
    }
}

// Squared error of predicting every sample of the tile and its margin from its neighbours, in units of what the model
// expects.
void errors(const Work &w, const Models &m, int k, int y0, int x0, float *e) {
    for (int j = 0; j < EH; j++)
        for (int c = 0; c < m.q; c++) {
            const int y = y0 - M + j, shift = c - M, first = place_of(shift, m.q);  // column x0 + shift
            const int place = place_of(y, m.p) * m.q + place_of(x0 + shift, m.q);
            const float *weight = m.of(place, k, 2);
            const float trust = m.trust[(size_t)place * m.K + k];
            const int *at = w.at.data() + ((size_t)first * m.K + k) * m.T;
            const float *row = w.row(y, m) + (shift - first) / m.q;
            const int n = (EW - c + m.q - 1) / m.q;
            for (int s = 0; s < n; s += RUN) {
                Run r;
                predict<1>(row + s, at, weight, m.T - 1, m.T, &r);
                r -= run_at(row + s + at[m.T - 1]);
                r *= r * trust;
                float *o = e + (size_t)j * EW + c + (size_t)s * m.q;
                for (int i = 0; i < std::min(RUN, n - s); i++) o[(size_t)i * m.q] = r[i];
            }
        }
}

// Binomial average (1 4 6 4 1)/16 along both axes, in place; two rows and columns at the border keep what they have.
void narrow(float *e, float *row) {
    for (int j = 0; j < EH; j++) {
        float *r = e + (size_t)j * EW;
        std::memcpy(row, r, EW * sizeof(float));
        for (int i = 2; i < EW - 2; i++)
            r[i] = 0.0625f * (row[i - 2] + row[i + 2]) + 0.25f * (row[i - 1] + row[i + 1]) + 0.375f * row[i];
    }
    float *one = row, *two = row + EW;  // the two rows above, as they were
    std::memcpy(one, e, EW * sizeof(float));
    std::memcpy(two, e + EW, EW * sizeof(float));
    for (int j = 2; j < EH - 2; j++) {
        float *r = e + (size_t)j * EW;
        for (int i = 0; i < EW; i++) {
            const float here = r[i];
            r[i] = 0.0625f * (one[i] + r[i + 2 * EW]) + 0.25f * (two[i] + r[i + EW]) + 0.375f * here;
            one[i] = two[i], two[i] = here;
        }
    }
}

// Mean over seven, along both axes, of rows and columns from `edge` on; in place.
void box(float *e, float *row, int edge) {
    for (int j = edge; j < EH - edge; j++) {
        float *r = e + (size_t)j * EW;
        std::memcpy(row, r, EW * sizeof(float));
        for (int i = edge + 3; i < EW - edge - 3; i++) {
            r[i] = ((row[i - 3] + row[i + 3]) + (row[i - 2] + row[i + 2]) + (row[i - 1] + row[i + 1]) + row[i]) / 7;
        }
    }
    std::vector<float> above(3 * (size_t)EW);
    for (int k = 0; k < 3; k++) std::memcpy(&above[(size_t)k * EW], e + (size_t)(edge + k) * EW, EW * sizeof(float));
    for (int j = edge + 3; j < EH - edge - 3; j++) {
        float *r = e + (size_t)j * EW, *a = &above[(size_t)((j - edge) % 3) * EW];
        const float *b = &above[(size_t)((j - edge + 1) % 3) * EW], *c = &above[(size_t)((j - edge + 2) % 3) * EW];
        for (int i = 0; i < EW; i++) {
            const float here = r[i];
            r[i] = ((a[i] + r[i + 3 * EW]) + (b[i] + r[i + 2 * EW]) + (c[i] + r[i + EW]) + here) / 7;
            a[i] = here;
        }
    }
}

inline float fourth(float x) { return (x * x) * (x * x); }

// Shares of the models of a group by how they predict close by, and the evidence for the group: how they predict on
// average.
void judge(Work &w, const Models &m, int from, int size, float noise, int y0, int x0, float *evidence) {
    float *const first = w.plane.data() + AREA * from, *const least = w.least.data(), *const sum = w.sum.data();
    for (int k = 0; k < size; k++) {
        float *e = first + AREA * k;
        errors(w, m, from + k, y0, x0, e);
        narrow(e, w.scratch.data());
        for (size_t i = 0; i < AREA; i++) {
            e[i] += noise;
            least[i] = k && least[i] < e[i] ? least[i] : e[i];
        }
    }
    std::fill(sum, sum + AREA, 0.0f);
    std::fill(evidence, evidence + AREA, 0.0f);
    for (int k = 0; k < size; k++) {
        float *e = first + AREA * k;
        for (size_t i = 0; i < AREA; i++) {
            const float a = fourth(least[i] / e[i]);
            evidence[i] += a * e[i];
            e[i] = a;
            sum[i] += a;
        }
    }
    for (size_t i = 0; i < AREA; i++) {
        sum[i] = 1.0f / sum[i];
        evidence[i] *= sum[i];
    }
    for (int k = 0; k < size; k++)
        for (size_t i = 0; i < AREA; i++) first[AREA * k + i] *= sum[i];
    box(evidence, w.scratch.data(), 2);
    box(evidence, w.scratch.data(), 5);
}

// The groups among each other, by the evidence further around.
void join(Work &w, const Models &m) {
    for (size_t i = 0; i < AREA; i++) {
        float low = w.evidence[i], sum = 0;
        for (int g = 1; g < m.groups; g++) low = std::min(low, w.evidence[AREA * g + i]);
        for (int g = 0; g < m.groups; g++) {
            float &v = w.evidence[AREA * g + i];
            const float a = fourth(low / v);
            v = a * a * a;
            sum += v;
        }
        for (int g = 0; g < m.groups; g++) w.evidence[AREA * g + i] /= sum;
    }
    float *e = w.plane.data();
    for (int g = 0; g < m.groups; g++)
        for (int k = 0; k < m.sizes[g]; k++, e += AREA)
            for (size_t i = 0; i < AREA; i++) e[i] *= w.evidence[AREA * g + i];
}

// A run of sites of the result: what the models predict, by their shares; those that hardly count are left out.
void mix(const Models &m, const Root &root, const float *row, const int *at, int place, const float *share, int n,
         float *out) {
    Run sum[2] = {}, whole = {};
    for (int k = 0; k < m.K; k++) {
        Run s = {}, r[2];
        float most = 0;
        for (int i = 0; i < n; i++) {
            s[i] = share[AREA * k + (size_t)i * m.q];
            most = std::max(most, s[i]);
        }
        if (most < LEAST) continue;
        predict<2>(row, at + (size_t)k * m.T, m.of(place, k, 0), m.T, m.T, r);
        sum[0] += s * r[0], sum[1] += s * r[1], whole += s;
    }
    const int own = m.cell[place], one = own == 0 ? 1 : 0, two = own == 2 ? 1 : 2;
    for (int i = 0; i < n; i++) {
        float *o = out + (size_t)i * m.q * 3;
        o[one] = root.out(sum[0][i] / whole[i]), o[two] = root.out(sum[1][i] / whole[i]);
    }
}

void tile(Work &w, const Models &m, const Root &root, In<float, 2> &cfa, int y0, int x0, float *out) {
    const int h = cfa.shape(0), wide = cfa.shape(1), y1 = std::min(h, y0 + TH), x1 = std::min(wide, x0 + TW);
    load(w, m, root, cfa, y0, x0);
    w.plane.resize(AREA * m.K), w.evidence.resize(AREA * m.groups), w.scratch.resize(3 * EW);
    w.sum.resize(AREA), w.least.resize(AREA);
    if (m.K > 1) {
        for (int g = 0, from = 0; g < m.groups; from += m.sizes[g++])
            judge(w, m, from, m.sizes[g], NOISE * root.variance(), y0, x0, w.evidence.data() + AREA * g);
        join(w, m);
    } else {
        std::fill(w.plane.begin(), w.plane.end(), 1.0f);
    }
    for (int y = y0; y < y1; y++) {
        for (int x = x0; x < std::min(x1, x0 + m.q); x++) {
            const int n = (x1 - x + m.q - 1) / m.q, place = y % m.p * m.q + x % m.q;
            const int *at = w.at.data() + (size_t)(x - x0) * m.K * m.T;
            const float *share = w.plane.data() + (size_t)(y - y0 + M) * EW + x - x0 + M;
            for (int s = 0; s < n; s += RUN)
                mix(m, root, w.row(y, m) + s, at, place, share + (size_t)s * m.q, std::min(RUN, n - s),
                    out + ((size_t)y * wide + x + (size_t)s * m.q) * 3);
        }
        const uint8_t *cell = m.cell + y % m.p * m.q;
        for (int x = x0; x < x1; x++) out[((size_t)y * wide + x) * 3 + cell[x % m.q]] = cfa.data()[(size_t)y * wide + x];
    }
}

// root: offset, shot, read, lost (see Root); offset 0 takes light as it is.
void demosaic_cell(In<float, 2> cfa, In<uint8_t, 2> cell, In<int32_t, 3> taps, In<float, 5> weights, In<float, 3> trust,
                   In<int32_t, 1> sizes, In<float, 1> root, Out<float, 3> out) {
    const int h = cfa.shape(0), w = cfa.shape(1);
    need((int)out.shape(0) == h && (int)out.shape(1) == w && out.shape(2) == 3, "out must be (h, w, 3)");
    need(root.shape(0) == 4 && root(0) >= 0, "root");
    Models m{cell.data(), taps.data(), sizes.data(), weights.data(), trust.data(), (int)cell.shape(0), (int)cell.shape(1),
             (int)taps.shape(0), (int)taps.shape(1), (int)sizes.shape(0), 0};
    int models = 0;
    for (int g = 0; g < m.groups; g++) models += m.sizes[g];
    need(models == m.K && h > 0 && w > 0, "sizes");
    need((int)weights.shape(0) == m.p && (int)weights.shape(1) == m.q && (int)weights.shape(2) == m.K &&
         (int)weights.shape(4) == m.T && (int)trust.shape(2) == m.K, "weights");
    for (int i = 0; i < m.K * m.T * 2; i++) m.reach = std::max(m.reach, std::abs(m.taps[i]));
    const int ny = (h + TH - 1) / TH, nx = (w + TW - 1) / TW;
    parallel(ny * nx, [&](int piece) {
        static thread_local Work work;
        tile(work, m, Root{root(0), root(1), root(2), root(3)}, cfa, piece / nx * TH, piece % nx * TW, out.data());
    });
}

}  // namespace

KERNEL("demosaic_cell", demosaic_cell, "cfa"_a, "cell"_a, "taps"_a, "weights"_a, "trust"_a, "sizes"_a, "root"_a,
       "out"_a)
