// SPDX-License-Identifier: Apache-2.0
// Sum of octaves of lattice noise at given positions; the formula stands in simulate/brush.py.  Serial: its caller
// already works on pieces of the picture in parallel.
#include "lattice.h"

namespace {

void noise(In<float, 2> y, In<float, 2> x, int octaves, float roughness, unsigned seed, Out<float, 2> out) {
    const int64_t n = (int64_t)out.shape(0) * out.shape(1);
    need((int64_t)y.size() == n && (int64_t)x.size() == n, "y, x and out must have one shape");
    need(octaves >= 1 && octaves <= 16, "octaves must be 1 ... 16");
    float energy = 0, amplitude = 1;
    for (int o = 0; o < octaves; o++, amplitude *= roughness) energy += amplitude * amplitude;
    amplitude = 1.0f / (0.22f * __builtin_sqrtf(energy));
    const float *py = y.data(), *px = x.data();
    float *p = out.data();
    for (int64_t i = 0; i < n; i++) p[i] = 0;
    float scale = 1;
    for (int o = 0; o < octaves; o++, amplitude *= roughness, scale *= 2.03f) {
        const uint32_t key = (seed * 31u + (uint32_t)o) * 0xc2b2ae3du;
        const float shift = 17.31f * (float)o;
        for (int64_t i = 0; i < n; i++) p[i] += amplitude * lattice_noise(py[i] * scale + shift, px[i] * scale - shift, key);
    }
}

}  // namespace

KERNEL("noise", noise, "y"_a, "x"_a, "octaves"_a, "roughness"_a, "seed"_a, "out"_a)
