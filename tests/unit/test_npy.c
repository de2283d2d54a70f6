/* test_npy.c - .npy files byte by byte: every element type, every way to be broken, and those of maps */
/* SPDX-License-Identifier: MIT */
#include "host/data/vectors.h"
#include "host/ropemap.h"
#include "tests/scratch.h"
#include "tests/unit.h"

#include <math.h>

enum { FILE_MAX = 1 << 20 };

static uint8_t file_bytes[FILE_MAX];
static scratch place;

/* The file of a header and `size` bytes of data; returns its length. */
static size_t compose(unsigned major, const char *header, const void *data, size_t size) {
    const size_t length = strlen(header);
    uint8_t *next = file_bytes;
    memcpy(next, "\x93NUMPY", 6);
    next[6] = (uint8_t)major;
    next[7] = 0;
    next += 8;
    for (unsigned byte = 0; byte < (major == 1 ? 2u : 4u); byte++) {
        *next++ = (uint8_t)(length >> (8 * byte));
    }
    memcpy(next, header, length);
    next += length;
    if (size > 0) {
        memcpy(next, data, size);
    }
    return (size_t)(next - file_bytes) + size;
}

static ropemap_status open_bytes(size_t size, ropemap_vectors **vectors, ropemap_error *error) {
    scratch_write(&place, "q.npy", file_bytes, size);
    const ropemap_tensor tensor = {.path = place.path};
    return ropemap_vectors_open(&tensor, vectors, error);
}

/* Asserts that the file is refused as bad data, and that the message has its name and `words`. */
static void assert_refused(size_t size, const char *words) {
    ropemap_vectors *vectors = NULL;
    ropemap_error error = {0};
    assert_int_equal(open_bytes(size, &vectors, &error), ROPEMAP_DATA);
    assert_int_equal(error.status, ROPEMAP_DATA);
    assert_null(vectors);
    assert_says(error.text, words);
    assert_says(error.text, "q.npy");
}

/* Opens a whole file of [rows, columns], reads all rows and gives them. */
static void read_all(size_t size, int64_t rows, int32_t columns, float *values) {
    ropemap_vectors *vectors = NULL;
    ropemap_error error = {0};
    if (open_bytes(size, &vectors, &error) != ROPEMAP_OK) {
        fail_msg("refused: %s", error.text);
    }
    assert_int_equal(ropemap_vectors_count(vectors), rows);
    assert_int_equal(ropemap_vectors_head_dim(vectors), columns);
    assert_int_equal(vectors->read(vectors, 0, rows, 1, values, &error), ROPEMAP_OK);
    ropemap_vectors_free(vectors);
}

static bool same_number(float got, double wanted) {
    return isnan(wanted) ? isnan(got) : (double)got == wanted && !signbit(got) == !signbit(wanted);
}

/* Writes the low `bytes` bytes of `bits`, least significant first or last. */
static void put_bits(uint8_t *to, uint64_t bits, unsigned bytes, bool big_endian) {
    for (unsigned i = 0; i < bytes; i++) {
        to[big_endian ? bytes - 1 - i : i] = (uint8_t)(bits >> (8 * i));
    }
}

/* The value of a binary16 by its definition (IEEE 754-2008, 3.4). */
static double half_value(unsigned bits) {
    const unsigned exponent = bits >> 10 & 31u, fraction = bits & 1023u;
    const double sign = (bits & 0x8000u) != 0 ? -1.0 : 1.0;
    if (exponent == 31) {
        return fraction == 0 ? sign * (double)INFINITY : (double)NAN;
    }
    return exponent == 0 ? sign * ldexp((double)fraction, -24)
                         : sign * ldexp(1024.0 + (double)fraction, (int)exponent - 25);
}

