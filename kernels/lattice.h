// SPDX-License-Identifier: Apache-2.0
// Gradient noise on an integer lattice: every value is a hash of its position, so any piece of it can be drawn alone.
#pragma once
#include "kernel.h"

// Slope times distance from one corner; `place` mixes row and column, the two halves of its hash are the slope, -1 ... 1.
inline float lattice_slope(uint32_t place, float dy, float dx) {
    uint32_t h = place;
    h ^= h >> 15; h *= 0x2c1b3c6du;
    h ^= h >> 12; h *= 0x297a2d39u;
    h ^= h >> 15;
    return (float)((int32_t)(h & 0xffffu) - 32768) * 3.0517578e-5f * dy +
           (float)((int32_t)(h >> 16) - 32768) * 3.0517578e-5f * dx;
}
// Standard deviation about 0.22, zero on the lattice points.
inline float lattice_noise(float y, float x, uint32_t seed) {
    int32_t iy = (int32_t)y, ix = (int32_t)x;
    iy -= (float)iy > y; ix -= (float)ix > x;
    const float v = y - (float)iy, u = x - (float)ix;
    const float sv = v * v * v * (v * (v * 6.0f - 15.0f) + 10.0f), su = u * u * u * (u * (u * 6.0f - 15.0f) + 10.0f);
    const uint32_t y0 = (uint32_t)iy * 0x9e3779b1u ^ seed, y1 = ((uint32_t)iy * 0x9e3779b1u + 0x9e3779b1u) ^ seed;
    const uint32_t x0 = (uint32_t)ix * 0x85ebca77u, x1 = x0 + 0x85ebca77u;
    float a = lattice_slope(y0 ^ x0, v, u), b = lattice_slope(y0 ^ x1, v, u - 1.0f);
    float c = lattice_slope(y1 ^ x0, v - 1.0f, u), d = lattice_slope(y1 ^ x1, v - 1.0f, u - 1.0f);
    a += su * (b - a); c += su * (d - c);
    return a + sv * (c - a);
}
