// SPDX-License-Identifier: Apache-2.0
// Merge: warp a frame onto the reference, decide cell by cell how far to believe it, and add it up.
// The idea and the formulas stand in combine/merge.py.  A cell is 2 x 2 pixels.
#include "chance.h"

namespace {

constexpr int TALL = 384, WIDE = 512;  // cells of a piece of work; multiples of BLOCK

// Means of the 2 x 2 cells: (3, h/2, w/2), or (h/2, w/2, 3) with the colours side by side.
void cells(In<float, 3> rgb, Out<float, 3> out, bool planar) {
    const int w = rgb.shape(1), hc = rgb.shape(0) / 2, wc = w / 2;
    need(rgb.shape(2) == 3 && (int)out.shape(planar ? 1 : 0) == hc && (int)out.shape(planar ? 2 : 1) == wc &&
             out.size() == (size_t)3 * hc * wc,
         "out must be (3, h/2, w/2) or (h/2, w/2, 3)");
    const size_t cell = planar ? 1 : 3, colour = planar ? (size_t)hc * wc : 1;
    parallel_rows(hc, 16, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++) {
            const float *a = rgb.data() + (size_t)2 * y * w * 3, *b = a + 3 * w;
            float *o = out.data() + y * wc * cell;
            for (int x = 0; x < wc; x++)
                for (int c = 0; c < 3; c++)
                    o[x * cell + c * colour] = 0.25f * ((a[6 * x + c] + b[6 * x + c]) + (a[6 * x + 3 + c] + b[6 * x + 3 + c]));
        }
    });
}
void planar_cells(In<float, 3> rgb, Out<float, 3> out) { cells(rgb, out, true); }
void joined_cells(In<float, 3> rgb, Out<float, 3> out) { cells(rgb, out, false); }

// Weights of the pixels of row y from those of the cells, bilinear between cell centres, three times each; columns of the
// area's cells i0 .. i1 - 1 and, where the picture ends in an odd pixel, that one too.
void spread(const float *least, const Area &area, int y, int i0, int i1, bool odd, float *line, float *out) {
    const float fy = 0.5f * y - 0.25f - area.y0;
    const int j0 = clampi((int)std::floor(fy), 0, area.n - 1), j1 = std::min(j0 + 1, area.n - 1);
    const float f = fy - j0 < 0 ? 0 : fy - j0 > 1 ? 1 : fy - j0;
    const float *p = least + (size_t)j0 * area.m, *q = least + (size_t)j1 * area.m;
    const int a = std::max(0, i0 - 1), b = std::min(area.m, i1 + 1);
    for (int x = a; x < b; x++) line[x] = p[x] + f * (q[x] - p[x]);
    for (int x = i0; x < i1; x++) {
        const float here = 0.75f * line[x], l = here + 0.25f * line[x > 0 ? x - 1 : 0],
                    r = here + 0.25f * line[x < area.m - 1 ? x + 1 : x];
        float *o = out + 6 * (x - i0);
        o[0] = o[1] = o[2] = l;
        o[3] = o[4] = o[5] = r;
    }
    if (odd) std::fill(out + 6 * (i1 - i0), out + 6 * (i1 - i0) + 3, line[i1 - 1]);
}

struct Sums {
    float *total, *belief, *square;  // square or null
    int w;
};

constexpr int STRETCH = 32;  // cells that are looked at together: all, none or some of the weight

