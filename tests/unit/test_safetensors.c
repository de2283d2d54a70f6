/* test_safetensors.c - .safetensors files written byte by byte: every element type, and every way to be
 * broken */
/* SPDX-License-Identifier: MIT */
#include "host/data/vectors.h"
#include "tests/scratch.h"
#include "tests/unit.h"

#include <math.h>

static uint8_t file_bytes[1 << 20];
static scratch place;

/* The file of a header of `length` bytes and `size` bytes of data, which may be NULL for zeros; returns its
 * length. */
static size_t compose_bytes(const char *header, size_t length, const void *data, size_t size) {
    for (int byte = 0; byte < 8; byte++) {
        file_bytes[byte] = (uint8_t)((uint64_t)length >> (8 * byte));
    }
    memcpy(file_bytes + 8, header, length);
    memset(file_bytes + 8 + length, 0, size);
    if (data != NULL) {
        memcpy(file_bytes + 8 + length, data, size);
    }
    return 8 + length + size;
}

static size_t compose(const char *header, const void *data, size_t size) {
    return compose_bytes(header, strlen(header), data, size);
}

static ropemap_status open_bytes(size_t size, const char *name, ropemap_vectors **vectors,
                                 ropemap_error *error) {
    scratch_write(&place, "kv.safetensors", file_bytes, size);
    const ropemap_tensor tensor = {.path = place.path, .name = name};
    return ropemap_vectors_open(&tensor, vectors, error);
}

static void assert_refused_as(size_t size, const char *name, ropemap_status status, const char *words) {
    ropemap_vectors *vectors = NULL;
    ropemap_error error = {0};
    assert_int_equal(open_bytes(size, name, &vectors, &error), status);
    assert_null(vectors);
    assert_int_equal(error.status, status);
    assert_says(error.text, words);
    assert_says(error.text, "kv.safetensors");
    assert_null(strchr(error.text, '\n'));
}

static void assert_refused(size_t size, const char *words) {
    assert_refused_as(size, "k", ROPEMAP_DATA, words);
}

static ropemap_vectors *open_good(size_t size, const char *name) {
    ropemap_vectors *vectors = NULL;
    ropemap_error error = {0};
    if (open_bytes(size, name, &vectors, &error) != ROPEMAP_OK) {
        fail_msg("refused: %s", error.text);
    }
    return vectors;
}

/* The value of a 16-bit float of `fraction_bits` by its definition (IEEE 754-2008, 3.4). */
static double small_float_value(unsigned bits, int fraction_bits) {
    const unsigned fraction = bits & ((1u << fraction_bits) - 1);
    const unsigned top = (1u << (15 - fraction_bits)) - 1, exponent = bits >> fraction_bits & top;
    const int bias = (int)(top >> 1);
    const double sign = (bits & 0x8000u) != 0 ? -1.0 : 1.0;
    if (exponent == top) {
        return fraction == 0 ? sign * (double)INFINITY : (double)NAN;
    }
    const double scale = exponent == 0 ? 0.0 : ldexp(1.0, fraction_bits);
    const int power = (exponent == 0 ? 1 : (int)exponent) - bias - fraction_bits;
    return sign * ldexp(scale + (double)fraction, power);
}

static void every_16_bit_float_is_exact(void **state) {
    enum { COUNT = 65536 };
    static uint8_t data[COUNT * 2];
    static float values[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        data[2 * i] = (uint8_t)i;
        data[2 * i + 1] = (uint8_t)(i >> 8);
    }
    for (int bfloat = 0; bfloat < 2; bfloat++) {
        const char *header =
            bfloat != 0 ? "{\"k\":{\"dtype\":\"BF16\",\"shape\":[512,128],\"data_offsets\":[0,131072]}}"
                        : "{\"k\":{\"dtype\":\"F16\",\"shape\":[512,128],\"data_offsets\":[0,131072]}}";
        ropemap_vectors *vectors = open_good(compose(header, data, sizeof data), "k");
        ropemap_error error = {0};
        assert_int_equal(vectors->read(vectors, 0, 512, 1, values, &error), ROPEMAP_OK);
        for (unsigned i = 0; i < COUNT; i++) {
            const double wanted = small_float_value(i, bfloat != 0 ? 7 : 10);
            const bool same = isnan(wanted)
                                  ? isnan(values[i])
                                  : (double)values[i] == wanted && !signbit(values[i]) == !signbit(wanted);
            if (!same) {
                fail_msg("0x%04x became %g, not %g", i, (double)values[i], wanted);
            }
        }
        ropemap_vectors_free(vectors);
    }
}