static void every_half_is_exact(void **state) {
    enum { ROWS = 512, COLUMNS = 128 };
    static uint8_t data[ROWS * COLUMNS * 2];
    static float values[ROWS * COLUMNS];
    for (int big = 0; big < 2; big++) {
        for (unsigned i = 0; i < ROWS * COLUMNS; i++) {
            put_bits(data + i * 2, i, 2, big != 0);
        }
        const char *header = big != 0 ? "{'descr': '>f2', 'fortran_order': False, 'shape': (512, 128), }\n"
                                      : "{'descr': '<f2', 'fortran_order': False, 'shape': (512, 128), }\n";
        read_all(compose(1, header, data, sizeof data), ROWS, COLUMNS, values);
        for (unsigned i = 0; i < ROWS * COLUMNS; i++) {
            if (!same_number(values[i], half_value(i))) {
                fail_msg("half 0x%04x became %g", i, (double)values[i]);
            }
        }
    }
}

static void singles_keep_their_bits(void **state) {
    static const uint32_t bits[] = {0x00000000, 0x80000000, 0x00000001, 0x807fffff, 0x3f800000,
                                    0xc2f6e979, 0x7f7fffff, 0x7f800000, 0xff800000, 0x7fc00001};
    enum { COUNT = sizeof bits / sizeof *bits };
    for (int big = 0; big < 2; big++) {
        uint8_t data[COUNT * 4];
        for (unsigned i = 0; i < COUNT; i++) {
            put_bits(data + i * 4, bits[i], 4, big != 0);
        }
        const char *header = big != 0 ? "{'descr': '>f4', 'fortran_order': False, 'shape': (5, 2)}"
                                      : "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 2)}";
        float values[COUNT];
        read_all(compose(1, header, data, sizeof data), 5, 2, values);
        assert_memory_equal(values, bits, sizeof bits);
    }
}

/* Doubles with the float nearest to them: halfway cases go to the even neighbour, too large ones to infinity.
 */
static void doubles_are_rounded(void **state) {
    const struct {
        uint64_t bits;
        double nearest;
    } cases[] = {
        {0x3ff0000000000000, 1.0},
        {0x3ff0000010000000, 1.0},                   /* 1 + 2^-24 */
        {0x3ff0000010000001, 1.0 + ldexp(1.0, -23)}, /* a little more */
        {0x3ff0000030000000, 1.0 + ldexp(1.0, -22)}, /* 1 + 3 * 2^-24 */
        {0xc000000000000000, -2.0},
        {0x36a0000000000000, ldexp(1.0, -149)},       /* the least float */
        {0x3690000000000000, 0.0},                    /* 2^-150 */
        {0x47efffffe0000000, ldexp(16777215.0, 104)}, /* the greatest float */
        {0x47effffff0000000, (double)INFINITY},       /* halfway to 2^128 */
        {0xffefffffffffffff, -(double)INFINITY},
        {0x7ff0000000000000, (double)INFINITY},
        {0x7ff8000000000000, (double)NAN},
        {0x8000000000000000, -0.0},
        {0x0000000000000001, 0.0},
    };
    enum { COUNT = sizeof cases / sizeof *cases };
    for (int big = 0; big < 2; big++) {
        uint8_t data[COUNT * 8];
        for (unsigned i = 0; i < COUNT; i++) {
            put_bits(data + i * 8, cases[i].bits, 8, big != 0);
        }
        const char *header = big != 0 ? "{'descr': '>f8', 'fortran_order': False, 'shape': (7, 2)}"
                                      : "{'descr': '<f8', 'fortran_order': False, 'shape': (7, 2)}";
        float values[COUNT];
        read_all(compose(1, header, data, sizeof data), 7, 2, values);
        for (unsigned i = 0; i < COUNT; i++) {
            if (!same_number(values[i], cases[i].nearest)) {
                fail_msg("double %u became %.9g, not %.9g", i, (double)values[i], cases[i].nearest);
            }
        }
    }
}

