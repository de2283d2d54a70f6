/* test_gguf_file.c - the GGUF container: every way to be broken or cut, and what opening it costs */
/* SPDX-License-Identifier: MIT */
#include "tests/gguf_file.h"

#include <math.h>
#include <sys/resource.h>

static gguf_file file;
static scratch place;

static const char *const goldens[] = {"deepseek2", "gemma3", "llama", "phi3", "qwen2", "qwen2vl"};
enum { GOLDENS = sizeof goldens / sizeof goldens[0], HEADER = 24 };

static void load_golden(const char *name) {
    char path[500];
    (void)snprintf(path, sizeof path, "%s/gguf/%s.gguf", RM_TEST_DATA, name);
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    file.size = fread(file.bytes, 1, sizeof file.bytes, stream);
    assert_int_equal(fclose(stream), 0);
}

static void refused(const char *words) {
    gguf_refused(&place, &file, NULL, ROPEMAP_DATA, words);
}

/* What llama.cpp needs of a model, with heads of 128. */
static void start(void) {
    gguf_start(&file, "llama");
    gguf_u32(&file, "llama.attention.key_length", 128);
}

/* ---- the header */

static void set(size_t at, uint64_t number, int bytes) {
    const size_t size = file.size;
    file.size = at;
    gguf_put(&file, number, bytes);
    file.size = size;
}

static void a_header_says_what_it_is(void **state) {
    load_golden("llama");
    memcpy(file.bytes, "GGJT", 4);
    refused("begins with the bytes 47 47 4a 54, not with GGUF");
    static const struct {
        uint32_t version;
        const char *words;
    } versions[] = {{0, "version 0"},
                    {1, "version 1"},
                    {4, "version 4"},
                    {0x03000000, "big-endian GGUF file, which is not read"},
                    {0x02000000, "big-endian GGUF file, which is not read"},
                    {0xffffffff, "version 4294967295"}};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        load_golden("llama");
        set(4, versions[i].version, 4);
        refused(versions[i].words);
    }
}

static void version_2_reads_as_version_3(void **state) {
    ropemap_model *model = NULL;
    ropemap_error error = {0};
    load_golden("llama");
    set(4, 2, 4);
    assert_int_equal(gguf_open(&place, &file, NULL, &model, &error), ROPEMAP_OK);
    assert_true(ropemap_model_spec(model)->base == 5e5);
    ropemap_model_free(model);
}

static void counts_must_fit_in_the_file(void **state) {
    static const uint64_t counts[] = {UINT64_MAX, (uint64_t)1 << 60, (uint64_t)1 << 32, 65537};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        load_golden("llama");
        set(8, counts[i], 8);
        refused("tensors do not fit in a file of");
        load_golden("llama");
        set(16, counts[i], 8);
        refused("keys do not fit in a file of");
    }
}

/* ---- keys and values */

static void keys_are_named_and_named_once(void **state) {
    start();
    gguf_u32(&file, "llama.attention.key_length", 64);
    gguf_finish(&file);
    refused("the key 'llama.attention.key_length' occurs twice");
    start();
    gguf_u32(&file, "", 1);
    gguf_finish(&file);
    refused("key 3 of 3 has a name of 0 bytes");
    start();
    file.keys++;
    gguf_put(&file, 70000, 8);
    memset(file.bytes + file.size, 'k', 50000);
    file.size += 50000;
    gguf_finish(&file);
    refused("key 3 of 3 has a name of 70000 bytes");
}

static void types_are_those_of_the_format(void **state) {
    start();
    gguf_key(&file, "some.key", 13);
    gguf_put(&file, 0, 8);
    gguf_finish(&file);
    refused("the value of 'some.key' is of type 13; types are 0 to 12");
    start();
    gguf_key(&file, "some.key", GGUF_ARRAY);
    gguf_put(&file, 77, 4);
    gguf_put(&file, 0, 8);
    gguf_finish(&file);
    refused("the value of 'some.key' is of type 77");
    start();
    gguf_key(&file, "some.key", GGUF_ARRAY);
    gguf_put(&file, GGUF_ARRAY, 4);
    gguf_put(&file, 1, 8);
    gguf_finish(&file);
    refused("the value of 'some.key' is an array of arrays");
    start();
    gguf_u32(&file, "bad\nname\x1b[0m", 1);
    gguf_u32(&file, "bad\nname\x1b[0m", 1);
    gguf_finish(&file);
    refused("'bad?name?[0m'");
}

