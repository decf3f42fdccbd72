// SPDX-License-Identifier: Apache-2.0
// Gradient noise on an integer lattice: every value is a hash of its position, so any piece of it can be drawn alone.
#pragma once
#include "kernel.h"

inline uint32_t lattice_hash(int32_t y, int32_t x, uint32_t seed) {
    uint32_t h = (uint32_t)y * 0x9e3779b1u ^ (uint32_t)x * 0x85ebca77u ^ seed * 0xc2b2ae3du;
    h ^= h >> 15; h *= 0x2c1b3c6du;
    h ^= h >> 12; h *= 0x297a2d39u;
    return h ^ h >> 15;
}
// Slope times distance from one corner; the two halves of the hash are the slope, -1 ... 1 each.
inline float lattice_slope(int32_t y, int32_t x, uint32_t seed, float dy, float dx) {
    uint32_t h = lattice_hash(y, x, seed);
    return (float)((int32_t)(h & 0xffffu) - 32768) * 3.0517578e-5f * dy +
           (float)((int32_t)(h >> 16) - 32768) * 3.0517578e-5f * dx;
}
// Standard deviation about 0.22, zero on the lattice points.
inline float lattice_noise(float y, float x, uint32_t seed) {
    int32_t iy = (int32_t)y, ix = (int32_t)x;
    iy -= (float)iy > y; ix -= (float)ix > x;
    float v = y - (float)iy, u = x - (float)ix;
    float sv = v * v * v * (v * (v * 6.0f - 15.0f) + 10.0f), su = u * u * u * (u * (u * 6.0f - 15.0f) + 10.0f);
    float a = lattice_slope(iy, ix, seed, v, u), b = lattice_slope(iy, ix + 1, seed, v, u - 1.0f);
    float c = lattice_slope(iy + 1, ix, seed, v - 1.0f, u), d = lattice_slope(iy + 1, ix + 1, seed, v - 1.0f, u - 1.0f);
    a += su * (b - a); c += su * (d - c);
    return a + sv * (c - a);
}