static void headers_may_be_written_in_many_ways(void **state) {
    static const char *const headers[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }            \n",
        "{'shape':(3,2),'fortran_order':False,'descr':'<f4'}",
        "{\"fortran_order\": False, \"shape\": (3, 2,), \"descr\": \"<f4\"}",
        " {\n 'descr'\t:\r\n'<f4' ,'fortran_order' : False,\f'shape' : ( 3 , 2 , ) , } \n ",
    };
    const uint32_t bits[6] = {0x3f800000, 0x40000000, 0x40400000, 0x40800000, 0x40a00000, 0x40c00000};
    uint8_t data[24];
    for (unsigned i = 0; i < 6; i++) {
        put_bits(data + i * 4, bits[i], 4, false);
    }
    for (unsigned major = 1; major <= 3; major++) {
        for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
            float values[6];
            read_all(compose(major, headers[i], data, sizeof data), 3, 2, values);
            for (int k = 0; k < 6; k++) {
                assert_true(same_number(values[k], 1.0 + k));
            }
        }
    }
}

/* Every spelling of a little- and of a big-endian 1, 2 that numpy.dtype understands: codes, letters, words.
 */
static void elements_are_spelled_in_many_ways(void **state) {
    static const struct {
        unsigned bytes;
        uint32_t one, two; /* the upper four bytes */
        const char *names[10];
    } types[] = {
        {2, 0x3c00, 0x4000, {"<f2", "f2", "=f2", "|f2", "e", "<e", "float16", "half", ">f2", ">e"}},
        {4, 0x3f800000, 0x40000000, {"<f4", "f4", "=f4", "|f4", "f", "<f", "float32", "single", ">f4", ">f"}},
        {8, 0x3ff00000, 0x40000000, {"<f8", "f8", "=f8", "|f8", "d", "<d", "float64", "double", ">f8", ">d"}},
        {2, 0x3f80, 0x4000, {"<V2", "V2", "=V2", "|V2", "bfloat16", ">V2"}},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        for (int j = 0; j < 10 && types[i].names[j] != NULL; j++) {
            char header[120];
            uint8_t data[16];
            float values[2];
            const unsigned bytes = types[i].bytes, shift = bytes == 8 ? 32 : 0;
            const bool big = types[i].names[j][0] == '>';
            put_bits(data, (uint64_t)types[i].one << shift, bytes, big);
            put_bits(data + bytes, (uint64_t)types[i].two << shift, bytes, big);
            (void)snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (1, 2)}",
                           types[i].names[j]);
            read_all(compose(1, header, data, (size_t)2 * bytes), 1, 2, values);
            if (values[0] != 1.0f || values[1] != 2.0f) {
                fail_msg("%s: %g, %g", types[i].names[j], (double)values[0], (double)values[1]);
            }
        }
    }
}

/* The upper halves of floats; what is not named bfloat16 comes with a note. */
static void every_bfloat_is_exact(void **state) {
    enum { ROWS = 512, COLUMNS = 128 };
    static uint8_t data[ROWS * COLUMNS * 2];
    static float values[ROWS * COLUMNS];
    for (unsigned i = 0; i < ROWS * COLUMNS; i++) {
        put_bits(data + i * 2, i, 2, false);
    }
    read_all(compose(1, "{'descr': '<V2', 'fortran_order': False, 'shape': (512, 128)}", data, sizeof data),
             ROWS, COLUMNS, values);
    for (unsigned i = 0; i < ROWS * COLUMNS; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        assert_int_equal(bits, i << 16);
    }
    for (int named = 0; named < 2; named++) {
        ropemap_vectors *vectors = NULL;
        char header[120];
        (void)snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (2, 2)}",
                       named != 0 ? "bfloat16" : "<V2");
        assert_int_equal(open_bytes(compose(1, header, data, 8), &vectors, NULL), ROPEMAP_OK);
        const char *note = ropemap_vectors_note(vectors);
        assert_true(named != 0 ? note == NULL : note != NULL && strstr(note, "bfloat16") != NULL);
        ropemap_vectors_free(vectors);
    }
}