/* An array whose bytes, counted in 64 bits, would wrap to few. */
static void lengths_must_fit_in_the_file(void **state) {
    static const uint64_t lengths[] = {(uint64_t)1 << 30, (uint64_t)1 << 61, UINT64_MAX, UINT64_MAX - 200};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        start();
        gguf_key(&file, "some.text", GGUF_TEXT);
        gguf_put(&file, lengths[i], 8);
        gguf_finish(&file);
        refused("the value of 'some.text' takes");
        start();
        gguf_key(&file, "some.list", GGUF_ARRAY);
        gguf_put(&file, 10, 4);
        gguf_put(&file, lengths[i], 8);
        gguf_finish(&file);
        refused("the value of 'some.list' is an array of");
        start();
        gguf_key(&file, "some.list", GGUF_ARRAY);
        gguf_put(&file, GGUF_TEXT, 4);
        gguf_put(&file, 2, 8);
        gguf_put_string(&file, "one");
        gguf_put(&file, lengths[i], 8);
        gguf_finish(&file);
        refused("the value of 'some.list' takes");
        start();
        gguf_put(&file, lengths[i], 8); /* a tensor's name */
        file.tensors = 1;
        memset(file.bytes + file.size, 0, 40);
        file.size += 40;
        gguf_finish(&file);
        refused("tensor 1 of 1 takes");
    }
}

static void alignment_is_a_power_of_two(void **state) {
    static const uint32_t bad[] = {0, 3, 13, 48, 1u << 21, 1u << 31, UINT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        start();
        gguf_u32(&file, "general.alignment", bad[i]);
        gguf_finish(&file);
        refused("expected a power of two up to 1048576");
    }
    start();
    gguf_text(&file, "general.alignment", "32");
    gguf_finish(&file);
    refused("general.alignment is a string, expected a number");
}

/* ---- tensors */

static void start_tensor(uint64_t count, uint64_t offset) {
    start();
    gguf_tensor(&file, "rope_freqs.weight", count, offset);
}

static void finish_tensor(void) {
    gguf_align(&file);
    for (int i = 0; i < 64; i++) {
        gguf_put_float(&file, 2.0);
    }
    gguf_finish(&file);
}

static void a_list_is_f32_and_within_the_file(void **state) {
    static const struct {
        uint64_t count, offset;
        const char *words;
    } bad[] = {{63, 0, "has 63 numbers, expected 64"},
               {65, 0, "has 65 numbers, expected 64"},
               {UINT64_MAX, 0, "expected 64"},
               {64, 8, "offset 8, expected a multiple of 32"},
               {64, 32, "does not fit in the file"},
               {64, UINT64_MAX - 31, "does not fit in the file"},
               {64, (uint64_t)1 << 63, "does not fit in the file"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        start_tensor(bad[i].count, bad[i].offset);
        finish_tensor();
        refused(bad[i].words);
    }
    start_tensor(64, 0);
    file.bytes[file.size - 12] = 1; /* F16 */
    finish_tensor();
    refused("is of type 1 with 1 axes, expected F32");
    start_tensor(64, 0);
    file.bytes[file.size - 24] = 200; /* axes */
    finish_tensor();
    refused("tensor 1 of 1 has 200 axes");
    start_tensor(64, 0);
    gguf_tensor(&file, "rope_freqs.weight", 64, 0);
    finish_tensor();
    refused("the tensor 'rope_freqs.weight' occurs twice");
}

static void divisors_are_above_zero(void **state) {
    static const double bad[] = {0.0, -1.0, (double)INFINITY, (double)NAN};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        start_tensor(64, 0);
        finish_tensor();
        file.size -= 4;
        gguf_put_float(&file, bad[i]);
        refused("for pair 63, expected a number above 0");
    }
}

/* ---- cut, long and large files */

/* The writer pads the end of a file with zeros to a multiple of 32: without them it is complete still. */
static void every_cut_is_refused(void **state) {
    for (int i = 0; i < GOLDENS; i++) {
        load_golden(goldens[i]);
        const bool has_list = file.bytes[8] != 0;
        scratch_write(&place, "model.gguf", file.bytes, file.size);
        for (size_t size = file.size; size-- > 0;) {
            ropemap_model *model = NULL;
            ropemap_error error = {0};
            assert_int_equal(truncate(place.path, (off_t)size), 0);
            const ropemap_status status = ropemap_model_open(place.path, NULL, &model, &error);
            const bool padding = !has_list && size + 32 > file.size && status == ROPEMAP_OK;
            if (!padding && (status != ROPEMAP_DATA || model != NULL || error.text[0] == '\0')) {
                fail_msg("%s cut to %zu bytes: status %d, \"%s\"", goldens[i], size, (int)status, error.text);
            }
            ropemap_model_free(model);
        }
    }
}

