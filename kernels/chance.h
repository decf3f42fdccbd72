// SPDX-License-Identifier: Apache-2.0
// Second chance: blocks of cells that the flow of the surroundings does not explain try how things near them move.
#pragma once
#include "judge.h"

constexpr int BLOCK = 16, PART = 8;         // cells that try other motions together; cells of which one is enough to ask for it
constexpr float SATISFIED = 0.9f;           // mean weight of a part that needs no other motion
constexpr float DISTINCT = 0.125f;          // pixels
constexpr int LABEL = 2;                    // cells around over which motions are compared

struct Frame {
    const float *rgb;
    int h, w;
    FlowField flow;
    FlowRows rows;
    const float *second;  // (ny, nx, 6) or null: shift at the middle of a tile, and how it grows from pixel to pixel
};

struct Maps {  // of an area, n x m cells each, but `warped` (rows of `wide` pixels) and `seen`
    int wide;
    float *warped, *diff, *weight, *least;
    uint8_t *seen;
};

struct Motion {  // shift at a place and how it grows from there: y' = y + turn[0] v + turn[1] u, x' = x + turn[2] v + turn[3] u
    float y, x, turn[4];
    bool like(const Motion &m) const {  // all over a block
        float far = 0;
        for (int k = 0; k < 4; k++) far = std::max(far, BLOCK * std::fabs(turn[k] - m.turn[k]));
        return std::fabs(y - m.y) + far < DISTINCT && std::fabs(x - m.x) + far < DISTINCT;
    }
};

struct Motions {  // a few distinct ones
    Motion at[20];
    int count = 0, known = 0;  // the first `known` are only there to be told from
    void add(const Motion &m) {
        if (!(m.y == m.y) || !(m.x == m.x) || count == 20) return;
        for (int k = 0; k < count; k++)
            if (at[k].like(m)) return;
        at[count++] = m;
    }
};

// What moves on its own in the tile of a block and in those around it, and how their surroundings move.
// (y, x) is the middle of the block.
inline Motions motions(const Frame &f, float y, float x) {
    Motions m;
    const int tj = clampi((int)(y / f.flow.tile), 0, f.flow.ny - 1), ti = clampi((int)(x / f.flow.tile), 0, f.flow.nx - 1);
    float dy, dx;
    const int r = (int)x / RUN;
    f.rows.row(y, r, r + 1, &dy, &dx);
    m.add({dy, dx, {}});
    m.known = m.count;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 0 && !f.second) continue;
        auto take = [&](int j, int i) {
            if (j < 0 || i < 0 || j >= f.flow.ny || i >= f.flow.nx) return;
            const size_t k = (size_t)j * f.flow.nx + i;
            if (pass == 1) return m.add({f.flow.shift[2 * k], f.flow.shift[2 * k + 1], {}});
            const float *s = f.second + 6 * k, *t = s + 2;
            const float v = y - ((j + 0.5f) * f.flow.tile - 0.5f), u = x - ((i + 0.5f) * f.flow.tile - 0.5f);
            m.add({s[0] + (t[0] * v + t[1] * u), s[1] + (t[2] * v + t[3] * u), {t[0], t[1], t[2], t[3]}});
        };
        take(tj, ti);
        for (int k = 0; k < 9; k++)
            if (k != 4) take(tj - 1 + k / 3, ti - 1 + k % 3);
    }
    return m;
}

struct Second {  // second chance for blocks of which the flow does not explain all
    const Frame &frame;
    const Area &area;
    const Grounds &by;
    Maps &maps;
    Warp &warp;
    Differences &differences;

    bool lost(int j0, int j1, int i0, int i1) const {
        for (int j = j0; j < j1; j += PART)
            for (int i = i0; i < i1; i += PART) {
                const int j2 = std::min(j + PART, j1), i2 = std::min(i + PART, i1);
                float sum = 0;
                for (int y = j; y < j2; y++)
                    for (int x = i; x < i2; x++) sum += maps.weight[(size_t)y * area.m + x];
                if (sum < SATISFIED * by.judge.share * (j2 - j) * (i2 - i)) return true;
            }
        return false;
    }

