// SPDX-License-Identifier: Apache-2.0
// Demosaic of any cell by a mixture of linear predictors; the idea and the formulas stand in capture/mixture.py.
// The columns of a tile are kept apart by their place in the cell, so that all sites of one place lie side by side and
// one set of weights serves a vector of them.
#include "kernel.h"

namespace {

// ---- weights

// Solve C w = r for the first n taps, C = L L' already factored (lower triangle, row by row, stride `taps`).
void solve(const std::vector<double> &L, int n, int taps, std::vector<double> &r) {
    for (int i = 0; i < n; i++) {
        double s = r[i];
        for (int j = 0; j < i; j++) s -= L[(size_t)i * taps + j] * r[j];
        r[i] = s / L[(size_t)i * taps + i];
    }
    for (int i = n - 1; i >= 0; i--) {
        double s = r[i];
        for (int j = i + 1; j < n; j++) s -= L[(size_t)j * taps + i] * r[j];
        r[i] = s / L[(size_t)i * taps + i];
    }
}

void factor(std::vector<double> &C, int n) {
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) {
            double s = C[(size_t)i * n + j];
            for (int k = 0; k < j; k++) s -= C[(size_t)i * n + k] * C[(size_t)j * n + k];
            if (i == j) need(s > 0, "the covariance must be positive");
            C[(size_t)i * n + j] = i == j ? std::sqrt(s) : s / C[(size_t)j * n + j];
        }
}

// Weights of the taps of every model for the two colours that a place of the cell lacks and for its own colour from its
// neighbours alone, and the inverse variance of that last prediction.  The last tap of a model is the site itself.
// common (k, t, t): covariance of what all colours share; apart (k): how much of it each colour has for itself.
void weights(In<uint8_t, 2> cell, In<int32_t, 3> taps, In<double, 3> common, In<double, 1> apart, double level,
             double noise, Out<float, 5> out, Out<float, 3> trust) {
    const int p = cell.shape(0), q = cell.shape(1), K = taps.shape(0), T = taps.shape(1);
    need((int)common.shape(0) == K && (int)common.shape(1) == T && (int)common.shape(2) == T, "common");
    need((int)apart.shape(0) == K && T >= 2, "apart");
    need((int)out.shape(0) == p && (int)out.shape(1) == q && (int)out.shape(2) == K && out.shape(3) == 3 &&
         (int)out.shape(4) == T, "out");
    need((int)trust.shape(0) == p && (int)trust.shape(1) == q && (int)trust.shape(2) == K, "trust");
    parallel(p * q * K, [&](int piece) {
        const int k = piece % K, place = piece / K, y = place / q, x = place % q;
        std::vector<int> colour(T);
        for (int t = 0; t < T; t++) {
            const int v = y + taps(k, t, 0), u = x + taps(k, t, 1);
            colour[t] = cell(((v % p) + p) % p, ((u % q) + q) % q);
        }
        auto covariance = [&](int i, int j, bool same) {
            return common(k, i, j) * (1 + (same ? apart(k) : 0.0)) + (same ? level : 0.0);
        };
        std::vector<double> C((size_t)T * T), r(T);
        for (int i = 0; i < T; i++)
            for (int j = 0; j <= i; j++)
                C[(size_t)i * T + j] = covariance(i, j, colour[i] == colour[j]) + (i == j ? noise : 0.0);
        factor(C, T);
        const int own = colour[T - 1];
        float *w = &out(y, x, k, 0, 0);
        auto put = [&](int f, int n) {
            for (int t = 0; t < T; t++) w[f * T + t] = t < n ? (float)r[t] : 0.0f;
        };
        for (int f = 0; f < 2; f++) {
            const int wanted = f < own ? f : f + 1;
            for (int t = 0; t < T; t++) r[t] = covariance(T - 1, t, colour[t] == wanted);
            solve(C, T, T, r);
            put(f, T);
        }
        for (int t = 0; t < T - 1; t++) r[t] = covariance(T - 1, t, colour[t] == own);
        const std::vector<double> with(r);
        solve(C, T - 1, T, r);
        put(2, T - 1);
        double variance = covariance(T - 1, T - 1, true) + noise;
        for (int t = 0; t < T - 1; t++) variance -= r[t] * with[t];
        trust(y, x, k) = (float)(1 / variance);
    });
}

// ---- pictures

constexpr int TH = 48, TW = 384, M = 8;         // tile, and the margin that the averages of errors need
constexpr int EH = TH + 2 * M, EW = TW + 2 * M; // where errors are known
constexpr int RUN = 16;                         // sites at a time
typedef float Eight __attribute__((vector_size(32), aligned(4)));

int folded(int v, int n, int period) {  // beyond the border the picture repeats by whole cells
    if (n < period) return clampi(v, 0, n - 1);
    while (v < 0) v += period;
    while (v >= n) v -= period;
    return v;
}
int whole(int v, int period) { return (v + period - 1) / period * period; }

struct Models {
    const uint8_t *cell;
    const int32_t *taps;
    const float *weights, *trust;
    int p, q, K, T, reach;  // reach: of the taps
    int groups;             // models come in groups of one kind of picture each
};

