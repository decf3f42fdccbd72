// SPDX-License-Identifier: Apache-2.0
// Light becomes digital numbers: lens shading, photons, read noise, rounding, clipping; see simulate/sensor.py.
// Every pixel owns a counter of Philox4x32-10, so its noise depends on nothing but (seed, frame, position).
#include "kernel.h"

namespace {

struct Random {  // J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011
    uint32_t key[2], counter[4], word[4];
    Random(uint64_t seed, uint32_t frame, uint64_t pixel)
        : key{(uint32_t)seed, (uint32_t)(seed >> 32)}, counter{0, frame, (uint32_t)pixel, (uint32_t)(pixel >> 32)} {}
    void draw() {
        uint32_t k0 = key[0], k1 = key[1], a = counter[0], b = counter[1], c = counter[2], d = counter[3];
        for (int round = 0; round < 10; round++, k0 += 0x9e3779b9u, k1 += 0xbb67ae85u) {
            const uint64_t p = (uint64_t)0xd2511f53u * a, q = (uint64_t)0xcd9e8d57u * c;
            const uint32_t hi = (uint32_t)(p >> 32), ho = (uint32_t)(q >> 32);
            a = ho ^ b ^ k0; b = (uint32_t)q; c = hi ^ d ^ k1; d = (uint32_t)p;
        }
        word[0] = a; word[1] = b; word[2] = c; word[3] = d;
        counter[0]++;
    }
    double open(int i) const { return ((double)word[i] + 0.5) * (1.0 / 4294967296.0); }  // 0 < u < 1
};

double ln(double x) {  // relative error < 1e-13: our own, so that no libm decides a photon
    int64_t i;
    std::memcpy(&i, &x, 8);
    const int64_t e = (i - 0x3fe6a09e667f3bcdLL) >> 52;
    i -= e << 52;
    double m;
    std::memcpy(&m, &i, 8);
    const double s = (m - 1) / (m + 1), z = s * s;
    double p = 1.0 / 19;
    for (int k = 17; k >= 1; k -= 2) p = p * z + 1.0 / k;
    return (double)e * 0.693147180559945309417 + 2 * s * p;
}
double ln_factorial(double k) {
    if (k < 16) {
        double f = 1;
        for (int i = 2; i <= (int)k; i++) f *= i;
        return ln(f);
    }
    const double r = 1 / k, z = r * r;
    return (k + 0.5) * ln(k) - k + 0.918938533204672742 + r * (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260)));
}
struct Reciprocals {
    double of[82];
    Reciprocals() {
        for (int k = 1; k < 82; k++) of[k] = 1.0 / k;
        of[0] = 0;
    }
};
const Reciprocals one_over;

double exp_minus(double x) {  // 0 <= x <= 10: a series at x / 64, squared six times
    const double t = -x * (1.0 / 64);
    double p = 1;
    for (int k = 9; k >= 1; k--) p = 1 + t * p * one_over.of[k];
    for (int k = 0; k < 6; k++) p *= p;
    return p;
}

// The first block is already drawn: words 0 and 1 are for the photons.
double poisson(Random &random, double mean) {
    if (mean < 10) {  // inversion
        const double u = random.open(0);
        double p = exp_minus(mean), sum = p;
        int k = 0;
        while (u > sum && k < 80) sum += p *= mean * one_over.of[++k];
        return k;
    }
    // W. Hörmann, "The transformed rejection method for generating Poisson random variables", 1993: PTRS
    const double b = 0.931 + 2.53 * std::sqrt(mean), a = -0.059 + 0.02483 * b, vr = 0.9277 - 3.6224 / (b - 2);
    for (;;) {
        const double u = random.open(0) - 0.5, v = random.open(1), us = 0.5 - (u < 0 ? -u : u);
        const double k = std::floor((2 * a / us + b) * u + mean + 0.43);
        if (us >= 0.07 && v <= vr) return k;
        if (k >= 0 && !(us < 0.013 && v > us) &&
            ln(v * (1.1239 + 1.1328 / (b - 3.4)) / (a / (us * us) + b)) <= k * ln(mean) - mean - ln_factorial(k))
            return k;
        random.draw();
    }
}

