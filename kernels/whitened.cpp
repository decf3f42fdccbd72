// SPDX-License-Identifier: Apache-2.0
// Highlights that were faded to the white as shot, moved to another white: see correct/highlights.py.
#include "kernel.h"

static float smooth(float t) {
    t = t < 0.0f ? 0.0f : t > 1.0f ? 1.0f : t;
    return t * t * (3.0f - 2.0f * t);
}

// rgb is balanced as shot, `gain` where each colour clips; `turn` is log2 of what makes the white as shot the other one.
static void whitened(In<float, 3> rgb, In<uint8_t, 2> clipped, In<float, 1> gain, In<float, 1> turn, Out<float, 3> out) {
    need(rgb.shape(2) == 3 && gain.size() == 3 && turn.size() == 3, "whitened: rgb is h w 3, gain 3, turn 3");
    need(clipped.shape(0) == rgb.shape(0) && clipped.shape(1) == rgb.shape(1), "whitened: clipped is h w");
    need(out.shape(0) == rgb.shape(0) && out.shape(1) == rgb.shape(1) && out.shape(2) == 3, "whitened: out is like rgb");
    const float *g = gain.data(), *s = turn.data();
    const float first = std::min(g[0], std::min(g[1], g[2])), last = std::max(g[0], std::max(g[1], g[2]));
    const float range = 1.0f / log2_(1.5f * last / first);
    const size_t w = rgb.shape(1);
    parallel_rows((int)rgb.shape(0), 16, [&](int y0, int y1) {
        for (size_t i = w * y0; i < w * y1; i++) {
            const float *p = rgb.data() + 3 * i;
            float *to = out.data() + 3 * i;
            to[0] = p[0], to[1] = p[1], to[2] = p[2];
            if (clipped.data()[i] == 0) continue;
            const float least = std::min(p[0] / g[0], std::min(p[1] / g[1], p[2] / g[2]));
            const float mean = (p[0] + p[1] + p[2]) * (1.0f / 3.0f);
            if (!(mean > first)) continue;
            const float bright = smooth(log2_(mean / first) * range), full = smooth((least - 0.5f) * 2.0f);
            const float share = bright > full ? bright : full;
            for (int c = 0; c < 3; c++) to[c] = p[c] * exp2_(share * s[c]);
        }
    });
}
KERNEL("whitened", whitened, "rgb"_a, "clipped"_a, "gain"_a, "turn"_a, "out"_a)
