// SPDX-License-Identifier: Apache-2.0
// Light becomes digital numbers: lens shading, photons, read noise, pattern noise, rounding, clipping; see
// simulate/sensor.py.  Every pixel owns counters of Philox4x32-10: its noise depends on nothing but (seed, frame,
// position), its fixed pattern on nothing but (specimen, position).
#include "kernel.h"

namespace {

enum Stream : uint32_t { TEMPORAL, FIXED, ROW, COLUMN, FIXED_COLUMN, FRAME };

struct Random {  // J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011
    uint32_t key[2], counter[4], word[4];
    Random(uint64_t seed, uint32_t frame, uint64_t place, Stream stream = TEMPORAL)
        : key{(uint32_t)seed, (uint32_t)(seed >> 32)},
          counter{0, frame, (uint32_t)place, (uint32_t)(place >> 32) | (uint32_t)stream << 24} {}
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
    i -= e * (1LL << 52);
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

double exp_of(double x) {  // |x| < 700
    const double n = std::floor(x * 1.44269504088896341 + 0.5), r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;
    double p = 1;
    for (int k = 14; k >= 1; k--) p = 1 + r * p * one_over.of[k];
    const int64_t bits = ((int64_t)n + 1023) << 52;
    double scale;
    std::memcpy(&scale, &bits, 8);
    return p * scale;
}
double ln_gamma(double x) {  // x > 0: Stirling's series from 20 on
    double product = 1;
    for (; x < 20; x++) product *= x;
    const double r = 1 / x, z = r * r;
    return (x - 0.5) * ln(x) - x + 0.918938533204672742 +
           r * (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * (1.0 / 1680)))) - ln(product);
}

// ln of the probability of k photons
double ln_poisson(double k, double mean) {
    if (mean >= 1e6) {  // the three terms below are huge and cancel: their difference as a series
        const double t = (mean - k) / k;
        if (t > -0.02 && t < 0.02) {
            double p = -1.0 / 12;
            for (int n = 11; n >= 2; n--) p = (n & 1 ? one_over.of[n] : -one_over.of[n]) + t * p;
            return k * (t * t * p) - 0.5 * ln(6.28318530717958648 * k) - one_over.of[12] / k;
        }
    }
    return k * ln(mean) - mean - ln_factorial(k);
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
            ln(v * (1.1239 + 1.1328 / (b - 3.4)) / (a / (us * us) + b)) <= ln_poisson(k, mean))
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

// Read noise of unit standard deviation: normal, or Tukey's lambda distribution (u^L - (1 - u)^L) / L.
struct Read {
    bool tukey;
    double lambda, scale = 1;
    Read(bool tukey, double l) : tukey(tukey), lambda(l > -1e-3 && l < 1e-3 ? 0 : l) {
        if (!tukey) return;
        const double beta = exp_of(2 * ln_gamma(lambda + 1) - ln_gamma(2 * lambda + 2));
        const double variance =
            lambda == 0 ? 3.28986813369645287 : 2 / (lambda * lambda) * (1 / (1 + 2 * lambda) - beta);
        scale = 1 / std::sqrt(variance);
    }
    double of(double u) const {
        if (!tukey) return normal(u);
        const double a = ln(u), b = ln(1 - u);
        return scale * (lambda == 0 ? a - b : (exp_of(lambda * a) - exp_of(lambda * b)) / lambda);
    }
};

struct Terms {  // the order of simulate/sensor.py
    double gain, read, black, white, well, tukey, lambda, row, column, prnu, dsnu, dsnu_column, hot, hot_mean, drift;
};

struct Lines {  // offsets of rows (with that of the frame) and columns
    std::vector<double> row, column;
    Lines(const Terms &t, int h, int w, const uint64_t *key) : row(h), column(w) {
        const uint64_t seed = key[0], specimen = key[1];
        const uint32_t frame = (uint32_t)key[2];
        const double drift = drawn(t.drift, Random(seed, frame, 0, FRAME));
        for (int y = 0; y < h; y++) row[y] = drift + drawn(t.row, Random(seed, frame, y, ROW));
        for (int x = 0; x < w; x++)
            column[x] = drawn(t.column, Random(seed, frame, x, COLUMN)) +
                        drawn(t.dsnu_column, Random(specimen, 0, x, FIXED_COLUMN));
    }
    static double drawn(double deviation, Random random) {
        if (!(deviation > 0)) return 0;
        random.draw();
        return deviation * normal(random.open(0));
    }
};