static void leading_ones_are_left_out(void **state) {
    static const char *const shapes[] = {"(1, 3, 2)", "(1, 1, 3, 2)", "(1, 1, 1, 3, 2)", "(1, 1, 1, 1, 3, 2)",
                                         "(1, 1, 1, 1, 1, 1, 3, 2)"};
    uint8_t data[24];
    const uint32_t bits[6] = {0x3f800000, 0x40000000, 0x40400000, 0x40800000, 0x40a00000, 0x40c00000};
    for (int fortran = 0; fortran < 2; fortran++) {
        for (unsigned i = 0; i < 6; i++) {
            put_bits(data + (fortran != 0 ? i % 2 * 3 + i / 2 : i) * 4, bits[i], 4, false);
        }
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            char header[120];
            float values[6];
            (void)snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': %s, 'shape': %s}",
                           fortran != 0 ? "True" : "False", shapes[i]);
            read_all(compose(1, header, data, sizeof data), 3, 2, values);
            for (int k = 0; k < 6; k++) {
                assert_true(same_number(values[k], 1.0 + k));
            }
        }
    }
}

/* Files that people have, by their name or by how they begin, with what to do. */
static void other_formats_are_named(void **state) {
    static const struct {
        const char *name, *bytes, *words;
    } files[] = {
        {"q.zip", "PK\3\4........", "numpy.load(FILE)['NAME']"},
        {"q.npy", "PK\3\4........", "an archive"},
        {"q", "PK\3\4........", "an archive"},
        {"q.pt", "PK\3\4........", "safetensors.torch.save_file"},
        {"q.pth", "\x80\2........", "torch.load(FILE, weights_only=True)"},
        {"pytorch_model.bin", "PK\3\4........", "a torch.save pickle"},
        {"x", "\x80\2........", "a torch.save pickle"},
        {"model.safetensors.index.json", "{\"weight_map\": {}}", "weight_map names"},
        {"m.gguf", "GGUF........", "--model"},
        {"m", "GGUF........", "a GGUF file"},
        {"other", "something else", "not a .npy, .npz or .safetensors"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        scratch_write(&place, files[i].name, files[i].bytes, strlen(files[i].bytes));
        const ropemap_tensor tensor = {.path = place.path};
        ropemap_vectors *vectors = NULL;
        ropemap_error error = {0};
        assert_int_equal(ropemap_vectors_open(&tensor, &vectors, &error), ROPEMAP_DATA);
        assert_says(error.text, files[i].words);
        assert_says(error.text, files[i].name);
    }
}

/* NumPy appends arrays to one file and reads the first: what follows the data is not ours. */
static void bytes_after_the_data_are_left_alone(void **state) {
    const uint8_t data[20] = {0};
    float values[4];
    read_all(compose(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)}", data, 20), 2, 2, values);
}

static const struct {
    const char *header, *words;
} BROKEN[] = {
    {"", "expected {"},
    {"[]", "expected {"},
    {"{}", "lacks the key 'descr'"},
    {"{'descr': '<f4', 'shape': (3, 2)}", "lacks the key 'fortran_order'"},
    {"{'descr': '<f4', 'fortran_order': False}", "lacks the key 'shape'"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), 'x': 1}", "an unknown key 'x'"},
    {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)}", "a second key 'descr'"},
    {"{'descr': '|O', 'fortran_order': False, 'shape': (3, 2)}", "Python objects"},
    {"{'descr': '<i4', 'fortran_order': False, 'shape': (3, 2)}", "element type '<i4'"},
    {"{'descr': '<float32', 'fortran_order': False, 'shape': (3, 2)}", "element type '<float32'"},
    {"{'descr': 'F4', 'fortran_order': False, 'shape': (3, 2)}", "element type 'F4'"},
    {"{'descr': '<f16', 'fortran_order': False, 'shape': (3, 2)}", "element type '<f16'"},
    {"{'descr': '<', 'fortran_order': False, 'shape': (3, 2)}", "element type '<'"},
    {"{'descr': '~f4', 'fortran_order': False, 'shape': (3, 2)}", "element type '~f4'"},
    {"{'descr': '<c8', 'fortran_order': False, 'shape': (3, 2)}", "astype('float32')"},
    {"{'descr': '|V1', 'fortran_order': False, 'shape': (3, 2)}", "element type '|V1'"},
    {"{'descr': '', 'fortran_order': False, 'shape': (3, 2)}", "element type ''"},
    {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3, 2)}", "structured"},
    {"{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': (3, 2)}", "structured"},
    {"{'descr': 4, 'fortran_order': False, 'shape': (3, 2)}", "quoted string"},
    {"{'descr': '<f4', 'fortran_order': 0, 'shape': (3, 2)}", "True or False"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 2)}", "negative"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 18446744073709551616)}", "2^64"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "passes 2^64"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 2)}", "passes 2^64"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1152921504606846976, 2)}", "truncated"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 0)}", "passes 2^64"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2)}", "has length 0"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 0)}", "has length 0"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': ()}", "has 0 axes"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,)}", "has 1 axes"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1, 1, 3, 1)}", "has 5 axes"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 3, 2)}", "more than 8 axes"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", "is odd"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (6)}", "not a tuple"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': 6}", "tuple"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': [3, 2]}", "tuple"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (03, 2)}", "with a leading 0"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 2)}", "comma or )"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1+1)}", "comma or )"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,, 2)}", "decimal digits"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", "decimal digits"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (__import__('os'), 2)}", "decimal digits"},
    {"__import__('os').system('true')", "expected {"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)}[0]", "text after the closing"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)", "comma or }"},
    {"{'descr': '<f4' 'fortran_order': False, 'shape': (3, 2)}", "comma or }"},
    {"{'descr' '<f4', 'fortran_order': False, 'shape': (3, 2)}", "colon"},
    {"{'descr': '<f4", "unterminated"},
    {"{'descr': '<f\\x34', 'fortran_order': False, 'shape': (3, 2)}", "printable ASCII"},
    {"{'descr': '<f4\xff', 'fortran_order': False, 'shape': (3, 2)}", "printable ASCII"},
    {"{'descr': '<f4<f4<f4<f4<f4<f4<f4<f4', 'fortran_order': False, 'shape': (3, 2)}", "longer"},
    {"{,}", "quoted string"},
};