/* Three tensors, out of order in the header; F64 after 3 bytes of BOOL: no alignment is needed to read it. */
static const char MIXED[] = "{\"__metadata__\":{\"format\":\"pt\",\"note\":\"\\u00e9\\n\"},"
                            "\"v\":{\"data_offsets\":[3,35],\"shape\":[2,2],\"dtype\":\"F64\"},"
                            "\"k\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[35,43]},"
                            "\"mask\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[0,3]}}   ";

static void tensors_are_found_by_name(void **state) {
    uint8_t data[43] = {1, 1, 1};
    const double doubles[4] = {1.5, -2.25, 1e300, 0.0};
    const float floats[2] = {3.0f, -4.0f};
    memcpy(data + 3, doubles, sizeof doubles); /* this test is for little-endian machines */
    memcpy(data + 35, floats, sizeof floats);
    const size_t size = compose(MIXED, data, sizeof data);
    float values[4];
    ropemap_error error = {0};
    ropemap_vectors *vectors = open_good(size, "v");
    assert_string_equal(vectors->label, "kv.safetensors:v");
    assert_int_equal(vectors->read(vectors, 0, 2, 1, values, &error), ROPEMAP_OK);
    assert_true(values[0] == 1.5f && values[1] == -2.25f && isinf(values[2]) && values[3] == 0.0f);
    ropemap_vectors_free(vectors);
    vectors = open_good(size, "k");
    assert_int_equal(vectors->read(vectors, 0, 1, 1, values, &error), ROPEMAP_OK);
    assert_true(values[0] == 3.0f && values[1] == -4.0f);
    ropemap_vectors_free(vectors);
    assert_refused_as(size, NULL, ROPEMAP_USAGE, "has 3 tensors; name one: 'mask', 'v', 'k'");
    assert_refused_as(size, "V", ROPEMAP_USAGE, "no tensor 'V'");
    assert_refused_as(size, "a\nb", ROPEMAP_USAGE, "no tensor 'a?b'");
    assert_refused_as(size, "mask", ROPEMAP_DATA, "is of BOOL");
    assert_refused_as(size, "__metadata__", ROPEMAP_USAGE, "no tensor");
}

static void the_only_tensor_needs_no_name(void **state) {
    const char *header = "{\"a\\\"\\u0062\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}";
    const size_t size = compose(header, NULL, 16);
    ropemap_vectors *vectors = open_good(size, NULL);
    assert_string_equal(vectors->label, "kv.safetensors:a\"b");
    ropemap_vectors_free(vectors);
    vectors = open_good(size, "a\"b");
    ropemap_vectors_free(vectors);
}

static void near_names_are_suggested(void **state) {
    const char *header = "{\"h.0.attn.q\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},"
                         "\"h.0.attn.k\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},"
                         "\"h.1.attn.q\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},"
                         "\"wte\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}";
    const size_t size = compose(header, NULL, 0);
    assert_refused_as(size, "h.1.atn.q", ROPEMAP_USAGE,
                      "the nearest of 4: 'h.1.attn.q', 'h.0.attn.q', 'h.0.attn.k'");
    assert_refused_as(size, NULL, ROPEMAP_USAGE, ", ...");
}

