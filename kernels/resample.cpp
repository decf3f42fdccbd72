// SPDX-License-Identifier: Apache-2.0
// A picture at another size: every pixel a weighted sum of a few rows, then of a few columns; see simulate/files.py.
#include "kernel.h"

namespace {

// n outputs of t taps each, starting at first[i]; inputs beyond the end repeat the last.
struct Taps {
    const int *first;
    const float *weight;
    int n, t;
    Taps(const In<int, 1> &f, const In<float, 2> &w) : first(f.data()), weight(w.data()), n(w.shape(0)), t(w.shape(1)) {
        need(f.shape(0) == w.shape(0) && t >= 1, "first and weight must be of one length");
    }
    int place(int i, int k, int size) const { return clampi(first[i] + k, 0, size - 1); }
};

// limited: keep every sum between the smallest and the largest of its inputs, so that nothing rings.
void resample(In<float, 3> image, In<int, 1> first_y, In<float, 2> weight_y, In<int, 1> first_x, In<float, 2> weight_x,
              bool limited, Out<float, 3> out) {
    const int planes = image.shape(0), h = image.shape(1), w = image.shape(2);
    const Taps down(first_y, weight_y), across(first_x, weight_x);
    need((int)out.shape(0) == planes && (int)out.shape(1) == down.n && (int)out.shape(2) == across.n,
         "out must have a plane for each, and the size of the weights");
    need(h > 0 && w > 0, "image must not be empty");
    parallel(planes * down.n, [&](int piece) {
        static thread_local Scratch memory;
        float *row = memory.get<float>(3 * (size_t)w), *low = row + w, *high = low + w;
        const int c = piece / down.n, y = piece % down.n;
        for (int k = 0; k < down.t; k++) {
            const float *in = image.data() + ((size_t)c * h + down.place(y, k, h)) * w, m = down.weight[y * down.t + k];
            if (k == 0) {
                for (int x = 0; x < w; x++) row[x] = m * in[x];
                for (int x = 0; limited && x < w; x++) low[x] = high[x] = in[x];
                continue;
            }
            for (int x = 0; x < w; x++) row[x] += m * in[x];
            for (int x = 0; limited && x < w; x++) {
                low[x] = in[x] < low[x] ? in[x] : low[x];
                high[x] = in[x] > high[x] ? in[x] : high[x];
            }
        }
        for (int x = 0; limited && x < w; x++) row[x] = row[x] < low[x] ? low[x] : row[x] > high[x] ? high[x] : row[x];
        float *to = out.data() + ((size_t)c * down.n + y) * across.n;
        for (int x = 0; x < across.n; x++) {
            float sum = 0, least = row[across.place(x, 0, w)], most = least;
            for (int k = 0; k < across.t; k++) {
                const float v = row[across.place(x, k, w)];
                sum += across.weight[x * across.t + k] * v;
                least = v < least ? v : least;
                most = v > most ? v : most;
            }
            to[x] = !limited ? sum : sum < least ? least : sum > most ? most : sum;
        }
    });
}

}  // namespace

KERNEL("resample", resample, "image"_a, "first_y"_a, "weight_y"_a, "first_x"_a, "weight_x"_a, "limited"_a, "out"_a)
