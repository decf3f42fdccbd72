// SPDX-License-Identifier: Apache-2.0
// ljpeg: lossless JPEG (ITU-T T.81, process 14) is read, as the tiles of a DNG have it.  Difference to a prediction from
// neighbours, Huffman code of its number of bits, then the bits.  The reader trusts nothing: every length is checked before it is used.
#include "kernel.h"

namespace {

struct Code {  // a Huffman table for decoding: 12 bits at once, longer codes one by one
    uint16_t fast[4096] = {};  // length << 8 | bits of the difference; 0: longer than 12
    int first[18] = {}, count[18] = {}, start[18] = {};
    uint8_t symbols[256] = {};
    bool there = false;

    void build(const uint8_t *lengths, const uint8_t *values, int n) {
        std::memset(fast, 0, sizeof fast);
        int code = 0, k = 0;
        for (int l = 1; l <= 16; l++) {
            first[l] = code, start[l] = k, count[l] = lengths[l - 1];
            need(code + count[l] <= 1 << l, "its code table is impossible");
            for (int i = 0; i < count[l]; i++, code++, k++) {
                need(k < n && values[k] <= 16, "its code table is impossible");
                symbols[k] = values[k];
                if (l <= 12)
                    for (int j = 0; j < 1 << (12 - l); j++)
                        fast[code << (12 - l) | j] = (uint16_t)(l << 8 | values[k]);
            }
            code <<= 1;
        }
        there = true;
    }
};

struct Stream {
    const uint8_t *p, *end;
    uint64_t hold = 0;
    int have = 0, made_up = 0;  // bits held; of these and those before, bytes that are not in the file

    void fill() {
        while (have <= 48) {
            unsigned b = 0;
            if (p < end && (*p != 0xff || (p + 1 < end && p[1] == 0))) {
                b = *p;
                p += b == 0xff ? 2 : 1;
            } else
                made_up++;  // a marker, or the end
            hold = hold << 8 | b, have += 8;
        }
    }
    int bits(int n) {
        have -= n;
        return (int)(hold >> have & ((1u << n) - 1));
    }
    int difference(const Code &c) {
        fill();
        int look = (int)(hold >> (have - 12) & 4095), s = c.fast[look];
        if (s) {
            have -= s >> 8;
            s &= 255;
        } else {
            int code = look, l = 13;
            have -= 12;
            for (;; l++) {
                need(l <= 16, "a code that its table does not have");
                code = code << 1 | bits(1);
                int at = code - c.first[l];
                if (at >= 0 && at < c.count[l]) {
                    s = c.symbols[c.start[l] + at];
                    break;
                }
            }
        }
        if (s == 0) return 0;
        if (s == 16) return 32768;
        int v = bits(s);
        return v < 1 << (s - 1) ? v - (1 << s) + 1 : v;
    }
    void restart() {
        while (p + 1 < end && !(p[0] == 0xff && p[1] >= 0xd0 && p[1] <= 0xd7)) p++;
        need(p + 1 < end, "a restart marker is missing");
        p += 2, hold = 0, have = 0, made_up = 0;
    }
};

struct Head {
    int rows = 0, columns = 0, planes = 0, bits = 0, predictor = 0, shift = 0, interval = 0;
    int id[4] = {}, table[4] = {};
    Code codes[4];
    const uint8_t *scan = nullptr;
};

void read_head(const uint8_t *p, const uint8_t *end, Head &h) {
    need(end - p > 4 && p[0] == 0xff && p[1] == 0xd8, "no JPEG");
    p += 2;
    for (;;) {
        need(end - p >= 4 && p[0] == 0xff, "its segments are damaged");
        int marker = p[1], n = p[2] << 8 | p[3];
        if (marker == 0xff) {  // padding
            p++;
            continue;
        }
        const uint8_t *s = p + 4;
        need(n >= 2 && end - p - 2 >= n, "its segments are cut short");
        p += 2 + n, n -= 2;
        if (marker == 0xc3) {
            need(n >= 6 && h.planes == 0, "its frame is damaged");
            h.bits = s[0], h.rows = s[1] << 8 | s[2], h.columns = s[3] << 8 | s[4], h.planes = s[5];
            need(h.bits >= 2 && h.bits <= 16 && h.rows && h.columns && h.planes >= 1 && h.planes <= 4 && n >= 6 + 3 * h.planes,
                 "its frame is impossible");
            for (int c = 0; c < h.planes; c++) {
                h.id[c] = s[6 + 3 * c];
                need(s[7 + 3 * c] == 0x11, "its colours have different sizes");
            }
        } else if (marker == 0xc4) {
            while (n > 0) {
                need(n >= 17, "its code table is cut short");
                int total = 0;
                for (int l = 0; l < 16; l++) total += s[1 + l];
                need((s[0] & 0xfc) == 0 && total <= 256 && n >= 17 + total, "its code table is impossible");
                h.codes[s[0] & 3].build(s + 1, s + 17, total);
                s += 17 + total, n -= 17 + total;
            }
        } else if (marker == 0xdd) {
            need(n >= 2, "its restart interval is damaged");
            h.interval = s[0] << 8 | s[1];
        } else if (marker == 0xda) {
            need(h.planes > 0 && n >= 4 + 2 * h.planes && s[0] == h.planes, "its scan does not fit its frame");
            for (int c = 0; c < h.planes; c++) {
                need(s[1 + 2 * c] == h.id[c], "its colours are out of order");
                h.table[c] = s[2 + 2 * c] >> 4;
                need(h.table[c] < 4 && h.codes[h.table[c]].there, "a code table is missing");
            }
            h.predictor = s[1 + 2 * h.planes], h.shift = s[3 + 2 * h.planes] & 15;
            need(h.predictor >= 1 && h.predictor <= 7 && h.shift < h.bits, "its prediction is unknown");
            need(h.interval % h.columns == 0, "its restarts are not at the ends of rows");
            h.scan = p;
            return;
        } else
            need(marker != 0xd9 && !(marker >= 0xc0 && marker <= 0xcf && marker != 0xc8 && marker != 0xcc),
                 "not a lossless JPEG");
    }
}

template <int P> inline int predicted(int a, int b, int c) {
    switch (P) {
    case 1: return a;
    case 2: return b;
    case 3: return c;
    case 4: return a + b - c;
    case 5: return a + ((b - c) >> 1);
    case 6: return b + ((a - c) >> 1);
    default: return (a + b) >> 1;
    }
}

template <int P> void read_row(Stream &in, const Head &h, const uint16_t *above, uint16_t *row) {
    const int n = h.planes, w = h.columns * n;
    const Code *code[4];
    for (int c = 0; c < n; c++) {
        code[c] = &h.codes[h.table[c]];
        row[c] = (uint16_t)(above[c] + in.difference(*code[c]));
    }
    for (int x = n; x < w; x += n)
        for (int c = 0; c < n; c++)
            row[x + c] = (uint16_t)(predicted<P>(row[x + c - n], above[x + c], above[x + c - n]) + in.difference(*code[c]));
}

}  // namespace

