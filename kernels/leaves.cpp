// SPDX-License-Identifier: Apache-2.0
// Dead leaves, front to back: a leaf paints only where nothing is painted yet; see simulate/leaves.py.
#include "lattice.h"

namespace {

enum { Y, X, RADIUS, COS, SIN, POINTED, RED, GREEN, BLUE, TEXTURE, SLOPE, COLUMNS };

// Inside the unit leaf at (v, u)?  A disk, or the lens between two circles that meet in two tips on the u axis.
inline bool inside(float v, float u, float pointed) {
    if (pointed <= 0) return v * v + u * u <= 1.0f;
    float t = (v < 0 ? -v : v) + pointed;
    return t * t + u * u <= 1.0f + pointed * pointed;
}

void leaf_rows(const float *leaf, uint32_t key, int y0, int y1, int h, int w, float *out, uint8_t *painted) {
    const float r = leaf[RADIUS], inv = 1.0f / r, grain = leaf[TEXTURE];
    const int xa = std::max(0, (int)(leaf[X] - r)), xb = std::min(w - 1, (int)(leaf[X] + r) + 1);
    const size_t plane = (size_t)h * w;
    for (int y = y0; y < y1; y++) {
        uint8_t *seen = painted + (size_t)y * w;
        const float dy = ((float)y - leaf[Y]) * inv;
        for (int x = xa; x <= xb; x++) {
            if (seen[x]) continue;
            const float dx = ((float)x - leaf[X]) * inv;
            const float v = leaf[COS] * dy - leaf[SIN] * dx, u = leaf[SIN] * dy + leaf[COS] * dx;
            if (!inside(v, u, leaf[POINTED])) continue;
            seen[x] = 1;
            float light = 1.0f + leaf[SLOPE] * v;
            if (grain > 0) {
                float f = 0.12f * r + 3.0f;
                light += grain * (lattice_noise(v * f + 40.0f, u * f + 40.0f, key) +
                                  0.6f * lattice_noise(v * f * 3.7f + 90.0f, u * f * 1.9f + 90.0f, key + 1));
            }
            if (leaf[POINTED] > 0 && r > 12.0f) {  // a pale vein along the leaf
                float rib = (v < 0 ? -v : v) * (9.0f + 0.25f * r);
                light += rib < 1.0f ? 0.45f * (1.0f - rib) : 0.0f;
            }
            light = light > 0.05f ? light : 0.05f;
            float *o = out + (size_t)y * w + x;
            o[0] = leaf[RED] * light;
            o[plane] = leaf[GREEN] * light;
            o[2 * plane] = leaf[BLUE] * light;
        }
    }
}

void leaves(In<float, 2> leaf, unsigned seed, Out<float, 3> out, Out<uint8_t, 2> painted) {
    const int h = out.shape(1), w = out.shape(2), n = leaf.shape(0);
    need(out.shape(0) == 3 && leaf.shape(1) == COLUMNS, "out must be (3, h, w) and a leaf have 11 values");
    need((int)painted.shape(0) == h && (int)painted.shape(1) == w, "painted must be (h, w)");
    parallel_rows(h, 128, [&](int y0, int y1) {
        for (int i = 0; i < n; i++) {
            const float *one = leaf.data() + (size_t)i * COLUMNS;
            const int top = std::max(y0, (int)(one[Y] - one[RADIUS])), end = std::min(y1, (int)(one[Y] + one[RADIUS]) + 2);
            if (top < end) leaf_rows(one, seed + 7919u * (uint32_t)i, top, end, h, w, out.data(), painted.data());
        }
    });
}

}  // namespace

KERNEL("leaves", leaves, "leaf"_a, "seed"_a, "out"_a, "painted"_a)