// Inverse of the normal distribution, M. J. Wichura, algorithm AS 241 (PPND7), Appl. Statist. 37, 1988
double normal(double p) {
    const double q = p - 0.5;
    if (q >= -0.425 && q <= 0.425) {
        const double r = 0.180625 - q * q;
        return q * (((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179) /
               (((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1);
    }
    const double r = std::sqrt(-ln(q < 0 ? p : 1 - p)) - 1.6;  // p > 1e-10: the third branch is never needed
    const double z = (((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777) /
                     ((0.12021132975 * r + 0.73700164250) * r + 1);
    return q < 0 ? -z : z;
}

inline float bilinear(const float *map, int gh, int gw, float v, float u) {
    const int j = clampi((int)v, 0, gh - 2), i = clampi((int)u, 0, gw - 2);
    const float fv = v - (float)j, fu = u - (float)i, *a = map + (size_t)j * gw + i, *b = a + gw;
    const float top = a[0] + fu * (a[1] - a[0]), low = b[0] + fu * (b[1] - b[0]);
    return top + fv * (low - top);
}

// light: 1 = clip level where the gain is 1.  gain: one map per place in the 2x2 cell.
// constants: DN per electron, read noise in DN, black, white.
void sensor(In<float, 2> light, In<float, 3> gain, In<double, 1> constants, uint64_t seed, unsigned frame, Out<uint16_t, 2> out) {
    const int h = light.shape(0), w = light.shape(1), gh = gain.shape(1), gw = gain.shape(2);
    need((int)out.shape(0) == h && (int)out.shape(1) == w, "out must be as large as light");
    need(gain.shape(0) == 4 && gh >= 2 && gw >= 2, "gain must be four maps of at least 2 x 2");
    need(constants.size() == 4, "constants must be four");
    const double k = constants.data()[0], sigma = constants.data()[1], black = constants.data()[2], white = constants.data()[3];
    const double full = (white - black) / k;
    parallel_rows(h, 16, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++) {
            const float v = ((float)y + 0.5f) / (float)h * (float)(gh - 1);
            for (int x = 0; x < w; x++) {
                const float u = ((float)x + 0.5f) / (float)w * (float)(gw - 1);
                const float shade = bilinear(gain.data() + (size_t)(2 * (y & 1) + (x & 1)) * gh * gw, gh, gw, v, u);
                const double mean = full * (double)light.data()[(size_t)y * w + x] / shade;
                uint16_t *o = out.data() + (size_t)y * w + x;
                if (mean > 2 * full + 1000) {  // thirty standard deviations above white
                    *o = (uint16_t)white;
                    continue;
                }
                Random random(seed, frame, (uint64_t)y * w + x);
                random.draw();
                const double read = sigma > 0 ? sigma * normal(random.open(2)) : 0;
                const double photons = mean > 0 ? poisson(random, mean) : 0;
                const double dn = std::floor(k * photons + read + black + 0.5);
                *o = (uint16_t)(dn < 0 ? 0 : dn > white ? white : dn);
            }
        }
    });
}

// Block `counter` of the generator, for the test against its published vectors.
void philox(In<uint32_t, 1> key, In<uint32_t, 1> counter, Out<uint32_t, 1> out) {
    need(key.size() == 2 && counter.size() == 4 && out.size() == 4, "key has two words, counter and out four");
    Random random(0, 0, 0);
    std::copy_n(key.data(), 2, random.key);
    std::copy_n(counter.data(), 4, random.counter);
    random.draw();
    std::copy_n(random.word, 4, out.data());
}

}  // namespace

KERNEL("sensor", sensor, "light"_a, "gain"_a, "constants"_a, "seed"_a, "frame"_a, "out"_a)
KERNEL("philox", philox, "key"_a, "counter"_a, "out"_a)
