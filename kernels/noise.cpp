// SPDX-License-Identifier: Apache-2.0
// Sum of octaves of lattice noise at given positions; the formula stands in simulate/brush.py.  Serial: its caller
// already works on pieces of the picture in parallel.
#include "lattice.h"
#include "strided.h"

namespace {

constexpr int LONG = 6;  // pixels in a cell of the lattice from which on it pays to prepare the cell

struct Octave {
    float scale, shift, amplitude;
    uint32_t key;
};

void anywhere(const Any &y, const Any &x, const Octave &o, int h, int w, float *out) {
    Row ry, rx;
    for (int j = 0; j < h; j++) {
        const float *py = ry.of(y, j, w), *px = rx.of(x, j, w);
        float *p = out + (size_t)j * w;
        for (int i = 0; i < w; i++) p[i] += o.amplitude * lattice_noise(py[i] * o.scale + o.shift, px[i] * o.scale - o.shift, o.key);
    }
}

// One y a row, one x a column: within a cell of the lattice the noise is a + su (b - a), a and b linear in u.
struct Columns {
    std::vector<float> u, su;
    std::vector<int> start;  // first column of every run in one cell, then the width
    std::vector<uint32_t> cell;
    Columns(const float *px, const Octave &o, int w) : u(w), su(w) {
        int32_t last = 0;
        for (int i = 0; i < w; i++) {
            const float x = px[i] * o.scale - o.shift;
            int32_t ix = (int32_t)x;
            ix -= (float)ix > x;
            const float t = x - (float)ix;
            u[i] = t;
            su[i] = t * t * t * (t * (t * 6.0f - 15.0f) + 10.0f);
            if (i == 0 || ix != last) start.push_back(i), cell.push_back((uint32_t)ix * 0x85ebca77u);
            last = ix;
        }
        start.push_back(w);
    }
};

void on_grid(const Any &y, const Columns &columns, const Octave &o, int h, int w, float *out) {
    for (int j = 0; j < h; j++) {
        const float at = y.data()[(int64_t)j * y.stride(0)] * o.scale + o.shift;
        int32_t iy = (int32_t)at;
        iy -= (float)iy > at;
        const float v = at - (float)iy, sv = v * v * v * (v * (v * 6.0f - 15.0f) + 10.0f);
        const uint32_t y0 = (uint32_t)iy * 0x9e3779b1u ^ o.key, y1 = ((uint32_t)iy * 0x9e3779b1u + 0x9e3779b1u) ^ o.key;
        float *p = out + (size_t)j * w;
        const float *u = columns.u.data(), *su = columns.su.data();
        for (size_t k = 0; k + 1 < columns.start.size(); k++) {
            const uint32_t x0 = columns.cell[k], x1 = x0 + 0x85ebca77u;
            auto mixed = [&](float high, float low) { return o.amplitude * (high + sv * (low - high)); };
            const float a0 = mixed(lattice_slope(y0 ^ x0, v, 0.0f), lattice_slope(y1 ^ x0, v - 1.0f, 0.0f));
            const float a1 = mixed(lattice_slope(y0 ^ x0, v, 1.0f), lattice_slope(y1 ^ x0, v - 1.0f, 1.0f)) - a0;
            const float b0 = mixed(lattice_slope(y0 ^ x1, v, -1.0f), lattice_slope(y1 ^ x1, v - 1.0f, -1.0f)) - a0;
            const float b1 = mixed(lattice_slope(y0 ^ x1, v, 0.0f), lattice_slope(y1 ^ x1, v - 1.0f, 0.0f)) - a0 - b0 - a1;
            for (int i = columns.start[k]; i < columns.start[k + 1]; i++) p[i] += a0 + a1 * u[i] + su[i] * (b0 + b1 * u[i]);
        }
    }
}

void noise(Any y, Any x, int octaves, float roughness, unsigned seed, Out<float, 2> out) {
    const int h = out.shape(0), w = out.shape(1);
    need_shape(y, h, w);
    need_shape(x, h, w);
    need(octaves >= 1 && octaves <= 16, "octaves must be 1 ... 16");
    float energy = 0, amplitude = 1;
    for (int o = 0; o < octaves; o++, amplitude *= roughness) energy += amplitude * amplitude;
    amplitude = 1.0f / (0.22f * __builtin_sqrtf(energy));
    float *p = out.data();
    for (size_t i = 0; i < (size_t)h * w; i++) p[i] = 0;
    const bool grid = (y.stride(1) == 0 || w == 1) && (x.stride(0) == 0 || h == 1) && h > 0 && w > 0;
    Row row;
    float scale = 1;
    for (int o = 0; o < octaves; o++, amplitude *= roughness, scale *= 2.03f) {
        const Octave octave{scale, 17.31f * (float)o, amplitude, (seed * 31u + (uint32_t)o) * 0xc2b2ae3du};
        if (grid) {
            const Columns columns(row.of(x, 0, w), octave, w);
            if ((int)columns.cell.size() * LONG <= w) {
                on_grid(y, columns, octave, h, w, p);
                continue;
            }
        }
        anywhere(y, x, octave, h, w, p);
    }
}

}  // namespace

KERNEL("noise", noise, "y"_a, "x"_a, "octaves"_a, "roughness"_a, "seed"_a, "out"_a)
