/* inflate.c - a plain decoder of zlib streams, to look at pictures that were timed */
/* SPDX-License-Identifier: MIT */
#include "host/bench/inflate.h"

#include <string.h>

enum { CODE_MOST = 15, LITERALS = 288, DISTANCES = 30, LENGTHS = 19, END_OF_BLOCK = 256 };

struct stream {
    const uint8_t *from;
    size_t count, at; /* bytes */
    uint64_t bits;    /* read ahead, next one lowest */
    int held;
    uint8_t *to;
    size_t size, filled;
    bool failed;
};

/* A canonical prefix code: how many codes have each length, and the symbols in the order of their codes. */
struct code {
    int count[CODE_MOST + 1];
    int symbol[LITERALS];
};

static int take_bits(struct stream *stream, int wanted) {
    while (stream->held < wanted) {
        if (stream->at == stream->count) {
            stream->failed = true;
            return 0;
        }
        stream->bits |= (uint64_t)stream->from[stream->at++] << stream->held;
        stream->held += 8;
    }
    const int value = (int)(stream->bits & ((UINT64_C(1) << wanted) - 1));
    stream->bits >>= wanted;
    stream->held -= wanted;
    return value;
}

static void make_code(struct code *code, const uint8_t *lengths, int symbols) {
    int next[CODE_MOST + 2] = {0};
    memset(code->count, 0, sizeof code->count);
    for (int symbol = 0; symbol < symbols; symbol++) {
        code->count[lengths[symbol]]++;
    }
    code->count[0] = 0;
    for (int length = 1; length <= CODE_MOST; length++) {
        next[length + 1] = next[length] + code->count[length];
    }
    for (int symbol = 0; symbol < symbols; symbol++) {
        if (lengths[symbol] != 0) {
            code->symbol[next[lengths[symbol]]++] = symbol;
        }
    }
}

/* RFC 1951, 3.2.2: codes of one length are consecutive numbers, and shorter ones come first. */
static int take_symbol(struct stream *stream, const struct code *code) {
    int value = 0, first = 0, index = 0;
    for (int length = 1; length <= CODE_MOST && !stream->failed; length++) {
        value |= take_bits(stream, 1);
        if (value - first < code->count[length]) {
            return code->symbol[index + value - first];
        }
        index += code->count[length];
        first = (first + code->count[length]) << 1;
        value <<= 1;
    }
    stream->failed = true;
    return END_OF_BLOCK;
}

static void put(struct stream *stream, uint8_t byte) {
    if (stream->filled == stream->size) {
        stream->failed = true;
    } else {
        stream->to[stream->filled++] = byte;
    }
}

static void copy_back(struct stream *stream, int symbol, const struct code *distances) {
    static const uint16_t length_base[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                           31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t length_bits[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                          2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static const uint16_t distance_base[] = {1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                             33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                             1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    if (symbol - 257 >= (int)(sizeof length_bits)) {
        stream->failed = true;
        return;
    }
    const int length = length_base[symbol - 257] + take_bits(stream, length_bits[symbol - 257]);
    const int code = take_symbol(stream, distances);
    if (stream->failed || code >= DISTANCES) {
        stream->failed = true;
        return;
    }
    const size_t distance = distance_base[code] + (size_t)take_bits(stream, code < 2 ? 0 : code / 2 - 1);
    stream->failed = stream->failed || distance > stream->filled;
    for (int i = 0; i < length && !stream->failed; i++) {
        put(stream, stream->to[stream->filled - distance]);
    }
}

static void coded_block(struct stream *stream, const struct code *literals, const struct code *distances) {
    while (!stream->failed) {
        const int symbol = take_symbol(stream, literals);
        if (symbol == END_OF_BLOCK) {
            return;
        }
        if (symbol < END_OF_BLOCK) {
            put(stream, (uint8_t)symbol);
        } else {
            copy_back(stream, symbol, distances);
        }
    }
}

static void fixed_block(struct stream *stream) {
    uint8_t lengths[LITERALS + DISTANCES];
    for (int i = 0; i < LITERALS; i++) {
        lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    }
    memset(lengths + LITERALS, 5, DISTANCES);
    struct code literals, distances;
    make_code(&literals, lengths, LITERALS);
    make_code(&distances, lengths + LITERALS, DISTANCES);
    coded_block(stream, &literals, &distances);
}

/* Lengths of both codes, themselves coded: 16 repeats the last one, 17 and 18 are runs of zeros. */
static void take_lengths(struct stream *stream, const struct code *code, uint8_t *lengths, int wanted) {
    for (int i = 0; i < wanted && !stream->failed;) {
        const int symbol = take_symbol(stream, code);
        if (symbol < 16) {
            lengths[i++] = (uint8_t)symbol;
            continue;
        }
        const int run = symbol == 16   ? 3 + take_bits(stream, 2)
                        : symbol == 17 ? 3 + take_bits(stream, 3)
                                       : 11 + take_bits(stream, 7);
        stream->failed = stream->failed || symbol > 18 || run > wanted - i || (symbol == 16 && i == 0);
        if (!stream->failed) {
            memset(lengths + i, symbol == 16 ? lengths[i - 1] : 0, (size_t)run);
            i += run;
        }
    }
}

static void dynamic_block(struct stream *stream) {
    static const uint8_t order[LENGTHS] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    const int literal_count = 257 + take_bits(stream, 5), distance_count = 1 + take_bits(stream, 5);
    const int length_count = 4 + take_bits(stream, 4);
    uint8_t lengths[LITERALS + 32] = {0};
    if (literal_count > 286 || distance_count > DISTANCES) {
        stream->failed = true;
        return;
    }
    for (int i = 0; i < length_count; i++) {
        lengths[order[i]] = (uint8_t)take_bits(stream, 3);
    }
    struct code code, literals, distances;
    make_code(&code, lengths, LENGTHS);
    memset(lengths, 0, sizeof lengths);
    take_lengths(stream, &code, lengths, literal_count + distance_count);
    make_code(&literals, lengths, literal_count);
    make_code(&distances, lengths + literal_count, distance_count);
    coded_block(stream, &literals, &distances);
}

static void stored_block(struct stream *stream) {
    (void)take_bits(stream, stream->held % 8);
    const int length = take_bits(stream, 16), complement = take_bits(stream, 16);
    stream->failed = stream->failed || length + complement != 0xffff;
    for (int i = 0; i < length && !stream->failed; i++) {
        put(stream, (uint8_t)take_bits(stream, 8));
    }
}

static uint32_t adler32(const uint8_t *bytes, size_t count) {
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < count; i++) {
        a = (a + bytes[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

bool rm_inflate(const uint8_t *from, size_t count, uint8_t *to, size_t size) {
    struct stream stream = {.from = from, .count = count, .at = 2, .to = to, .size = size};
    if (count < 6 || (from[0] & 15) != 8 || (from[1] & 32) != 0 || (from[0] * 256 + from[1]) % 31 != 0) {
        return false;
    }
    for (bool last = false; !last && !stream.failed;) {
        last = take_bits(&stream, 1) == 1;
        switch (take_bits(&stream, 2)) {
        case 0:
            stored_block(&stream);
            break;
        case 1:
            fixed_block(&stream);
            break;
        case 2:
            dynamic_block(&stream);
            break;
        default:
            stream.failed = true;
        }
    }
    (void)take_bits(&stream, stream.held % 8);
    uint32_t sum = 0;
    for (int i = 0; i < 4; i++) {
        sum = sum << 8 | (uint32_t)take_bits(&stream, 8);
    }
    return !stream.failed && stream.filled == size && sum == adler32(to, size);
}