struct Work {
    std::vector<float> source;            // (rows, q, sites)
    std::vector<size_t> at;
    int top, left, rows, sites;           // of source
    std::vector<float> plane, sum, evidence, part;
};

void load(Work &w, const Models &m, const float *cfa, int h, int wide, int y0, int x0) {
    w.top = y0 - M - m.reach, w.left = whole(x0 + (1 << 20), m.q) - (1 << 20) - whole(M + m.reach + m.q, m.q);
    w.rows = EH + 2 * m.reach;
    const int columns = EW + 2 * m.reach + 4 * m.q;
    w.sites = (columns + m.q - 1) / m.q + 2 * RUN;
    w.source.assign((size_t)w.rows * m.q * w.sites, 0.0f);
    for (int j = 0; j < w.rows; j++) {
        const float *row = cfa + (size_t)folded(w.top + j, h, m.p) * wide;
        float *to = w.source.data() + (size_t)j * m.q * w.sites;
        for (int i = 0; i < columns; i++) to[(size_t)(i % m.q) * w.sites + i / m.q] = row[folded(w.left + i, wide, m.q)];
    }
}

// Where the taps of a model lie, seen from the first site of column x of row y.
void places(Work &w, const Models &m, int k, int y, int x) {
    for (int t = 0; t < m.T; t++) {
        const int j = y + m.taps[(k * m.T + t) * 2] - w.top, i = x + m.taps[(k * m.T + t) * 2 + 1] - w.left;
        w.at[t] = ((size_t)j * m.q + i % m.q) * w.sites + i / m.q;
    }
}

template <int N> inline void predict(const float *source, const size_t *at, const float *w, int T, int s, Eight *out) {
    Eight a[2 * N] = {};
    for (int t = 0; t < T; t++) {
        Eight u, v;
        std::memcpy(&u, source + at[t] + s, 32);
        std::memcpy(&v, source + at[t] + s + 8, 32);
        for (int f = 0; f < N; f++) a[2 * f] += w[f * T + t] * u, a[2 * f + 1] += w[f * T + t] * v;
    }
    for (int f = 0; f < 2 * N; f++) out[f] = a[f];
}