/* Every byte in turn with all its bits flipped: read or refused with a reason, and no more memory than that.
 */
static void every_flipped_byte_is_survived(void **state) {
    for (int i = 0; i < GOLDENS; i++) {
        load_golden(goldens[i]);
        for (size_t at = 0; at < file.size; at++) {
            ropemap_model *model = NULL;
            ropemap_error error = {0};
            file.bytes[at] ^= 0xff;
            const ropemap_status status = gguf_open(&place, &file, NULL, &model, &error);
            file.bytes[at] ^= 0xff;
            assert_true(status == ROPEMAP_OK ||
                        (status == ROPEMAP_DATA && model == NULL && error.text[0] != '\0'));
            ropemap_model_free(model);
        }
    }
}

/* Bytes that this process has read from files; 0 where the system does not count them. */
static uint64_t bytes_read(void) {
    unsigned long long count = 0;
    FILE *stream = fopen("/proc/self/io", "r");
    if (stream != NULL) {
        (void)fscanf(stream, "rchar: %llu", &count);
        (void)fclose(stream);
    }
    return count;
}

static long peak_kilobytes(void) {
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* 5 GB of weights behind 32 MB of metadata, as holes. */
static void weights_cost_nothing(void **state) {
    const uint64_t hole = (uint64_t)32 << 20;
    ropemap_model *model = NULL;
    ropemap_error error = {0};
    start();
    gguf_key(&file, "tokenizer.ggml.scores", GGUF_ARRAY);
    gguf_put(&file, 10, 4);
    gguf_put(&file, hole / 8, 8);
    gguf_finish(&file);
    set(8, 1, 8);
    scratch_write(&place, "model.gguf", file.bytes, file.size);
    file.size = 0;
    gguf_tensor(&file, "blk.0.attn_q.weight", 1, 0);
    FILE *stream = fopen(place.path, "r+b");
    assert_non_null(stream);
    assert_int_equal(fseek(stream, (long)hole, SEEK_END), 0);
    assert_int_equal(fwrite(file.bytes, 1, file.size, stream), file.size);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(truncate(place.path, (off_t)5 << 30), 0);
    const long before = peak_kilobytes();
    const uint64_t read = bytes_read();
    assert_int_equal(ropemap_model_open(place.path, NULL, &model, &error), ROPEMAP_OK);
    assert_true(bytes_read() - read < 1 << 20);
    assert_true(peak_kilobytes() - before < 64 * 1024);
    ropemap_model_free(model);
}

static void metadata_has_an_end(void **state) {
    start();
    for (int i = 0; i < 3; i++) {
        char key[20];
        (void)snprintf(key, sizeof key, "list.%d", i);
        gguf_key(&file, key, GGUF_ARRAY);
        gguf_put(&file, 0, 4); /* bytes */
        gguf_put(&file, 0, 8);
    }
    set(file.size - 8, 16777216, 8);
    gguf_finish(&file);
    set(16, 6, 8);
    scratch_write(&place, "model.gguf", file.bytes, file.size);
    assert_int_equal(truncate(place.path, (off_t)1 << 30), 0);
    ropemap_model *model = NULL;
    ropemap_error error = {0};
    assert_int_equal(ropemap_model_open(place.path, NULL, &model, &error), ROPEMAP_DATA);
    assert_says(error.text, "has a name of 0 bytes"); /* the hole begins with an empty key */
    start();
    gguf_key(&file, "list", GGUF_ARRAY);
    gguf_put(&file, 10, 4);
    gguf_put(&file, 16777216, 8);
    gguf_finish(&file);
    scratch_write(&place, "model.gguf", file.bytes, file.size);
    assert_int_equal(truncate(place.path, (off_t)1 << 30), 0);
    assert_int_equal(ropemap_model_open(place.path, NULL, &model, &error), ROPEMAP_DATA);
    assert_says(error.text, "metadata may have");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_says_what_it_is),
        cmocka_unit_test(version_2_reads_as_version_3),
        cmocka_unit_test(counts_must_fit_in_the_file),
        cmocka_unit_test(keys_are_named_and_named_once),
        cmocka_unit_test(types_are_those_of_the_format),
        cmocka_unit_test(lengths_must_fit_in_the_file),
        cmocka_unit_test(alignment_is_a_power_of_two),
        cmocka_unit_test(a_list_is_f32_and_within_the_file),
        cmocka_unit_test(divisors_are_above_zero),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(every_flipped_byte_is_survived),
        cmocka_unit_test(weights_cost_nothing),
        cmocka_unit_test(metadata_has_an_end),
    };
    place = scratch_open();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_close(&place);
    return failed;
}
