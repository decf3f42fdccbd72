// SPDX-License-Identifier: Apache-2.0
// Bracket: frames of different exposure, already in one light, become one: where each of them is valid, how far it is to be
// believed, and the weighted sum.  The idea and the formulas stand in combine/bracket.py.  A cell is 2 x 2 pixels.
#include "warp.h"

namespace {

constexpr uint8_t UNSEEN = 8;  // bit of a pixel that lies outside the frame
constexpr float NOTHING = -1e30f;  // mean of a cell that does
constexpr float CLIPPED = 1e-6f;   // weight of clipped light: counts where there is no other
constexpr int FINE = 1, BROAD = 4, HALO = BROAD + 2, BAND = 48;

// A frame and its clip bits seen from the reference; pixels outside the frame have the bit UNSEEN.
void bracket_warp(In<float, 3> rgb, In<uint8_t, 2> clipped, In<float, 3> shift, int tile, Out<float, 3> out, Out<uint8_t, 2> bits) {
    const int h = rgb.shape(0), w = rgb.shape(1);
    need(rgb.shape(2) == 3 && (int)out.shape(0) == h && (int)out.shape(1) == w && out.shape(2) == 3, "bracket_warp: out is like rgb");
    need((int)bits.shape(0) == h && (int)bits.shape(1) == w, "bracket_warp: bits is (h, w)");
    const bool marked = (int)clipped.shape(0) == h && (int)clipped.shape(1) == w;
    const FlowField flow{shift.data(), (int)shift.shape(0), (int)shift.shape(1), (float)tile};
    parallel_rows(h, 32, [&](int y0, int y1) {
        const int runs = (w + RUN - 1) / RUN;
        std::vector<float> dy(runs), dx(runs);
        std::vector<uint8_t> seen(runs);
        for (int y = y0; y < y1; y++) {
            flow.row(y, w, dy, dx);
            warp_row(rgb.data(), h, w, y, dy, dx, out.data() + (size_t)y * w * 3, seen.data());
            uint8_t *to = bits.data() + (size_t)y * w;
            for (int r = 0; r < runs; r++) {
                const int j = (int)std::floor(y + dy[r]), j0 = clampi(j, 0, h - 1), j1 = clampi(j + 1, 0, h - 1);
                const int i = (int)std::floor(dx[r]);
                for (int x = r * RUN; x < std::min(w, (r + 1) * RUN); x++) {
                    if (!seen[r]) {
                        to[x] = UNSEEN;
                    } else if (marked) {
                        const uint8_t *a = clipped.data() + (size_t)j0 * w, *b = clipped.data() + (size_t)j1 * w;
                        const int i0 = clampi(x + i, 0, w - 1), i1 = clampi(x + i + 1, 0, w - 1);
                        to[x] = a[i0] | a[i1] | b[i0] | b[i1];
                    } else {
                        to[x] = 0;
                    }
                }
            }
        }
    });
}

// Least and then mean of the 3 x 3 cells around every cell; v holds n rows.
void eroded(std::vector<float> &v, int n, int w) {
    std::vector<float> line(w), kept(v.size());
    for (int step = 0; step < 2; step++) {
        for (int j = 0; j < n; j++) {
            const float *u = &v[(size_t)std::max(0, j - 1) * w], *m = &v[(size_t)j * w], *d = &v[(size_t)std::min(n - 1, j + 1) * w];
            for (int x = 0; x < w; x++) {
                const float least = u[x] < d[x] ? u[x] : d[x];
                line[x] = step ? (u[x] + d[x]) + m[x] : least < m[x] ? least : m[x];
            }
            float *o = &kept[(size_t)j * w];
            for (int x = 0; x < w; x++) {
                const float l = line[x > 0 ? x - 1 : 0], r = line[x < w - 1 ? x + 1 : x];
                const float least = l < r ? l : r;
                o[x] = step ? ((l + r) + line[x]) * (1.0f / 9.0f) : least < line[x] ? least : line[x];
            }
        }
        v.swap(kept);
    }
}

// Whether all pixels within `grown` of (y, x) are marked: the clipped photosites that a mark of so many pixels tells of.
bool core(const uint8_t *bits, int h, int w, int y, int x, int grown) {
    for (int j = std::max(0, y - grown); j <= std::min(h - 1, y + grown); j++)
        for (int i = std::max(0, x - grown); i <= std::min(w - 1, x + grown); i++)
            if (!bits[(size_t)j * w + i]) return false;
    return true;
}

// Cell means, planar (3, h/2, w/2), and how valid each cell is: 0 at clipped or unseen pixels and in the cells beside, falling
// from 1 where the brightest colour reaches `from` of its clip level to 0 at `to`.  Marks in bits reach `grown` pixels further
// than what is clipped: the light there is good.  shade (or empty) is 1 / lens-shading gain.
void bracket_cells(In<float, 3> rgb, In<uint8_t, 2> bits, In<float, 1> gain, In<float, 2> shade, float from, float to, int grown,
                   Out<float, 3> cells, Out<float, 2> valid) {
    const int h = rgb.shape(0), w = rgb.shape(1), hc = cells.shape(1), wc = cells.shape(2);
    need(cells.shape(0) == 3 && hc == h / 2 && wc == w / 2 && rgb.shape(2) == 3, "bracket_cells: cells is (3, h/2, w/2)");
    need((int)valid.shape(0) == hc && (int)valid.shape(1) == wc && gain.shape(0) == 3, "bracket_cells: valid is (h/2, w/2)");
    const bool marked = (int)bits.shape(0) == h && (int)bits.shape(1) == w;
    const bool shaded = (int)shade.shape(0) >= hc && (int)shade.shape(1) >= wc;
    auto any = [&](const uint8_t *p, int x, int mask) { return p && ((p[2 * x] | p[2 * x + 1] | p[2 * x + w] | p[2 * x + w + 1]) & mask); };
    const float fall = 1.0f / (to - from), level[3] = {1 / gain(0), 1 / gain(1), 1 / gain(2)};
    parallel((hc + BAND - 1) / BAND, [&](int band) {
        const int c0 = band * BAND, c1 = std::min(hc, c0 + BAND), a0 = std::max(0, c0 - 2), a1 = std::min(hc, c1 + 2);
        std::vector<float> v((size_t)(a1 - a0) * wc);
        for (int y = a0; y < a1; y++) {
            const float *a = rgb.data() + (size_t)2 * y * w * 3, *b = a + 3 * w;
            float *o = &v[(size_t)(y - a0) * wc];
            const uint8_t *p = marked ? bits.data() + (size_t)2 * y * w : nullptr;
            for (int x = 0; x < wc; x++) {
                float most = 0.0f;
                const bool out = any(p, x, UNSEEN), marks = any(p, x, 7);
                for (int c = 0; c < 3; c++) {
                    const float m = 0.25f * ((a[6 * x + c] + a[6 * x + 3 + c]) + (b[6 * x + c] + b[6 * x + 3 + c]));
                    if (y >= c0 && y < c1) cells.data()[((size_t)c * hc + y) * wc + x] = out ? NOTHING : m;
                    most = std::max(most, m * level[c]);
                }
                if (shaded) most *= shade.data()[(size_t)y * shade.shape(1) + x];
                float t = (to - most) * fall;
                t = t < 0 ? 0 : t > 1 ? 1 : t;
                bool full = out;
                for (int k = 0; k < 4 && marks && !full; k++) full = core(bits.data(), h, w, 2 * y + k / 2, 2 * x + k % 2, grown);
                o[x] = full ? 0.0f : t * t * (3 - 2 * t);
            }
        }
        const bool clear = std::all_of(v.begin(), v.end(), [](float t) { return t == 1.0f; });
        if (!clear) eroded(v, a1 - a0, wc);
        std::memcpy(valid.data() + (size_t)c0 * wc, &v[(size_t)(c0 - a0) * wc], sizeof(float) * (size_t)(c1 - c0) * wc);
    });
}

struct Judge {  // see combine/bracket.py
    float shot[3], read[3];          // noise of the total's light, per frame of the reference
    float shot_part[3], read_part[3];
    float gain[3], gain_part[3];     // clip levels
    float survives[3];               // share of a colour's noise in the mean of a cell
    float slope, blur, likeness, fine0, fine1, broad0, broad1;
};
constexpr int NUMBERS = 28;

// How far the part is to be believed, cell by cell, 0 … 1.
void bracket_belief(In<float, 3> total, In<float, 3> part, In<float, 2> valid, In<float, 2> valid_part, In<float, 2> spread,
                    In<float, 2> frames, In<float, 2> shade, In<float, 1> judge, Out<float, 2> belief) {
    const int hc = total.shape(1), wc = total.shape(2);
    need(judge.shape(0) == NUMBERS, "bracket_belief: judge has 28 numbers");
    for (auto *p : {&valid, &valid_part, &spread, &frames})
        need((int)p->shape(0) == hc && (int)p->shape(1) == wc, "bracket_belief: planes are (h/2, w/2)");
    need((int)part.shape(1) == hc && (int)part.shape(2) == wc, "bracket_belief: part is like total");
    const bool shaded = (int)shade.shape(0) >= hc && (int)shade.shape(1) >= wc;
    Judge J;
    std::memcpy(&J, judge.data(), sizeof J);
    const size_t plane = (size_t)hc * wc;
    auto full = [](float near) { return near < 0.9f ? 0.0f : near > 1.0f ? 1.0f : (near - 0.9f) * 10.0f; };
    parallel((hc + BAND - 1) / BAND, [&](int band) {
        const int c0 = band * BAND, c1 = std::min(hc, c0 + BAND), a0 = std::max(0, c0 - HALO), a1 = std::min(hc, c1 + HALO);
        const int n = a1 - a0;
        std::vector<float> diff((size_t)n * wc), weight((size_t)n * wc), fine((size_t)n * wc), broad((size_t)n * wc), column(wc);
        for (int j = 0; j < n; j++) {
            const int y = a0 + j;
            const size_t row = (size_t)y * wc;
            float *d = &diff[(size_t)j * wc];
            for (int x = 0; x < wc; x++) d[x] = 0;
            for (int c = 0; c < 3; c++) {
                const float *m = total.data() + c * plane + row, *s = part.data() + c * plane + row;
                const float *up = y > 0 ? m - wc : m, *dn = y < hc - 1 ? m + wc : m;
                const float *su = y > 0 ? s - wc : s, *sd = y < hc - 1 ? s + wc : s;
                for (int x = 0; x < wc; x++) {
                    const int l = x > 0 ? x - 1 : 0, r = x < wc - 1 ? x + 1 : x;
                    const float dim = shaded ? shade.data()[(size_t)y * shade.shape(1) + x] : 1.0f;
                    // a clipped value is a lower bound: what lies above it does not contradict it, and near it only a
                    // colour that is clipped itself says anything
                    const float known = valid.data()[row + x], known_part = valid_part.data()[row + x];
                    float e = s[x] - m[x];
                    if (e > 0)
                        e *= known * std::max(known_part, full(s[x] * dim / J.gain_part[c]));
                    else
                        e *= known_part * std::max(known, full(m[x] * dim / J.gain[c]));
                    const float level = std::max(0.0f, 0.5f * (s[x] + m[x])), gx = m[r] - m[l], gy = dn[x] - up[x];
                    const float hx = s[r] - s[l], hy = sd[x] - su[x];
                    const float noise = (J.shot[c] * level + J.read[c]) * spread.data()[row + x] +
                                        (J.shot_part[c] * level + J.read_part[c]) / frames.data()[row + x];
                    const float steep = std::max(gx * gx + gy * gy, hx * hx + hy * hy);
                    const float found = e * e / (J.survives[c] * noise + J.slope * steep + J.likeness * level * level + 1e-12f);
                    d[x] += s[x] > NOTHING ? found : 1.0f;
                }
            }
            for (int x = 0; x < wc; x++) d[x] *= 1.0f / 3.0f;
        }
        auto box = [&](int radius, std::vector<float> &out) {
            for (int j = 0; j < n; j++) {
                const int p = std::max(0, j - radius), q = std::min(n - 1, j + radius);
                for (int x = 0; x < wc; x++) column[x] = 0;
                for (int k = p; k <= q; k++) {
                    const float *d = &diff[(size_t)k * wc];
                    for (int x = 0; x < wc; x++) column[x] += d[x] < 40.0f ? d[x] : 40.0f;
                }
                float *o = &out[(size_t)j * wc];
                for (int x = 0; x < wc; x++) {
                    const int l = std::max(0, x - radius), r = std::min(wc - 1, x + radius);
                    float s = 0;
                    for (int k = l; k <= r; k++) s += column[k];
                    o[x] = s / ((r - l + 1) * (q - p + 1));
                }
            }
        };
        box(FINE, fine);
        box(BROAD, broad);
        const float kf = 1.0f / (J.fine1 - J.fine0), kb = 1.0f / (J.broad1 - J.broad0);
        for (size_t k = 0; k < (size_t)n * wc; k++) {
            float f = (J.fine1 - fine[k]) * kf, b = (J.broad1 - broad[k]) * kb;
            f = f < 0 ? 0 : f;
            b = b < 0 ? 0 : b;
            f = f > 1 ? 1 : f;
            b = b > 1 ? 1 : b;
            weight[k] = f * b;
        }
        eroded(weight, n, wc);
        std::memcpy(belief.data() + (size_t)c0 * wc, &weight[(size_t)(c0 - a0) * wc], sizeof(float) * (size_t)(c1 - c0) * wc);
    });
}

// The part is added where it is believed; weight (per colour), spread (variance in units of one frame of the reference),
// valid and the clip bits of the total follow.
void bracket_add(In<float, 3> part, In<uint8_t, 2> bits, In<float, 3> cells, In<float, 3> cells_part, In<float, 2> valid_part,
                 In<float, 2> belief, In<float, 2> frames, In<float, 1> judge, Out<float, 3> total, Out<uint8_t, 2> clipped,
                 Out<float, 3> weight, Out<float, 2> spread, Out<float, 2> valid, Out<float, 3> share) {
    const int h = part.shape(0), w = part.shape(1), hc = weight.shape(1), wc = weight.shape(2);
    need(judge.shape(0) == NUMBERS && hc == h / 2 && wc == w / 2, "bracket_add: weight is (3, h/2, w/2)");
    need((int)total.shape(0) == h && (int)total.shape(1) == w && (int)bits.shape(0) == h && (int)bits.shape(1) == w &&
             (int)clipped.shape(0) == h && (int)clipped.shape(1) == w, "bracket_add: total, bits and clipped are like part");
    need((int)share.shape(1) == hc && (int)share.shape(2) == wc, "bracket_add: share is like weight");
    Judge J;
    std::memcpy(&J, judge.data(), sizeof J);
    const bool longer = J.gain_part[1] < J.gain[1];
    const size_t plane = (size_t)hc * wc;
    parallel_rows(hc, 16, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++)
            for (int x = 0; x < wc; x++) {
                const size_t k = (size_t)y * wc + x;
                const float ok = valid_part(y, x), sure = cells_part(1, y, x) > NOTHING ? belief(y, x) : 0.0f, n = frames(y, x);
                const size_t up = y > 0 ? k - wc : k, dn = y < hc - 1 ? k + wc : k, l = x > 0 ? k - 1 : k, r = x < wc - 1 ? k + 1 : k;
                for (int c = 0; c < 3; c++) {
                    const float *m = cells.data() + c * plane, *s = cells_part.data() + c * plane;
                    const float had = weight.data()[c * plane + k];
                    // the light that both are judged at: what is clipped does not say it
                    const float level = std::max(0.0f, had > 0.05f ? m[k] : s[k]);
                    const float gx = m[r] - m[l], gy = m[dn] - m[up], blur = J.blur * (gx * gx + gy * gy);
                    const float one = J.shot[c] * level + J.read[c], other = J.shot_part[c] * level + J.read_part[c];
                    const float adds = (longer ? ok : std::max(ok, CLIPPED)) * n * (one + blur) / (other + blur + 1e-20f);
                    const float f = had + adds > 0 ? sure * adds / (had + adds) : 0.0f;
                    share.data()[c * plane + k] = f;
                    weight.data()[c * plane + k] = had + sure * adds;
                    if (c == 1) {
                        const float v = other / (one * n + 1e-20f), a = 1 - f;
                        spread.data()[k] = a * a * spread.data()[k] + f * f * v;
                    }
                }
                valid.data()[k] = std::max(valid(y, x), sure * ok);
            }
    });
    parallel_rows(h, 32, [&](int ya, int yb) {
        std::vector<float> line(wc);
        for (int y = ya; y < yb; y++) {
            const float fy = 0.5f * y - 0.25f;
            const int j0 = clampi((int)std::floor(fy), 0, hc - 1), j1 = std::min(j0 + 1, hc - 1);
            const float f = fy - j0 < 0 ? 0 : fy - j0 > 1 ? 1 : fy - j0;
            const float *in = part.data() + (size_t)y * w * 3;
            float *to = total.data() + (size_t)y * w * 3;
            const uint8_t *from = bits.data() + (size_t)y * w;
            uint8_t *mark = clipped.data() + (size_t)y * w;
            for (int c = 0; c < 3; c++) {
                const float *p = share.data() + c * plane + (size_t)j0 * wc, *q = share.data() + c * plane + (size_t)j1 * wc;
                for (int x = 0; x < wc; x++) line[x] = p[x] + f * (q[x] - p[x]);
                for (int x = 0; x < w; x++) {
                    const int i = std::min(x / 2, wc - 1), k = clampi(x & 1 ? i + 1 : i - 1, 0, wc - 1);
                    const float a = 0.75f * line[i] + 0.25f * line[k];
                    to[3 * x + c] += a * (in[3 * x + c] - to[3 * x + c]);
                    if (c == 1 && a > 0.5f) mark[x] = from[x] & 7;
                }
            }
        }
    });
}

}  // namespace

KERNEL("bracket_warp", bracket_warp, "rgb"_a, "clipped"_a, "shift"_a, "tile"_a, "out"_a, "bits"_a)
KERNEL("bracket_cells", bracket_cells, "rgb"_a, "bits"_a, "gain"_a, "shade"_a, "from"_a, "to"_a, "grown"_a, "cells"_a,
       "valid"_a)
KERNEL("bracket_belief", bracket_belief, "total"_a, "part"_a, "valid"_a, "valid_part"_a, "spread"_a, "frames"_a, "shade"_a,
       "judge"_a, "belief"_a)
KERNEL("bracket_add", bracket_add, "part"_a, "bits"_a, "cells"_a, "cells_part"_a, "valid_part"_a, "belief"_a, "frames"_a, "judge"_a, "total"_a, "clipped"_a, "weight"_a, "spread"_a, "valid"_a, "share"_a)
