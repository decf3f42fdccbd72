// SPDX-License-Identifier: Apache-2.0
// ljpeg_encode: lossless JPEG (ITU-T T.81, process 14) is written, as the tiles of a DNG have it.  Difference to the sample to
// the left, Huffman code of its number of bits, then the bits.
#include "kernel.h"

namespace {

constexpr int ASKED = 4;  // of so many rows one tells how often a number of bits occurs

// How many bits a difference takes.
inline int bits_of(int d) { return 31 - __builtin_clz(2u * (uint32_t)(d < 0 ? -d : d) + 1); }

// Lengths of an optimal prefix code of at most 16 bits that leaves the code of ones unused (T.81, annex K.2).
void code_lengths(const int64_t *counts, int n, uint8_t *lengths) {
    std::vector<int64_t> freq(counts, counts + n);
    freq.push_back(1);  // takes the code of ones
    std::vector<int> size(n + 1, 0), next(n + 1, -1);
    for (;;) {
        int a = -1, b = -1;
        for (int i = 0; i <= n; i++)
            if (freq[i] && (a < 0 || freq[i] <= freq[a])) a = i;
        for (int i = 0; i <= n; i++)
            if (freq[i] && i != a && (b < 0 || freq[i] <= freq[b])) b = i;
        if (b < 0) break;
        freq[a] += freq[b], freq[b] = 0;
        for (size[a]++; next[a] >= 0; size[a]++) a = next[a];
        next[a] = b;
        for (size[b]++; next[b] >= 0; size[b]++) b = next[b];
    }
    int count[64] = {};
    for (int i = 0; i <= n; i++) count[size[i]]++;
    count[0] = 0;
    for (int l = 63; l > 16; l--)
        while (count[l] > 0) {
            int j = l - 2;
            while (!count[j]) j--;
            count[l] -= 2, count[l - 1]++, count[j + 1] += 2, count[j]--;
        }
    int longest = 16;
    while (longest > 0 && !count[longest]) longest--;
    count[longest]--;  // the reserved one
    for (int l = 1; l <= 16; l++) lengths[l - 1] = (uint8_t)count[l];
}

struct Code {  // by number of bits: the code with room for them, the length of both, and which bits they are
    uint32_t code[17] = {}, mask[17] = {};
    int length[17] = {};
};

// Bits of a row, without the zeros that follow bytes of ones in the file: 31 bits a sample at most.
struct Row {
    std::vector<uint8_t> bytes;
    uint64_t hold = 0;
    int have = 0;
    size_t count = 0;
    explicit Row(size_t samples) : bytes(4 * samples + 16) {}
};

template <int N> void write(const uint16_t *row, const uint16_t *above, int w, const Code *code, Row &to) {
    uint64_t hold = to.hold;
    int have = to.have;
    uint8_t *p = to.bytes.data();
    auto put = [&](const Code &c, int d) {
        const int s = bits_of(d);
        hold = hold << c.length[s] | c.code[s] | ((uint32_t)(d + (d >> 31)) & c.mask[s]);
        have += c.length[s];  // 38 at most
        const uint64_t eight = __builtin_bswap64(hold << (64 - have));
        std::memcpy(p, &eight, 8);
        p += have >> 3;
        have &= 7;
    };
    for (int c = 0; c < N; c++) put(code[c], (int16_t)(row[c] - (above ? above[c] : 32768)));
    for (int x = N; x < w; x += N)
        for (int c = 0; c < N; c++) put(code[c], (int16_t)(row[x + c] - row[x + c - N]));
    to.hold = hold, to.have = have, to.count = p - to.bytes.data();
}

template <int N> void count(const uint16_t *row, int w, int64_t counts[4][17]) {
    int32_t seen[2][N][17] = {};  // in turns: neighbours are often alike
    for (int x = N; x < w; x += N)
        for (int c = 0; c < N; c++) seen[x / N & 1][c][bits_of((int16_t)(row[x + c] - row[x + c - N]))]++;
    for (int c = 0; c < N; c++)
        for (int s = 0; s < 17; s++) counts[c][s] += seen[0][c][s] + seen[1][c][s];
}

struct Writer {
    uint8_t *p, *end;
    void byte(int b) {
        need(p < end, "ljpeg_encode: out is too small");
        *p++ = (uint8_t)b;
    }
    void word(int v) { byte(v >> 8), byte(v & 255); }
    void stuffed(const uint8_t *from, size_t n) {  // a zero follows every byte of ones
        need((size_t)(end - p) >= 2 * n, "ljpeg_encode: out is too small");
        while (n) {
            const void *ones = std::memchr(from, 255, n);
            const size_t m = ones ? (const uint8_t *)ones - from + 1 : n;
            std::memcpy(p, from, m);
            p += m, from += m, n -= m;
            if (ones) *p++ = 0;
        }
    }
    // The table of a component, and what it means.  Every number of bits has a code.
    void table(int component, int64_t *counts, Code &code) {
        uint8_t lengths[16], order[17];
        for (int s = 0; s < 17; s++) counts[s]++, order[s] = (uint8_t)s;
        code_lengths(counts, 17, lengths);
        std::stable_sort(order, order + 17, [&](int a, int b) { return counts[a] > counts[b]; });
        word(0xffc4), word(19 + 17), byte(component);
        uint32_t next = 0;
        for (int l = 1, k = 0; l <= 16; l++, next <<= 1)
            for (int i = 0; i < lengths[l - 1]; i++, k++) {
                const int s = order[k], more = s < 16 ? s : 0;
                code.code[s] = next++ << more, code.mask[s] = (1u << more) - 1, code.length[s] = l + more;
            }
        for (int l = 0; l < 16; l++) byte(lengths[l]);
        for (int i = 0; i < 17; i++) byte(order[i]);
    }
};

}  // namespace