// Squared error of predicting every sample of the tile and its margin from its neighbours, in units of what the model
// expects.
void errors(Work &w, const Models &m, int k, int y0, int x0, float *e) {
    for (int j = 0; j < EH; j++)
        for (int c = 0; c < m.q; c++) {
            const int y = y0 - M + j, x = x0 - M + c;
            const int py = ((y % m.p) + m.p) % m.p, px = ((x % m.q) + m.q) % m.q;
            const size_t model = ((size_t)py * m.q + px) * m.K + k;
            const float *weight = m.weights + (model * 3 + 2) * m.T;
            const float trust = m.trust[model];
            places(w, m, k, y, x);
            const int n = (EW - c + m.q - 1) / m.q;
            for (int s = 0; s < n; s += RUN) {
                Eight r[2];
                predict<1>(w.source.data(), w.at.data(), weight, m.T - 1, s, r);
                const float *here = w.source.data() + w.at[m.T - 1] + s;
                float *o = e + (size_t)j * EW + c + (size_t)s * m.q;
                for (int i = 0; i < std::min(RUN, n - s); i++) {
                    const float d = r[i / 8][i % 8] - here[i];
                    o[(size_t)i * m.q] = d * d * trust;
                }
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

// What every model counts at every pixel: within its group by how it predicts close by, the groups by how their models
// predict further around.
void judge(Work &w, const Models &m, int y0, int x0, float shot, float read) {
    const size_t area = (size_t)EH * EW;
    const int each = m.K / m.groups;
    w.plane.resize(area * m.K);
    w.sum.resize(area), w.part.resize(2 * EW), w.evidence.resize(area * m.groups);
    std::vector<float> least(area), floor(area);
    for (int j = 0; j < EH; j++)
        for (int i = 0; i < EW; i++) {  // what noise alone adds to the errors
            const int x = x0 - M + i - w.left;
            const size_t at = ((size_t)(j + m.reach) * m.q + x % m.q) * w.sites + x / m.q;
            floor[(size_t)j * EW + i] = shot * std::max(w.source[at], 0.0f) + read + 1e-9f;
        }
    narrow(floor.data(), w.part.data());
    for (int g = 0; g < m.groups; g++) {
        float *first = w.plane.data() + area * each * g, *evidence = w.evidence.data() + area * g;
        for (int k = 0; k < each; k++) {
            float *e = first + area * k;
            errors(w, m, g * each + k, y0, x0, e);
            narrow(e, w.part.data());
            for (size_t i = 0; i < area; i++) {
                e[i] += floor[i];
                least[i] = k && least[i] < e[i] ? least[i] : e[i];
            }
        }
        std::fill(w.sum.begin(), w.sum.end(), 0.0f);
        std::fill(evidence, evidence + area, 0.0f);
        for (int k = 0; k < each; k++) {
            float *e = first + area * k;
            for (size_t i = 0; i < area; i++) {
                const float a = fourth(least[i] / e[i]);
                evidence[i] += a * e[i];
                e[i] = a;
                w.sum[i] += a;
            }
        }
        for (size_t i = 0; i < area; i++) {
            w.sum[i] = 1.0f / w.sum[i];
            evidence[i] *= w.sum[i];
        }
        for (int k = 0; k < each; k++)
            for (size_t i = 0; i < area; i++) first[area * k + i] *= w.sum[i];
        box(evidence, w.part.data(), 2);
        box(evidence, w.part.data(), 5);
    }
    if (m.groups == 1) return;
    for (size_t i = 0; i < area; i++) {
        float low = w.evidence[i], sum = 0;
        for (int g = 1; g < m.groups; g++) low = std::min(low, w.evidence[area * g + i]);
        for (int g = 0; g < m.groups; g++) {
            float &v = w.evidence[area * g + i];
            const float a = low / v;
            v = fourth(a) * fourth(a) * fourth(a);
            sum += v;
        }
        for (int g = 0; g < m.groups; g++) w.evidence[area * g + i] /= sum;
    }
    for (int k = 0; k < m.K; k++) {
        float *e = w.plane.data() + area * k;
        const float *v = w.evidence.data() + area * (k / each);
        for (size_t i = 0; i < area; i++) e[i] *= v[i];
    }
}

void tile(Work &w, const Models &m, In<float, 2> &cfa, int y0, int x0, float shot, float read, float *out) {
    const int h = cfa.shape(0), wide = cfa.shape(1), y1 = std::min(h, y0 + TH), x1 = std::min(wide, x0 + TW);
    load(w, m, cfa.data(), h, wide, y0, x0);
    judge(w, m, y0, x0, shot, read);
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < std::min(x1, x0 + m.q); x++) {
            const int place = (y % m.p) * m.q + x % m.q, own = m.cell[place], n = (x1 - x + m.q - 1) / m.q;
            const int one = own == 0 ? 1 : 0, two = own == 2 ? 1 : 2;
            for (int s = 0; s < n; s += RUN) {
                float sum[2][RUN] = {};
                const float *here = nullptr;
                for (int k = 0; k < m.K; k++) {
                    places(w, m, k, y, x);
                    const float *share = w.plane.data() + ((size_t)k * EH + y - y0 + M) * EW + x - x0 + M + (size_t)s * m.q;
                    Eight r[4];
                    predict<2>(w.source.data(), w.at.data(), m.weights + ((size_t)place * m.K + k) * 3 * m.T, m.T, s, r);
                    const int last = std::min(RUN, n - s);
                    for (int i = 0; i < last; i++) {
                        const float a = share[(size_t)i * m.q];
                        sum[0][i] += a * r[i / 8][i % 8];
                        sum[1][i] += a * r[2 + i / 8][i % 8];
                    }
                    here = w.source.data() + w.at[m.T - 1] + s;
                }
                for (int i = 0; i < std::min(RUN, n - s); i++) {
                    float *o = out + ((size_t)y * wide + x + (size_t)(s + i) * m.q) * 3;
                    o[own] = here[i], o[one] = sum[0][i], o[two] = sum[1][i];
                }
            }
        }
}

void demosaic_cell(In<float, 2> cfa, In<uint8_t, 2> cell, In<int32_t, 3> taps, In<float, 5> weights, In<float, 3> trust,
                   int groups, float shot, float read, Out<float, 3> out) {
    const int h = cfa.shape(0), w = cfa.shape(1);
    need((int)out.shape(0) == h && (int)out.shape(1) == w && out.shape(2) == 3, "out must be (h, w, 3)");
    Models m{cell.data(), taps.data(), weights.data(), trust.data(), (int)cell.shape(0), (int)cell.shape(1),
             (int)taps.shape(0), (int)taps.shape(1), 0, groups};
    need(groups > 0 && m.K % groups == 0 && h > 0 && w > 0, "groups");
    need((int)weights.shape(0) == m.p && (int)weights.shape(1) == m.q && (int)weights.shape(2) == m.K &&
         (int)weights.shape(4) == m.T && (int)trust.shape(2) == m.K, "weights");
    for (int i = 0; i < m.K * m.T * 2; i++) m.reach = std::max(m.reach, std::abs(m.taps[i]));
    const int ny = (h + TH - 1) / TH, nx = (w + TW - 1) / TW;
    parallel(ny * nx, [&](int piece) {
        static thread_local Work work;
        work.at.resize(m.T);
        tile(work, m, cfa, piece / nx * TH, piece % nx * TW, shot, read, out.data());
    });
}

}  // namespace

KERNEL("cell_weights", weights, "cell"_a, "taps"_a, "common"_a, "apart"_a, "level"_a, "noise"_a, "out"_a, "trust"_a)
KERNEL("demosaic_cell", demosaic_cell, "cfa"_a, "cell"_a, "taps"_a, "weights"_a, "trust"_a, "groups"_a, "shot"_a,
       "read"_a, "out"_a)