static const struct {
    const char *header;
    size_t data;
    const char *words;
} BROKEN[] = {
    {"", 16, "must begin with {"},
    {"[]", 16, "must begin with {"},
    {" {}", 0, "must begin with {"},
    {"\xff\xfe", 16, "must begin with {"},
    {"nonsense", 16, "must begin with {"},
    {"{nonsense}", 16, "expected a string"},
    {"{}", 0, "no tensor in it"},
    {"{} x", 0, "text after"},
    {"{\"k\":3}", 16, "expected an object {"},
    {"{\"k\":[]}", 16, "expected an object {"},
    {"{\"k\"}", 16, "expected a colon"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},}", 16, "expected a string"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}", 16, "expected a comma or }"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]} \"l\":{}}", 16, "a comma or }"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}\x01", 16, "text after"},
    {"{\"\xc3(\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}", 16, "not UTF-8"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
     "\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[16,32]}}",
     32, "has tensor 'k' twice"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
     "\"\\u006b\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[16,32]}}",
     32, "has tensor 'k' twice"},
    {"{\"k\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}", 16,
     "a second key 'dtype'"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16],\"x\":1}}", 16, "an unknown key 'x'"},
    {"{\"k\":{}}", 16, "tensor 'k' lacks dtype"},
    {"{\"k\":{\"dtype\":\"F32\",\"data_offsets\":[0,16]}}", 16, "tensor 'k' lacks shape"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2,2]}}", 16, "tensor 'k' lacks data_offsets"},
    {"{\"k\":{\"dtype\":\"float32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}", 16,
     "unknown dtype 'float32'"},
    {"{\"k\":{\"dtype\":32,\"shape\":[2,2],\"data_offsets\":[0,16]}}", 16, "expected a string"},
    {"{\"k\":{\"dtype\":\"I32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}", 16, "is of I32"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, "shape () has 0 axes"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", 16, "shape (4) has 1 axes"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[0,2],\"data_offsets\":[0,0]}}", 0, "has length 0"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,2,2],\"data_offsets\":[0,16]}}", 16,
     "more than 8 axes"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[-2,2],\"data_offsets\":[0,16]}}", 16, "whole number of 0 or more"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2.0,2],\"data_offsets\":[0,16]}}", 16, "without leading zeros"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2e0,2],\"data_offsets\":[0,16]}}", 16, "without leading zeros"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[02,2],\"data_offsets\":[0,16]}}", 16, "without leading zeros"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[18446744073709551616,2],\"data_offsets\":[0,16]}}", 16,
     "2^64 or more"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
     "passes 2^64"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,0],\"data_offsets\":[0,0]}}", 0,
     "passes 2^64"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[576460752303423488,2],\"data_offsets\":[0,0]}}", 0, "passes 2^64"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,16]}}", 16, "expected an array ["},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2 2],\"data_offsets\":[0,16]}}", 16, "expected a comma or ]"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0]}}", 16, "expected a comma"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16,16]}}", 16,
     "expected ] at the end of an array"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,12]}}", 16, "span 12 bytes"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,12]}}", 16, "need 16"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[16,0]}}", 16,
     "[16, 0] end before they begin"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}", 15, "the file holds 15"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}", 17,
     "1 bytes follow the last tensor"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[1,17]}}", 17, "the gap"},
    {"{\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[18446744073709551600,"
     "18446744073709551615]}}",
     16, "span 15 bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
     "\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[12,28]}}",
     28, "tensor 'k' begins at byte 12 of the data, the tensors before it end at 16: they overlap"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[20,36]},"
     "\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}",
     36, "tensor 'a' begins at byte 20 of the data, the tensors before it end at 16: the gap"},
    {"{\"k\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", 2, "do not end at a whole byte"},
    {"{\"k\":{\"dtype\":\"F6_E2M3\",\"shape\":[4],\"data_offsets\":[0,3]}}", 3, "is of F6_E2M3"},
    {"{\"__metadata__\":[],\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}", 16,
     "an object {"},
    {"{\"__metadata__\":{\"a\":1},\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}", 16,
     "expected a string"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "__metadata__ twice"},
    {"{\"a\nb\":{}}", 0, "control character"},
    {"{\"a\\nb\":{}}", 0, "tensor 'a?b' lacks dtype"},
};

static void broken_headers_are_refused(void **state) {
    for (size_t i = 0; i < sizeof BROKEN / sizeof *BROKEN; i++) {
        assert_refused(compose(BROKEN[i].header, NULL, BROKEN[i].data), BROKEN[i].words);
    }
}