// A lossless JPEG of 16 bits, each sample predicted by the one to its left; length(0) is how many bytes of out it takes.
static void ljpeg_encode(In<uint16_t, 3> tile, Out<uint8_t, 1> out, Out<int64_t, 1> length) {
    const int h = (int)tile.shape(0), w = (int)tile.shape(1), n = (int)tile.shape(2);
    need(h >= 1 && w >= 1 && h < 65536 && w < 65536 && n >= 1 && n <= 4 && length.shape(0) == 1, "ljpeg_encode");
    void (*const counted[])(const uint16_t *, int, int64_t[4][17]) = {count<1>, count<2>, count<3>, count<4>};
    void (*const written[])(const uint16_t *, const uint16_t *, int, const Code *, Row &) = {write<1>, write<2>, write<3>,
                                                                                             write<4>};
    const int row = w * n;
    int64_t counts[4][17] = {};
    for (int y = 0; y < h; y += ASKED) counted[n - 1](tile.data() + (size_t)y * row, row, counts);
    Writer to{out.data(), out.data() + out.shape(0)};
    to.word(0xffd8), to.word(0xffc3), to.word(8 + 3 * n), to.byte(16), to.word(h), to.word(w), to.byte(n);
    for (int c = 0; c < n; c++) to.byte(c + 1), to.byte(0x11), to.byte(0);
    Code code[4];
    for (int c = 0; c < n; c++) to.table(c, counts[c], code[c]);
    to.word(0xffda), to.word(6 + 2 * n), to.byte(n);
    for (int c = 0; c < n; c++) to.byte(c + 1), to.byte(c << 4);
    to.byte(1), to.byte(0), to.byte(0);
    Row bits(row);
    for (int y = 0; y < h; y++) {
        const uint16_t *in = tile.data() + (size_t)y * row;
        written[n - 1](in, y ? in - row : nullptr, row, code, bits);
        to.stuffed(bits.bytes.data(), bits.count);
    }
    if (bits.have) {
        const uint8_t last = (uint8_t)(bits.hold << (8 - bits.have) | ((1u << (8 - bits.have)) - 1));
        to.stuffed(&last, 1);
    }
    to.word(0xffd9);
    length(0) = to.p - out.data();
}
KERNEL("ljpeg_encode", ljpeg_encode, "tile"_a, "out"_a, "length"_a)