static void broken_headers_are_refused(void **state) {
    const uint8_t data[24] = {0};
    for (size_t i = 0; i < sizeof BROKEN / sizeof *BROKEN; i++) {
        assert_refused(compose(1, BROKEN[i].header, data, sizeof data), BROKEN[i].words);
    }
}

static void broken_files_are_refused(void **state) {
    static const char header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)}";
    const uint8_t data[24] = {0};
    assert_refused(0, "(0 bytes)");
    assert_refused(compose(1, header, data, 23), "needs 24 bytes, 23");
    size_t size = compose(1, header, data, 24);
    for (size_t cut = 0; cut < size; cut++) { /* every truncation point */
        assert_refused(cut, "");
    }
    file_bytes[0] = 'N';
    assert_refused(size, "must begin with");
    size = compose(4, header, data, 24);
    assert_refused(size, "version 4.0");
    size = compose(1, header, data, 24);
    file_bytes[7] = 1;
    assert_refused(size, "version 1.1");
    size = compose(2, header, data, 24);
    memset(file_bytes + 8, 0xff, 4);
    assert_refused(size, "a header of 4294967295 bytes does not fit");
    static char spaces[70000];
    memset(spaces, ' ', sizeof spaces - 1);
    size = compose(2, spaces, data, 24);
    assert_refused(size, "a header of 69999 bytes; at most 65535");
}

static void a_name_is_refused(void **state) {
    const uint8_t data[24] = {0};
    const size_t size = compose(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)}", data, 24);
    scratch_write(&place, "q.npy", file_bytes, size);
    const ropemap_tensor tensor = {.path = place.path, .name = "q"};
    ropemap_vectors *vectors = NULL;
    ropemap_error error = {0};
    assert_int_equal(ropemap_vectors_open(&tensor, &vectors, &error), ROPEMAP_USAGE);
    assert_says(error.text, "has one tensor, without a name");
}

