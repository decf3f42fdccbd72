// SPDX-License-Identifier: Apache-2.0
// The weights of the models of a mixture, for every place of a cell; the idea and the formulas stand in
// capture/mixture.py.
#include "kernel.h"

namespace {

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
        auto put = [&](int f, int n, int wanted) {  // the colour that is wanted weighs 1 in all, every other 0
            for (int c = 0; c < 3; c++) {
                double sum = 0, count = 0;
                for (int t = 0; t < n; t++)
                    if (colour[t] == c) sum += r[t], count += 1;
                for (int t = 0; t < n; t++)
                    if (colour[t] == c) w[f * T + t] = (float)(r[t] + ((c == wanted) - sum) / count);
            }
            for (int t = n; t < T; t++) w[f * T + t] = 0.0f;
        };
        for (int f = 0; f < 2; f++) {
            const int wanted = f < own ? f : f + 1;
            for (int t = 0; t < T; t++) r[t] = covariance(T - 1, t, colour[t] == wanted);
            solve(C, T, T, r);
            put(f, T, wanted);
        }
        for (int t = 0; t < T - 1; t++) r[t] = covariance(T - 1, t, colour[t] == own);
        const std::vector<double> with(r);
        solve(C, T - 1, T, r);
        put(2, T - 1, own);
        double variance = covariance(T - 1, T - 1, true) + noise;
        for (int t = 0; t < T - 1; t++) variance -= r[t] * with[t];
        trust(y, x, k) = (float)(1 / variance);
    });
}

}  // namespace

KERNEL("cell_weights", weights, "cell"_a, "taps"_a, "common"_a, "apart"_a, "level"_a, "noise"_a, "out"_a, "trust"_a)