// Adds the piece [c0, c1) x [x0, x1) of cells.
void add(const Maps &maps, const Area &area, int c0, int c1, int x0, int x1, int h, const Sums &to) {
    for (int y = c0; y < c1; y++) {
        const float *a = maps.least + (size_t)(y - area.y0) * area.m + x0 - area.x0;
        float *b = to.belief + (size_t)y * area.wc + x0, *q = to.square ? to.square + (size_t)y * area.wc + x0 : nullptr;
        for (int x = 0; x < x1 - x0; x++) b[x] += a[x];
        if (q)
            for (int x = 0; x < x1 - x0; x++) q[x] += a[x] * a[x];
    }
    const int last = c1 == area.hc ? h : 2 * c1;
    std::vector<float> line(area.m);
    float e[6 * STRETCH + 3];
    constexpr int NONE = 1, ALL = 2;  // 3: some
    std::vector<uint8_t> kinds((size_t)area.n * ((x1 - x0 + STRETCH - 1) / STRETCH));
    auto held = [&](int j, int i0, int i1) -> int {
        uint8_t &kind = kinds[(size_t)j * ((x1 - x0 + STRETCH - 1) / STRETCH) + (i0 + area.x0 - x0) / STRETCH];
        if (kind) return kind;
        const float *p = maps.least + (size_t)j * area.m;
        int zeros = 0, ones = 0;
        const int a = std::max(0, i0 - 1), b = std::min(area.m, i1 + 1);
        for (int x = a; x < b; x++) zeros += p[x] == 0, ones += p[x] == 1;
        return kind = zeros == b - a ? NONE : ones == b - a ? ALL : NONE | ALL;
    };
    for (int y = 2 * c0; y < last; y++) {
        const int near = clampi((y - 1) / 2 - area.y0, 0, area.n - 1), next = std::min(near + 1, area.n - 1);
        for (int s = x0; s < x1; s += STRETCH) {
            const int end = std::min(x1, s + STRETCH), i0 = s - area.x0, i1 = end - area.x0;
            const bool odd = end == area.wc && to.w > 2 * area.wc;
            const int n = 6 * (end - s) + (odd ? 3 : 0);
            const int some = held(near, i0, i1) | held(next, i0, i1);
            if (some == NONE) continue;
            if (y + 2 < last) ahead_to_write(to.total + ((size_t)(y + 2) * to.w + 2 * s) * 3, n);
            const float *src = maps.warped + ((size_t)(y - 2 * area.y0) * maps.wide + 2 * i0) * 3;
            float *dst = to.total + ((size_t)y * to.w + 2 * s) * 3;
            if (some == ALL) {
                for (int t = 0; t < n; t++) dst[t] += src[t];
            } else {
                spread(maps.least, area, y, i0, i1, odd, line.data(), e);
                for (int t = 0; t < n; t++) dst[t] += e[t] * src[t];
            }
        }
    }
}

// One piece of work: the cells [c0, c1) x [x0, x1).
void piece(const Frame &f, const Grounds &by, int c0, int c1, int x0, int x1, const Sums &to) {
    const int hc = f.h / 2, wc = f.w / 2, side = (HALO + 3) / 4 * 4;  // a whole number of runs
    const int a0 = std::max(0, c0 - HALO), a1 = std::min(hc, c1 + HALO), b0 = std::max(0, x0 - side), b1 = std::min(wc, x1 + side);
    const Area area{a0, b0, a1 - a0, b1 - b0, hc, wc};
    const int rows = a1 == hc ? f.h - 2 * a0 : 2 * area.n, wide = b1 == wc ? f.w - 2 * b0 : 2 * area.m;
    const int first = 2 * b0 / RUN, runs = (wide + RUN - 1) / RUN;
    const size_t cells = (size_t)area.n * area.m;
    static thread_local Scratch memory;
    static thread_local Warp warp;
    static thread_local Differences differences;
    Maps maps;
    maps.wide = wide;
    maps.warped = memory.get<float>((size_t)rows * wide * 3 + 3 * cells + (size_t)rows * runs / 4 + 64);
    maps.diff = maps.warped + (size_t)rows * wide * 3;
    maps.weight = maps.diff + cells, maps.least = maps.weight + cells;
    maps.seen = reinterpret_cast<uint8_t *>(maps.least + cells);
    differences.prepare(by.judge, area.m);
    std::vector<float> dy(runs), dx(runs);
    for (int r = 0; r < rows; r++) {
        f.rows.row(2 * a0 + r, first, first + runs, dy.data(), dx.data());
        warp.row(f.rgb, f.h, f.w, 2 * a0 + r, first, first + runs, dy.data(), dx.data(), by.judge.gain,
                 maps.warped + (size_t)r * wide * 3, maps.seen + (size_t)r * runs);
        if (r % 2 == 0 || r / 2 >= area.n) continue;
        const float *p = maps.warped + (size_t)(r - 1) * wide * 3;
        float *d = maps.diff + (size_t)(r / 2) * area.m;
        if (by.judge.all())
            std::fill(d, d + area.m, 0.0f);
        else
            differences.row(p, p + 3 * wide, area, a0 + r / 2, b0, area.m, by, d);
        const uint8_t *s = maps.seen + (size_t)(r - 1) * runs;
        for (int k = 0; k < runs; k++)
            if (!(s[k] && s[k + runs])) std::fill(d + k * RUN / 2, d + std::min(area.m, (k + 1) * RUN / 2), UNSEEN);
    }
    weigh(maps.diff, area.n, area.m, by.judge, maps.weight);
    if (!by.judge.all() && Second{f, area, by, maps, warp, differences}.blocks())
        weigh(maps.diff, area.n, area.m, by.judge, maps.weight);
    erode(maps.weight, area.n, area.m, maps.least);
    add(maps, area, c0, c1, x0, x1, f.h, to);
}