/* The header as the format's description asks for it; returns where the data start. */
static size_t check_header(const ropemap_bytes *bytes, int64_t height, int64_t width) {
    static const uint8_t magic[8] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    assert_true(bytes->size > 10);
    assert_memory_equal(bytes->data, magic, 8);
    const size_t start = 10 + (size_t)bytes->data[8] + 256 * (size_t)bytes->data[9];
    assert_int_equal(start % 64, 0);
    assert_true(bytes->size >= start);
    assert_int_equal(bytes->data[start - 1], '\n');
    char expected[200];
    const int used = snprintf(expected, sizeof expected,
                              "{'descr': '<f4', 'fortran_order': False, 'shape': (%lld, %lld), }",
                              (long long)height, (long long)width);
    assert_memory_equal(bytes->data + 10, expected, (size_t)used);
    for (size_t at = 10 + (size_t)used; at < start - 1; at++) {
        assert_int_equal(bytes->data[at], ' ');
    }
    return start;
}

static void maps_are_read_back(void **state) {
    static const int64_t sizes[][2] = {{1, 1}, {1, 7}, {7, 1}, {13, 17}, {65535, 3}};
    for (size_t pick = 0; pick < sizeof sizes / sizeof *sizes; pick++) {
        ropemap_map map = {.height = sizes[pick][0], .width = sizes[pick][1]};
        const int64_t count = map.height * map.width;
        map.cells = malloc((size_t)count * sizeof *map.cells);
        for (int64_t cell = 0; cell < count; cell++) {
            map.cells[cell] = (float)cell * -1.25e-3F;
        }
        map.cells[count - 1] = NAN;
        map.cells[count / 2] = -INFINITY;
        ropemap_bytes bytes = {.data = NULL};
        assert_int_equal(ropemap_map_npy(&map, &bytes, NULL), ROPEMAP_OK);
        const size_t start = check_header(&bytes, map.height, map.width);
        assert_int_equal(bytes.size, start + 4 * (size_t)count);
        for (int64_t cell = 0; cell < count; cell++) {
            const uint8_t *at = bytes.data + start + 4 * cell;
            const uint32_t found =
                at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
            uint32_t expected;
            memcpy(&expected, &map.cells[cell], sizeof expected);
            assert_int_equal(found, expected);
        }
        ropemap_bytes_free(&bytes);
        free(map.cells);
    }
}

static void maps_without_cells_are_refused(void **state) {
    float cell = 1.0F;
    const ropemap_map maps[] = {{.cells = NULL},
                                {.height = 1, .width = 1, .cells = NULL},
                                {.height = 0, .width = 1, .cells = &cell},
                                {.height = 1, .width = -1, .cells = &cell},
                                {.height = 65536, .width = 1, .cells = &cell}};
    for (size_t pick = 0; pick < sizeof maps / sizeof *maps; pick++) {
        ropemap_bytes bytes = {.data = NULL};
        ropemap_error error = {.text = ""};
        assert_int_equal(ropemap_map_npy(&maps[pick], &bytes, &error), ROPEMAP_USAGE);
        assert_says(error.text, "map");
        assert_null(bytes.data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_is_exact),
        cmocka_unit_test(singles_keep_their_bits),
        cmocka_unit_test(doubles_are_rounded),
        cmocka_unit_test(headers_may_be_written_in_many_ways),
        cmocka_unit_test(elements_are_spelled_in_many_ways),
        cmocka_unit_test(every_bfloat_is_exact),
        cmocka_unit_test(leading_ones_are_left_out),
        cmocka_unit_test(other_formats_are_named),
        cmocka_unit_test(bytes_after_the_data_are_left_alone),
        cmocka_unit_test(broken_headers_are_refused),
        cmocka_unit_test(broken_files_are_refused),
        cmocka_unit_test(a_name_is_refused),
        cmocka_unit_test(maps_are_read_back),
        cmocka_unit_test(maps_without_cells_are_refused),
    };
    place = scratch_open();
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&place);
    return failures;
}