// size: rows, columns, planes, bits of a lossless JPEG.
static void ljpeg_size(In<uint8_t, 1> stream, Out<int32_t, 1> size) {
    need(size.shape(0) == 4, "ljpeg_size");
    Head h;
    read_head(stream.data(), stream.data() + stream.shape(0), h);
    size(0) = h.rows, size(1) = h.columns, size(2) = h.planes, size(3) = h.bits;
}
KERNEL("ljpeg_size", ljpeg_size, "stream"_a, "size"_a)

// out "rows columns·planes": the samples.
static void ljpeg_decode(In<uint8_t, 1> stream, Out<uint16_t, 2> out) {
    Head h;
    const uint8_t *end = stream.data() + stream.shape(0);
    read_head(stream.data(), end, h);
    const int w = h.columns * h.planes;
    need((int)out.shape(0) == h.rows && (int)out.shape(1) == w, "ljpeg_decode: size");
    void (*const rows[])(Stream &, const Head &, const uint16_t *, uint16_t *) = {
        nullptr,     read_row<1>, read_row<2>, read_row<3>, read_row<4>, read_row<5>, read_row<6>, read_row<7>};
    Stream in{h.scan, end};
    std::vector<uint16_t> start(w, (uint16_t)(1 << (h.bits - h.shift - 1)));
    for (int y = 0; y < h.rows; y++) {
        const bool fresh = y == 0 || (h.interval && (int64_t)y * h.columns % h.interval == 0);
        if (fresh && y) in.restart();
        uint16_t *row = out.data() + (size_t)y * w;
        if (fresh)
            read_row<1>(in, h, start.data(), row);
        else
            rows[h.predictor](in, h, row - w, row);
        need(8 * in.made_up <= in.have, "it is cut short");
    }
    if (h.shift)
        for (size_t i = 0; i < (size_t)h.rows * w; i++) out.data()[i] = (uint16_t)(out.data()[i] << h.shift);
}
KERNEL("ljpeg_decode", ljpeg_decode, "stream"_a, "out"_a)
