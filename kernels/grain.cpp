// SPDX-License-Identifier: Apache-2.0
// Film grain: white noise on a lattice that is fixed to the film, seen through a Gaussian, added to density.
#include "kernel.h"

namespace {
constexpr float LOG10_2 = 0.30102999566f, LOG2_10 = 3.32192809489f, LN10 = 2.30258509299f;

inline uint32_t mixed(uint32_t x) {  // an integer hash with good avalanche: every bit of x moves half of the bits
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    x ^= x >> 16;
    return x;
}

// The Gaussian over the lattice, one entry per pixel: first node and `taps` weights.
struct Line {
    int taps, lowest, highest;
    std::vector<int> first;
    std::vector<float> weight;  // "taps n": the loops over pixels are the inner ones
    Line(int n, float pixel, float pitch, float sigma) : first(n) {  // pixels and nodes count from the centre
        const float reach = 3.0f * sigma / pitch, per = pitch / (2.50662827463f * sigma);
        taps = (int)(2.0f * reach) + 2;
        weight.resize((size_t)taps * n);
        for (int i = 0; i < n; i++) {
            const float at = ((float)i - 0.5f * (float)(n - 1)) * (pixel / pitch);
            first[i] = (int)std::floor(at - reach);
            for (int t = 0; t < taps; t++) {
                const float d = ((float)(first[i] + t) - at) * (pitch / sigma);
                weight[(size_t)t * n + i] = per * exp_(-0.5f * d * d);
            }
        }
        lowest = n ? first[0] : 0;
        highest = n ? first[n - 1] + taps : 0;
    }
};

// White noise of variance 1 at the nodes lowest ... highest of one row: the sum of two uniform numbers; what is seen
// through the Gaussian is a mean of many.
void nodes(uint32_t key, int lowest, int count, float *to) {
    for (int i = 0; i < count; i++) {
        const uint32_t h = mixed((uint32_t)(lowest + i) * 0x9e3779b1u + key);
        to[i] = ((float)(int32_t)(h >> 16) + (float)(int32_t)(h & 0xffffu) - 65535.0f) * 3.7376e-5f;
    }
}

struct Film {
    Line across, down;
    uint32_t seed;

    // Rows y0 ... y1 of one layer into `to`, "rows w"; down first, so that little is left to gather across.
    void layer(int number, int y0, int y1, int w, std::vector<float> &noise, std::vector<float> &sum, float *to) const {
        const int count = across.highest - across.lowest, low = down.first[y0], high = down.first[y1 - 1] + down.taps;
        noise.resize((size_t)(high - low) * count);
        sum.resize(count);
        const uint32_t layer_key = mixed(seed * 4u + (uint32_t)number + 1u);
        for (int j = low; j < high; j++)
            nodes(mixed((uint32_t)j * 0x85ebca6bu + layer_key), across.lowest, count, &noise[(size_t)(j - low) * count]);
        const int h = (int)down.first.size();
        for (int y = y0; y < y1; y++) {
            std::fill(sum.begin(), sum.end(), 0.0f);
            float *all = sum.data();
            for (int t = 0; t < down.taps; t++) {
                const float k = down.weight[(size_t)t * h + y];
                const float *row = &noise[(size_t)(down.first[y] + t - low) * count];
                for (int i = 0; i < count; i++) all[i] += k * row[i];
            }
            float *at = to + (size_t)(y - y0) * w;
            std::fill(at, at + w, 0.0f);
            const int *first = across.first.data();
            for (int t = 0; t < across.taps; t++) {
                const float *k = &across.weight[(size_t)t * w], *from = all + t - across.lowest;
                for (int x = 0; x < w; x++) at[x] += k[x] * from[first[x]];
            }
        }
    }
};

// Density D of x gets sigma(D) of noise, as of opaque dots that cover a share D / darkest of the film (binomial).
inline float grained(float x, float noise, float darkest, float lift) {
    float cover = -LOG10_2 * log2_(x) / darkest;
    cover = cover > 0.0f ? (cover < 1.0f ? cover : 1.0f) : 0.0f;
    const float bell = 4.0f * cover * (1.0f - cover), sigma = std::sqrt(bell);
    return x * exp2_(-LOG2_10 * sigma * noise - lift * bell);  // lift: the mean of 10^noise is more than 1
}
}  // namespace

// pixel, pitch, sigma in one unit of length; gain turns the lattice's noise into density, rms is what of it a pixel sees
static void grain(In<float, 3> picture, In<float, 1> lengths, In<float, 1> strengths, int seed, Out<float, 3> out) {
    need(picture.shape(2) == 3 && lengths.size() == 3 && strengths.size() == 4,
         "grain: picture h w 3, lengths pixel pitch sigma, strengths gain rms colour darkest");
    need(picture.shape(0) == out.shape(0) && picture.shape(1) == out.shape(1) && out.shape(2) == 3,
         "grain: out is like picture");
    const int h = (int)picture.shape(0), w = (int)picture.shape(1);
    const float pixel = lengths.data()[0], pitch = lengths.data()[1], sigma = lengths.data()[2];
    const float gain = strengths.data()[0], rms = strengths.data()[1], colour = strengths.data()[2];
    const float darkest = strengths.data()[3], lift = 0.5f * LN10 * LN10 * rms * rms * 1.44269504089f;
    const float shared = gain * std::sqrt(1.0f - colour), own = gain * std::sqrt(colour);
    const Film film{Line(w, pixel, pitch, sigma), Line(h, pixel, pitch, sigma), (uint32_t)seed};
    parallel_rows(h, 32, [&](int y0, int y1) {
        std::vector<float> noise, sum, all((size_t)(y1 - y0) * w, 0.0f), one((size_t)(y1 - y0) * w, 0.0f);
        if (shared > 0.0f) film.layer(0, y0, y1, w, noise, sum, all.data());
        for (int c = 0; c < 3; c++) {
            if (own > 0.0f) film.layer(1 + c, y0, y1, w, noise, sum, one.data());
            const float *p = picture.data() + 3 * (size_t)y0 * w + c;
            float *to = out.data() + 3 * (size_t)y0 * w + c;
            for (size_t i = 0; i < all.size(); i++)
                to[3 * i] = grained(p[3 * i], shared * all[i] + own * one[i], darkest, lift);
        }
    });
}
KERNEL("grain", grain, "picture"_a, "lengths"_a, "strengths"_a, "seed"_a, "out"_a)
