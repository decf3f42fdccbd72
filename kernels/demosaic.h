// SPDX-License-Identifier: Apache-2.0
// What demosaicking of Bayer mosaics stands on: vectors of pixels, the buffers of a tile, filters along a line.
#pragma once
#include "runs.h"

namespace {

constexpr int TALL = 256, WIDE = 240, M = 8;                    // tile; margin: how far the longest chain of filters reaches
constexpr int HALF = WIDE / 2 + M + 4 * LANES, ROW = 2 * HALF;  // half rows have two vectors to spare on both sides
constexpr int KEPT = 12, ROWS = 36;                             // rows that are looked back at; rows of a buffer
constexpr int FULL = 9, SOME = 4;                               // buffers of all sites and of coloured ones
// Floats from one buffer to the next: they would compete for the same cache lines if 4096 bytes went into it.
constexpr int apart(int size) { return size / 1024 * 1024 + 1024 + 16 * 21; }
struct Tile {
    float memory[FULL * apart(ROWS * ROW) + SOME * apart(ROWS * HALF) + 4 * LANES];
    float *full(int k) { return memory + 2 * LANES + k * apart(ROWS * ROW); }
    float *some(int k) { return full(FULL) + k * apart(ROWS * HALF); }
    // Of all sites.  Steps are differences between a site and the one two below (to the right), pairs the sums of two.
    float *c = full(0), *low = full(1), *tall = full(2), *vh = full(3), *eps = full(4);
    float *stepv = full(5), *pairv = full(6), *steph = full(7), *pairh = full(8);
    float *pq = some(0), *g = some(1), *k = some(2), *kd = some(3);  // of coloured sites
    // Room for more rows: the last ones become the first.
    void roll() {
        for (float *v : {c, low, tall, vh, eps, stepv, pairv, steph, pairh}) move(v, ROW);
        for (float *v : {pq, g, k, kd}) move(v, HALF);
    }
    static void move(float *v, int row) {
        std::memcpy(v - 2 * LANES, v - 2 * LANES + (ROWS - KEPT) * row, sizeof(float) * KEPT * row);
    }
};
static_assert(KEPT <= ROWS - KEPT, "rows do not overlap when they are moved");

inline Run sq(Run a) { return a * a; }
inline Run ab(Run a) { return (Run)((Bits)a & 0x7fffffff); }
inline Run greater(Run a, Run b) { return a > b ? a : b; }
inline Run positive(Run a) { return a > 0.0f ? a : Run{}; }
inline Run root(Run a) {
    Run r{};
    for (int k = 0; k < LANES; k++) r[k] = __builtin_sqrtf(a[k]);
    return r;
}

// Site m of parity P lies in column 2 m + P.  Its neighbour (dy, dx) in a buffer of all sites, and in one of coloured
// sites, as an offset from m in the row:
template <int P> constexpr int all(int dy, int dx) { return dy * ROW + ((P + dx) & 1) * HALF + ((P + dx) >> 1); }
template <int P> constexpr int some(int dy, int dx) { return dy * HALF + ((P + dx) >> 1); }

// High-pass of seven samples: zero for constants and ramps, and for the alternation of the CFA.
template <class F> inline Run high(F &&s) {
    return (s(-3) + s(3)) - (s(-1) + s(1)) - 3.0f * (s(-2) + s(2)) + 6.0f * s(0);
}
// The direction here or around, whichever is more decided.
template <class F> inline Run decided(F &&s) {
    const Run around = 0.25f * (s(-1, -1) + s(-1, 1) + s(1, -1) + s(1, 1)), here = s(0, 0);
    return ab(0.5f - here) < ab(0.5f - around) ? around : here;
}

}  // namespace