// The photons of one pixel and its read noise, as a digital number; `offset` is what its place adds.
inline uint16_t counted(const Terms &t, const Read &read, Random random, double mean, double offset, double certain) {
    if (mean > certain && !(t.well > 0)) return (uint16_t)t.white;
    random.draw();
    const double noise = t.read > 0 ? t.read * read.of(random.open(2)) : 0;
    double photons = mean > certain ? t.well : mean > 0 ? poisson(random, mean) : 0;
    if (t.well > 0 && photons > t.well) photons = t.well;
    const double dn = std::floor(t.gain * photons + noise + offset + 0.5);
    return (uint16_t)(dn < 0 ? 0 : dn > t.white ? t.white : dn);
}

// light: 1 = clip level where the gain is 1.  gain: maps; place: which of them rules each place of the cell;
// answer: what each place makes of light.  key: seed of the noise, seed of the fixed pattern, frame.
void expose(In<float, 2> light, In<float, 3> gain, In<uint8_t, 2> place, In<double, 2> answer, In<double, 1> terms,
            In<uint64_t, 1> key, Out<uint16_t, 2> out) {
    const int h = light.shape(0), w = light.shape(1), gh = gain.shape(1), gw = gain.shape(2);
    const int p = place.shape(0), q = place.shape(1);
    need((int)out.shape(0) == h && (int)out.shape(1) == w, "out must be as large as light");
    need(gh >= 2 && gw >= 2, "gain maps must be at least 2 x 2");
    need(p >= 1 && q >= 1 && answer.shape(0) == place.shape(0) && answer.shape(1) == place.shape(1),
         "place and answer must be alike and not empty");
    for (int i = 0; i < p * q; i++) need(place.data()[i] < gain.shape(0), "place must name a gain map");
    need(terms.size() * sizeof(double) == sizeof(Terms) && key.size() == 3, "terms must be fifteen, key three");
    Terms t;
    std::memcpy(&t, terms.data(), sizeof t);
    const uint64_t *k = key.data();
    const double full = (t.white - t.black) / t.gain, certain = 2 * full + 1000;  // thirty standard deviations
    const Read read(t.tukey > 0, t.lambda);
    const Lines lines(t, h, w, k);
    const bool patterned = t.prnu > 0 || t.dsnu > 0 || t.hot > 0;
    parallel_rows(h, 16, [&](int y0, int y1) {
        for (int y = y0; y < y1; y++) {
            const float v = ((float)y + 0.5f) / (float)h * (float)(gh - 1);
            const uint8_t *places = place.data() + (size_t)(y % p) * q;
            const double *answers = answer.data() + (size_t)(y % p) * q;
            for (int x = 0, i = 0; x < w; x++, i = i + 1 == q ? 0 : i + 1) {
                const float u = ((float)x + 0.5f) / (float)w * (float)(gw - 1);
                const float shade = bilinear(gain.data() + (size_t)places[i] * gh * gw, gh, gw, v, u);
                const size_t at = (size_t)y * w + x;
                double mean = full * (double)light.data()[at] / shade * answers[i];
                double offset = t.black + (lines.row[y] + lines.column[x]);
                if (patterned) {
                    Random fixed(k[1], 0, at, FIXED);
                    fixed.draw();
                    mean *= 1 + t.prnu * normal(fixed.open(0));
                    offset += t.dsnu * normal(fixed.open(1));
                    if (fixed.open(2) < t.hot) mean = (mean > 0 ? mean : 0) - t.hot_mean * ln(fixed.open(3));
                }
                out.data()[at] = counted(t, read, Random(k[0], (uint32_t)k[2], at), mean, offset, certain);
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

KERNEL("expose", expose, "light"_a, "gain"_a, "place"_a, "answer"_a, "terms"_a, "key"_a, "out"_a)
KERNEL("philox", philox, "key"_a, "counter"_a, "out"_a)
