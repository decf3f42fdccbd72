// SPDX-License-Identifier: Apache-2.0
// Light of the simulated room on a surface; the formula stands in simulate/light.py.  Serial: its caller already works on
// pieces of the picture in parallel.
#include "strided.h"

namespace {

inline float above(float v) { return v > 0 ? v : 0; }

// surface: y, x, z of the points, then y, x, z of the normals, then the share of the lamp that arrives.
// lamps: per lamp y, x, z, power, smallest squared distance, wrap, share through the cloth (1: no shade), then the share's
// cone: slope, start, stop.   colours: of the lamp, of the warm fill, of the cool fill.
void light(Any y, Any x, Any z, Any ny, Any nx, Any nz, Any shadow, In<float, 2> lamps, In<float, 2> colours, Out<float, 3> out) {
    const int h = out.shape(1), w = out.shape(2), n = lamps.shape(0);
    for (const Any *a : {&y, &x, &z, &ny, &nx, &nz, &shadow}) need_shape(*a, h, w);
    need(lamps.shape(1) == 10 && colours.shape(0) == 3 && colours.shape(1) == 3 && out.shape(0) == 3, "lamps (n, 10), colours (3, 3)");
    const float *c = colours.data();
    Row rows[7];
    std::vector<float> sum(w);
    for (int j = 0; j < h; j++) {
        const float *py = rows[0].of(y, j, w), *px = rows[1].of(x, j, w), *pz = rows[2].of(z, j, w), *qy = rows[3].of(ny, j, w),
                    *qx = rows[4].of(nx, j, w), *qz = rows[5].of(nz, j, w), *s = rows[6].of(shadow, j, w);
        float *__restrict e = sum.data();
        float *__restrict r = out.data() + (size_t)j * w;
        float *__restrict g = r + (size_t)h * w;
        float *__restrict b = g + (size_t)h * w;
        for (int i = 0; i < w; i++) e[i] = 0;
        for (int k = 0; k < n; k++) {
            const float *l = lamps.data() + k * 10;
            const float ly = l[0], lx = l[1], lz = l[2], power = l[3], soft = l[4], wrap = l[5], cloth = l[6], cone = l[7], from = l[8],
                        scale = 1.0f / (l[9] - l[8]), open = 1.0f / (1.0f + wrap);
            const float own = k == 0 ? 1.0f : 0.0f;  // the shadow is that of the first lamp
            for (int i = 0; i < w; i++) {
                const float dy = ly - py[i], dx = lx - px[i], dz = lz - pz[i];
                const float d2 = dy * dy + dx * dx + dz * dz + soft;
                const float facing = (qy[i] * dy + qx[i] * dx + qz[i] * dz) / __builtin_sqrtf(d2);
                float t = (dy * dy * cone - dx * dx - dz * dz - from) * scale;
                t = t < 0 ? 0 : t > 1 ? 1 : t;
                const float share = cloth + (1.0f - cloth) * t * t * (3.0f - 2.0f * t);
                e[i] += power * share * above((facing + wrap) * open) / d2 * (1.0f + own * (s[i] - 1.0f));
            }
        }
        const float wy = lamps.data()[0], wx = lamps.data()[1];
        for (int i = 0; i < w; i++) {
            const float ay = py[i] - wy, ax = px[i] - wx;
            const float near = (1.0f - 0.5f * qy[i]) / (1.0f + 1.6f * (ax * ax + ay * ay));
            const float cool = 0.6f + 0.4f * qz[i] + 0.3f * qx[i];
            r[i] = e[i] * c[0] + near * c[3] + cool * c[6];
            g[i] = e[i] * c[1] + near * c[4] + cool * c[7];
            b[i] = e[i] * c[2] + near * c[5] + cool * c[8];
        }
    }
}

}  // namespace

KERNEL("light", light, "y"_a, "x"_a, "z"_a, "ny"_a, "nx"_a, "nz"_a, "shadow"_a, "lamps"_a, "colours"_a, "out"_a)
