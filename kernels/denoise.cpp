// SPDX-License-Identifier: Apache-2.0
// Denoise: overlapping 8 x 8 cosine transforms of brightness and of two colour differences, every coefficient shrunk by the
// energy that it and its neighbours have beyond the noise; colour follows brightness: see correct/denoise.py.
#include "denoise_tile.h"

namespace {

constexpr int TALL = 256, WIDE = 256;

template <int K> void shrink_tiles(const Work &work) {
    const int across = (work.w + WIDE - 1) / WIDE, down = (work.h + TALL - 1) / TALL;
    parallel(across * down, [&](int piece) {
        static thread_local Scratch memory;
        const int ya = piece / across * TALL, xa = piece % across * WIDE;
        Tile<K>(work, ya, std::min(work.h, ya + TALL), xa, std::min(work.w, xa + WIDE), memory).run();
    });
}

// planes (3, h, w): brightness and two colour differences -> out.  levels (5, hp, wp): noise variance of each plane, and the
// shares of single and of warped frames in it (see `denoise_levels`); their patches cover the picture evenly.  one, more
// (3, 8, 8): noise power of the coefficients [vertical, horizontal] for variance 1.  tau (3): energy, in multiples of the
// noise power, up to which nothing is kept; a plane where it is 0 is left alone.  blend (3): weights of the energy of a
// frequency and of those beside it; and the variance that slopes of colour against brightness have.  Frequencies from reach
// on are left as they are.  step: distance of the blocks.
void shrink(In<float, 3> planes, In<float, 3> levels, In<float, 3> one, In<float, 3> more, In<float, 1> tau, In<float, 1> blend,
            int reach, int step, Out<float, 3> out) {
    const int h = planes.shape(1), w = planes.shape(2);
    need(planes.shape(0) == 3 && out.shape(0) == 3 && (int)out.shape(1) == h && (int)out.shape(2) == w,
         "planes and out must be (3, h, w)");
    need(levels.shape(0) == 5 && levels.size() > 0, "levels must be (5, hp, wp)");
    need(one.size() == 3 * COEF && more.size() == 3 * COEF, "noise power must be (3, 8, 8)");
    need(tau.size() == 3 && blend.size() == 3, "tau must be (3,), blend (3,)");
    need(h >= N && w >= N, "planes must be at least 8 x 8");
    need(step >= 1 && step <= N && reach >= 1 && reach <= N, "step and reach must be 1 ... 8");
    const float *f = blend.data();
    const Judged judged(reach);
    const Grid rows(h, step, 0, 0), even(w, step, 0, step / 2), odd(w, step, step / 2, step / 2);
    Work work{h, w, (int)levels.shape(1), (int)levels.shape(2), planes.data(), levels.data(), out.data(), f[0] / 9, f[1] / 9,
              1 / f[2], rows, even, odd, judged, Spectra(one.data(), more.data(), judged), {}, {}};
    for (int c = 0; c < 3; c++) {
        work.tau[c] = tau.data()[c];
        work.active[c] = tau.data()[c] > 0;
    }
    if (reach <= 3)
        shrink_tiles<3>(work);
    else
        shrink_tiles<N>(work);
    for (int c = 0; c < 3; c++)
        if (!work.active[c]) {
            const size_t area = (size_t)h * w;
            std::memcpy(out.data() + c * area, planes.data() + c * area, sizeof(float) * area);
        }
}

}  // namespace

KERNEL("denoise_shrink", shrink, "planes"_a, "levels"_a, "one"_a, "more"_a, "tau"_a, "blend"_a, "reach"_a, "step"_a, "out"_a)
