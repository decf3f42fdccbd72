// SPDX-License-Identifier: Apache-2.0
// Paint laid over a part of the canvas: light += (paint - light) cover; see View.lay in simulate/scene.py.  Serial: its
// caller already works on pieces of the picture in parallel.
#include "strided.h"

namespace {

void lay(Any red, Any green, Any blue, Any cover, nb::ndarray<float, nb::ndim<3>, nb::device::cpu> light) {
    const int h = light.shape(1), w = light.shape(2);
    need(light.shape(0) == 3 && (light.stride(2) == 1 || w == 1), "light must be (3, h, w) with whole rows");
    for (const Any *a : {&red, &green, &blue, &cover}) need_shape(*a, h, w);
    const Any *paint[3] = {&red, &green, &blue};
    Row rows[3], share;
    for (int y = 0; y < h; y++) {
        const float *k = share.of(cover, y, w);
        for (int c = 0; c < 3; c++) {
            const float *p = rows[c].of(*paint[c], y, w);
            float *o = light.data() + c * light.stride(0) + y * light.stride(1);
            for (int x = 0; x < w; x++) o[x] += (p[x] - o[x]) * k[x];
        }
    }
}

}  // namespace

KERNEL("lay", lay, "red"_a, "green"_a, "blue"_a, "cover"_a, "light"_a)
