// SPDX-License-Identifier: Apache-2.0
// Banding: by how much each row (or column) differs from the next of its colours, robustly; and the offsets that explain it.
// The idea and the formulas stand in capture/banding.py.
#include "kernel.h"

namespace {

constexpr int LANES = 16, MANY = 2048;  // of longer rows and columns every other two segments are asked

// Photosites of a segment: 64, fewer where a row has not 16 of them.
int segment_of(int length) { return std::max(LANES, std::min(64, length / 16 / LANES * LANES)); }

struct Noise {
    float black, slope, base, white, reach;  // variance of a digital number v: slope · (v − black) + base
};

inline bool asked(int segment, int length) { return length < MANY || !(segment & 2); }

// What one pair of photosites says: psi, its slope, its square; all 0 where it is clipped or far out.
inline void heard(float a, float b, float shift, const Noise &n, float &psi, float &slope, float &square, float &all) {
    const float d = b - a - shift, level = 0.5f * (a + b) - n.black;
    const float variance = 2.0f * (n.slope * (level > 0 ? level : 0.0f) + n.base), one = 1.0f / variance;
    float u = 1.0f - d * d * one * n.reach;
    u = u > 0 ? u : 0.0f;
    u = a < n.white && b < n.white ? u : 0.0f;
    const float p = d * one * u * u;
    psi += p;
    slope += one * u * (5.0f * u - 4.0f);  // u (1 − 5 z²/c²)
    square += p * p;
    all += one;
}

struct Part {  // what a segment says: the step, and its variance
    float step, variance;
};

Part said(float psi, float slope, float square, float all) {
    const bool known = slope > 0.1f * all && all > 0;
    return {known ? psi / slope : 0.0f, known ? square / (slope * slope) : 1e30f};
}

// One step from those of the segments: their weighted median, then twice the biweight mean around it, so that what lies in some
// of the segments only has no say.  The variance is what the segments differ by, or what they say of themselves, if more.
void told(std::vector<Part> &parts, float *out) {
    out[0] = 0.0f, out[1] = 1e30f;
    parts.erase(std::remove_if(parts.begin(), parts.end(), [](const Part &p) { return !(p.variance < 1e20f); }), parts.end());
    if (parts.size() < 3) return;
    std::sort(parts.begin(), parts.end(), [](const Part &p, const Part &q) {
        return p.step < q.step || (p.step == q.step && p.variance < q.variance);
    });
    double total = 0, half = 0, middle = 0;
    for (const Part &p : parts) total += 1.0 / p.variance;
    for (const Part &p : parts)
        if ((half += 1.0 / p.variance) >= 0.5 * total) {
            middle = p.step;
            break;
        }
    double weight = 0, spread = 0, sure = 0;
    for (int round = 0; round < 2; round++) {
        double sum = 0;
        weight = spread = sure = 0;
        for (const Part &p : parts) {
            const double d = p.step - middle, u = std::max(0.0, 1.0 - d * d / (9.0 * p.variance)), w = u * u / p.variance;
            sum += w * d, weight += w, spread += w * w * d * d, sure += w * w * p.variance;
        }
        if (!(weight > 0)) return;
        middle += sum / weight;
    }
    if (weight < 0.3 * total) return;  // most of the row is picture
    out[0] = (float)middle;
    out[1] = (float)(std::max(spread, sure) / (weight * weight));
}

Noise noise_of(In<float, 1> n) {
    need(n.shape(0) == 5, "banding: noise has 5 numbers");
    return {n(0), n(1), n(2), n(3), n(4)};
}

// Of every row y: how much brighter row y + distance is than `offsets` say, and the variance of that, in the odd and the even
// segments: out (4, h).  One Newton step of a biweight mean.
void banding_rows(In<uint16_t, 2> dn, In<float, 1> offsets, int distance, In<float, 1> noise, Out<float, 2> out) {
    const int h = dn.shape(0), w = dn.shape(1);
    need((int)offsets.shape(0) == h && out.shape(0) == 4 && (int)out.shape(1) == h && distance > 0, "banding_rows: out is (4, h)");
    const Noise n = noise_of(noise);
    const int segment = segment_of(w);
    parallel_rows(h, 16, [&](int y0, int y1) {
        std::vector<Part> parts[2];
        for (int y = y0; y < y1; y++) {
            for (int i = 0; i < 4; i++) out.data()[(size_t)i * h + y] = i & 1 ? 1e30f : 0.0f;
            if (y + distance >= h) continue;
            const uint16_t *a = dn.data() + (size_t)y * w, *b = a + (size_t)distance * w;
            const float shift = offsets(y + distance) - offsets(y);
            for (auto &p : parts) p.clear();
            for (int s = 0; s * segment + segment <= w; s++) {
                if (!asked(s, w)) continue;
                float psi[LANES] = {}, slope[LANES] = {}, square[LANES] = {}, all[LANES] = {};
                for (int x = s * segment; x < (s + 1) * segment; x += LANES)
                    for (int l = 0; l < LANES; l++) {
                        const float p = a[x + l], q = b[x + l];
                        heard(p, q, shift, n, psi[l], slope[l], square[l], all[l]);
                    }
                float t[4] = {};
                for (int l = 0; l < LANES; l++) t[0] += psi[l], t[1] += slope[l], t[2] += square[l], t[3] += all[l];
                parts[s & 1].push_back(said(t[0], t[1], t[2], t[3]));
            }
            for (int k = 0; k < 2; k++) {
                float found[2];
                told(parts[k], found);
                out.data()[(size_t)(2 * k) * h + y] = found[0];
                out.data()[(size_t)(2 * k + 1) * h + y] = found[1];
            }
        }
    });
}

// The same of columns: out (4, w).
void banding_columns(In<uint16_t, 2> dn, In<float, 1> offsets, int distance, In<float, 1> noise, Out<float, 2> out) {
    const int h = dn.shape(0), w = dn.shape(1), strip = 256;
    need((int)offsets.shape(0) == w && out.shape(0) == 4 && (int)out.shape(1) == w && distance > 0, "banding_columns: out is (4, w)");
    const Noise n = noise_of(noise);
    const int segment = segment_of(h);
    parallel((w + strip - 1) / strip, [&](int piece) {
        const int x0 = piece * strip, x1 = std::min(w, x0 + strip), m = std::min(x1, w - distance) - x0;
        for (int i = 0; i < 4; i++)
            for (int x = x0; x < x1; x++) out.data()[(size_t)i * w + x] = i & 1 ? 1e30f : 0.0f;
        if (m <= 0) return;
        std::vector<float> shift(m), part(4 * (size_t)m);
        const int segments = (h + segment - 1) / segment;
        std::vector<Part> said_by((size_t)segments * m, Part{0.0f, 1e30f});
        for (int x = 0; x < m; x++) shift[x] = offsets(x0 + x + distance) - offsets(x0 + x);
        for (int y0 = 0; y0 < h; y0 += segment) {
            if (!asked(y0 / segment, h)) continue;
            std::fill(part.begin(), part.end(), 0.0f);
            float *__restrict psi = part.data(), *__restrict slope = psi + m, *__restrict square = slope + m, *__restrict all = square + m;
            for (int y = y0; y < std::min(h, y0 + segment); y++) {
                const uint16_t *a = dn.data() + (size_t)y * w + x0, *b = a + distance;
                for (int x = 0; x < m; x++) {
                    const float p = a[x], q = b[x];
                    heard(p, q, shift[x], n, psi[x], slope[x], square[x], all[x]);
                }
            }
            for (int x = 0; x < m; x++) said_by[(size_t)(y0 / segment) * m + x] = said(psi[x], slope[x], square[x], all[x]);
        }
        std::vector<Part> parts;
        for (int x = 0; x < m; x++)
            for (int k = 0; k < 2; k++) {
                parts.clear();
                for (int s = k; s < segments; s += 2) parts.push_back(said_by[(size_t)s * m + x]);
                float found[2];
                told(parts, found);
                out.data()[(size_t)(2 * k) * w + x0 + x] = found[0];
                out.data()[(size_t)(2 * k + 1) * w + x0 + x] = found[1];
            }
    });
}

// Offsets o that minimise  Σ over links (o[y + distance] − o[y] − step)² / variance + Σ o² / prior.  Links are (k, n) with the
// distance of every row of them; a banded Cholesky factorisation in double precision.
void banding_solve(In<double, 2> step, In<double, 2> variance, In<int32_t, 1> distance, double prior, Out<double, 1> out) {
    const int k = step.shape(0), n = step.shape(1);
    need((int)variance.shape(0) == k && (int)variance.shape(1) == n && (int)distance.shape(0) == k && (int)out.shape(0) == n,
         "banding_solve: variance is like step");
    int band = 0;
    for (int i = 0; i < k; i++) band = std::max(band, distance(i));
    const int wide = band + 1;
    std::vector<double> m((size_t)n * wide, 0.0), r(n, 0.0);  // m[y][j]: entry (y, y − j)
    for (int y = 0; y < n; y++) m[(size_t)y * wide] = 1 / prior;
    for (int i = 0; i < k; i++) {
        const int d = distance(i);
        need(d > 0, "banding_solve: distance");
        for (int y = 0; y + d < n; y++) {
            const double w = 1 / variance(i, y);
            m[(size_t)y * wide] += w;
            m[(size_t)(y + d) * wide] += w;
            m[(size_t)(y + d) * wide + d] -= w;
            r[y] -= w * step(i, y);
            r[y + d] += w * step(i, y);
        }
    }
    for (int y = 0; y < n; y++) {  // m becomes its factor
        double *row = &m[(size_t)y * wide];
        for (int j = std::min(band, y); j >= 0; j--) {
            const double *other = &m[(size_t)(y - j) * wide];
            double s = row[j];
            for (int t = 1; t + j <= band && t <= y - j; t++) s -= row[j + t] * other[t];
            row[j] = j ? s / other[0] : std::sqrt(s);
        }
        double s = r[y];
        for (int t = 1; t <= std::min(band, y); t++) s -= row[t] * r[y - t];
        r[y] = s / row[0];
    }
    for (int y = n - 1; y >= 0; y--) {
        double s = r[y];
        for (int t = 1; t <= band && y + t < n; t++) s -= m[(size_t)(y + t) * wide + t] * r[y + t];
        r[y] = s / m[(size_t)y * wide];
    }
    for (int y = 0; y < n; y++) out.data()[y] = r[y];
}

}  // namespace

KERNEL("banding_rows", banding_rows, "dn"_a, "offsets"_a, "distance"_a, "noise"_a, "out"_a)
KERNEL("banding_columns", banding_columns, "dn"_a, "offsets"_a, "distance"_a, "noise"_a, "out"_a)
KERNEL("banding_solve", banding_solve, "step"_a, "variance"_a, "distance"_a, "prior"_a, "out"_a)