// Adds a frame, warped and weighed, to `total`; belief collects the weights of the cells and square their squares.
void merge_frame(In<float, 3> rgb, In<float, 3> ref, In<float, 2> shade, In<float, 3> shift, In<float, 3> second, int tile,
                 In<float, 1> judge, Out<float, 3> total, Out<float, 2> belief, Out<float, 2> square) {
    const int h = rgb.shape(0), w = rgb.shape(1), hc = h / 2, wc = w / 2;
    need((int)total.shape(0) == h && (int)total.shape(1) == w && total.shape(2) == 3, "total must be (h, w, 3)");
    need((int)belief.shape(0) == hc && (int)belief.shape(1) == wc, "belief must be (h/2, w/2)");
    need(judge.shape(0) * sizeof(float) == sizeof(Judge), "judge has not the length it must have");
    need(second.shape(2) == 6 && (second.shape(0) == 0 || (second.shape(0) == shift.shape(0) && second.shape(1) == shift.shape(1))),
         "second must be as shift, with six numbers");
    Judge J;
    std::memcpy(&J, judge.data(), sizeof J);
    need(J.all() || ((int)ref.shape(0) == hc && (int)ref.shape(1) == wc && ref.shape(2) == 3), "reference must be (h/2, w/2, 3)");
    const bool shaded = (int)shade.shape(0) == hc && (int)shade.shape(1) == wc, squared = square.shape(0) != 0;
    need(!squared || ((int)square.shape(0) == hc && (int)square.shape(1) == wc), "square must be (h/2, w/2)");
    const FlowField flow{shift.data(), (int)shift.shape(0), (int)shift.shape(1), (float)tile};
    const Frame f{rgb.data(), h, w, flow, FlowRows(flow, w), second.shape(0) ? second.data() : nullptr};
    const Grounds by{ref.data(), shaded ? shade.data() : nullptr, J};
    const Sums to{total.data(), belief.data(), squared ? square.data() : nullptr, w};
    const int across = (wc + WIDE - 1) / WIDE;
    parallel((hc + TALL - 1) / TALL * across, [&](int i) {
        const int c0 = i / across * TALL, x0 = i % across * WIDE;
        piece(f, by, c0, std::min(hc, c0 + TALL), x0, std::min(wc, x0 + WIDE), to);
    });
}

// The same without second motions and squares.
void merge_add(In<float, 3> rgb, In<float, 3> ref, In<float, 2> shade, In<float, 3> shift, int tile, In<float, 1> judge,
               Out<float, 3> total, Out<float, 2> belief) {
    static float nothing;
    const size_t none[3] = {0, 0, 6};
    merge_frame(rgb, ref, shade, shift, In<float, 3>(&nothing, 3, none), tile, judge, total, belief,
                Out<float, 2>(&nothing, 2, none));
}

// total / belief (bilinear between cell centres), in place.
void finish(In<float, 2> belief, Out<float, 3> total) {
    const int h = total.shape(0), w = total.shape(1), hc = belief.shape(0), wc = belief.shape(1);
    need(hc == h / 2 && wc == w / 2, "belief must be (h/2, w/2)");
    const Area area{0, 0, hc, wc, hc, wc};
    parallel_rows(h, 32, [&](int ya, int yb) {
        std::vector<float> line(wc), share(3 * (size_t)w);
        for (int y = ya; y < yb; y++) {
            spread(belief.data(), area, y, 0, wc, w > 2 * wc, line.data(), share.data());
            float *dst = total.data() + (size_t)y * w * 3;
            for (int i = 0; i < 3 * w; i++) dst[i] /= share[i];
        }
    });
}

}  // namespace

KERNEL("merge_cells", planar_cells, "rgb"_a, "out"_a)
KERNEL("merge_means", joined_cells, "rgb"_a, "out"_a)
KERNEL("merge_frame", merge_frame, "rgb"_a, "reference"_a, "shading"_a, "shift"_a, "second"_a, "tile"_a, "judge"_a, "total"_a,
       "belief"_a, "square"_a)
KERNEL("merge_add", merge_add, "rgb"_a, "reference"_a, "shading"_a, "shift"_a, "tile"_a, "judge"_a, "total"_a, "belief"_a)
KERNEL("merge_finish", finish, "belief"_a, "total"_a)