static void lengths_that_lie_are_refused(void **state) {
    static const char header[] = "{\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}";
    size_t size = compose(header, NULL, 16);
    assert_refused(0, "is empty (0 bytes)");
    assert_refused(7, "is too short (7 bytes)");
    for (size_t cut = 8; cut < size; cut++) { /* every truncation point */
        assert_refused(cut, "");
    }
    assert_refused(size - 17, "does not fit in a file of");
    file_bytes[7] = 0x80;
    assert_refused(size, "a header of 9223372036854775865 bytes does not fit");
    memset(file_bytes, 0xff, 8);
    assert_refused(size, "a header of 18446744073709551615 bytes does not fit");
    (void)compose("{\"k\":", NULL, 0);
    memset(file_bytes + 13, ' ', 100);
    file_bytes[0] = 105;
    assert_refused(113, "expected an object {");
    size = compose_bytes("{\"a\0b\":{}}", 10, NULL, 0);
    assert_refused(size, "control character");
    size = compose("{\"a\\u0000b\":{}}", NULL, 0);
    assert_refused(size, "zero character");
}

/* A sparse file whose header claims, and has, one byte more than the format allows. */
static void headers_over_the_limit_are_refused(void **state) {
    const uint64_t length = 100000001;
    for (int byte = 0; byte < 8; byte++) {
        file_bytes[byte] = (uint8_t)(length >> (8 * byte));
    }
    scratch_write(&place, "kv.safetensors", file_bytes, 8);
    assert_int_equal(truncate(place.path, 200000000), 0);
    const ropemap_tensor tensor = {.path = place.path};
    ropemap_vectors *vectors = NULL;
    ropemap_error error = {0};
    assert_int_equal(ropemap_vectors_open(&tensor, &vectors, &error), ROPEMAP_DATA);
    assert_says(error.text, "a header of 100000001 bytes; the format allows 100000000");
}

/* 10^6 tensors without bytes, in 50 bytes of text each and a name of 7, and at the end one to be found. */
static void a_million_tensors(void **state) {
    static const char entry[] = "\"0000000\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},";
    static const char last[] = "\"k\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}";
    enum { COUNT = 1000000, ENTRY = sizeof entry - 1, LAST = sizeof last - 1 };
    const size_t length = 1 + (size_t)COUNT * ENTRY + LAST, size = 8 + length + 16;
    uint8_t *bytes = calloc(size, 1);
    assert_non_null(bytes);
    for (int byte = 0; byte < 8; byte++) {
        bytes[byte] = (uint8_t)((uint64_t)length >> (8 * byte));
    }
    bytes[8] = '{';
    for (unsigned i = 0; i < COUNT; i++) {
        uint8_t *next = bytes + 9 + (size_t)i * ENTRY;
        memcpy(next, entry, ENTRY);
        unsigned rest = i;
        for (int digit = 7; digit >= 1; digit--) {
            next[digit] = (uint8_t)('0' + rest % 10);
            rest /= 10;
        }
    }
    memcpy(bytes + 9 + (size_t)COUNT * ENTRY, last, LAST);
    scratch_write(&place, "kv.safetensors", bytes, size);
    free(bytes);
    const ropemap_tensor tensor = {.path = place.path, .name = "k"};
    ropemap_vectors *vectors = NULL;
    ropemap_error error = {0};
    assert_int_equal(ropemap_vectors_open(&tensor, &vectors, &error), ROPEMAP_OK);
    assert_int_equal(ropemap_vectors_count(vectors), 2);
    ropemap_vectors_free(vectors);
}

/* The most entries that a header can hold: the table must have room for all before it finds the names equal.
 */
static void the_densest_header_fits(void **state) {
    static const char entry[] = "\"\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]},";
    enum { COUNT = 3000, ENTRY = sizeof entry - 1 };
    static char header[1 + COUNT * ENTRY];
    header[0] = '{';
    for (size_t i = 0; i < COUNT; i++) {
        memcpy(header + 1 + i * ENTRY, entry, ENTRY);
    }
    header[COUNT * ENTRY] = '}';
    assert_refused(compose_bytes(header, sizeof header, NULL, 1), "has tensor '' twice");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_16_bit_float_is_exact),
        cmocka_unit_test(tensors_are_found_by_name),
        cmocka_unit_test(the_only_tensor_needs_no_name),
        cmocka_unit_test(near_names_are_suggested),
        cmocka_unit_test(broken_headers_are_refused),
        cmocka_unit_test(lengths_that_lie_are_refused),
        cmocka_unit_test(headers_over_the_limit_are_refused),
        cmocka_unit_test(a_million_tensors),
        cmocka_unit_test(the_densest_header_fits),
    };
    place = scratch_open();
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&place);
    return failures;
}