    // Takes the cells of a block, rows j0 .. j1 - 1 and columns i0 .. i1 - 1 of the area, that another motion explains better.
    bool block(int j0, int j1, int i0, int i1) {
        const int n = j1 - j0, m = i1 - i0, first = 2 * (area.x0 + i0) / RUN, runs = (2 * m + RUN - 1) / RUN;
        const float y0 = 2 * area.y0 + j0 + j1 - 0.5f, x0 = 2 * area.x0 + i0 + i1 - 0.5f;  // the middle of the block
        const Motions tried = motions(frame, y0, x0);
        if (tried.count == tried.known) return false;
        float pixels[(2 * BLOCK * 2 * BLOCK + 1) * 3], dy[BLOCK], dx[BLOCK];
        float d[BLOCK * BLOCK], mean[BLOCK * BLOCK], best[BLOCK * BLOCK];
        uint8_t seen[2 * BLOCK * BLOCK];
        bool any = false;
        for (int y = 0; y < n; y++)
            for (int x = 0; x < m; x++) best[y * m + x] = worst(maps.diff[(size_t)(j0 + y) * area.m + i0 + x]);
        std::memcpy(d, best, sizeof(float) * n * m);
        box(d, n, m, LABEL, by.judge.fine_most, best);
        for (int k = tried.known; k < tried.count; k++) {
            const Motion &tries = tried.at[k];
            for (int y = 0; y < 2 * n; y++) {
                for (int r = 0; r < runs; r++) {
                    const float v = 2 * (area.y0 + j0) + y - y0, u = (first + r) * RUN + 0.5f * (RUN - 1) - x0;
                    dy[r] = tries.y + (tries.turn[0] * v + tries.turn[1] * u);
                    dx[r] = tries.x + (tries.turn[2] * v + tries.turn[3] * u);
                }
                warp.row(frame.rgb, frame.h, frame.w, 2 * (area.y0 + j0) + y, first, first + runs, dy, dx, by.judge.gain,
                         pixels + (size_t)y * 6 * m, seen + y * runs);
            }
            for (int y = 0; y < n; y++) {
                differences.row(pixels + (size_t)2 * y * 6 * m, pixels + (size_t)(2 * y + 1) * 6 * m, area, area.y0 + j0 + y,
                                area.x0 + i0, m, by, d + y * m);
                for (int x = 0; x < m; x++)
                    if (!(seen[2 * y * runs + 2 * x / RUN] && seen[(2 * y + 1) * runs + 2 * x / RUN])) d[y * m + x] = UNSEEN;
            }
            for (int i = 0; i < n * m; i++) mean[i] = worst(d[i]);
            float held[BLOCK * BLOCK];
            box(mean, n, m, LABEL, by.judge.fine_most, held);
            for (int y = 0; y < n; y++)
                for (int x = 0; x < m; x++) {
                    const int i = y * m + x;
                    if (d[i] < 0 || held[i] >= best[i]) continue;
                    best[i] = held[i];
                    any = true;
                    maps.diff[(size_t)(j0 + y) * area.m + i0 + x] = d[i];
                    for (int t = 0; t < 2; t++)
                        std::memcpy(maps.warped + ((size_t)(2 * (j0 + y) + t) * maps.wide + 2 * (i0 + x)) * 3,
                                    pixels + ((size_t)(2 * y + t) * 2 * m + 2 * x) * 3, 6 * sizeof(float));
                }
        }
        return any;
    }
    float worst(float d) const { return d < 0 ? by.judge.fine_most : d; }

    bool blocks() {
        bool any = false;
        for (int j = 0; j < area.n;) {
            const int j1 = std::min(area.n, (area.y0 + j) / BLOCK * BLOCK + BLOCK - area.y0);
            for (int i = 0; i < area.m;) {
                const int i1 = std::min(area.m, (area.x0 + i) / BLOCK * BLOCK + BLOCK - area.x0);
                if (lost(j, j1, i, i1)) any |= block(j, j1, i, i1);
                i = i1;
            }
            j = j1;
        }
        return any;
    }
};
