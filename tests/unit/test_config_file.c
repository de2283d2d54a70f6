/* test_config_file.c - config.json: what is text that Python may have written, and what is not */
/* SPDX-License-Identifier: MIT */
#include "host/base/input.h"
#include "tests/config_case.h"

static ropemap_status parse_bytes(const char *text, size_t bytes, ropemap_error *error) {
    ropemap_model *model = NULL;
    const ropemap_status status = ropemap_model_parse(text, bytes, "config.json", NULL, &model, error);
    ropemap_model_free(model);
    return status;
}

#define GOOD "\"model_type\": \"llama\", \"head_dim\": 8}"

static void numbers_of_python_are_passed_over(void **state) {
    static const char *const texts[] = {
        "\xef\xbb\xbf{" GOOD,
        "{\"a\": Infinity, \"b\": [-Infinity, NaN, 1e400, -1.5E+999, 0.001e400], " GOOD,
        "{\"a\": {\"__float__\": \"NaN\"}, " GOOD,
        "{\"Infinity\": \"NaN\", \"a\\\"Infinity\": \"\\\\\", " GOOD,
        "{\"a\": 123456789012345678901234567890, \"b\": 0e999999999999, " GOOD,
        "{\"a\": \"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\", " GOOD,
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        ropemap_error error = {0};
        if (parse_bytes(texts[i], strlen(texts[i]), &error) != ROPEMAP_OK) {
            fail_msg("%s: %s", texts[i], error.text);
        }
    }
}

typedef struct text_case {
    const char *text;
    size_t bytes;
    const char *words;
} text_case;

#define TEXT(literal, words)                                                                                 \
    { literal, sizeof(literal) - 1, words }

static const text_case text_cases[] = {
    TEXT("", "empty"),
    TEXT("{", "line 1: "),
    TEXT("\xef\xbb\xbf", "line"),
    TEXT("[]", "a JSON object is needed"),
    TEXT("\xff\xfe{\0}\0", "UTF-16"),
    TEXT("\xfe\xff\0{\0}", "UTF-16"),
    TEXT("{\0}\0", "UTF-16"),
    TEXT("\0{\0}", "UTF-16"),
    TEXT("{\n\"a\": \"\xff\"}", "line 2: byte 0xff is not UTF-8"),
    TEXT("{\"a\": \"\xc0\xaf\"}", "byte 0xc0"),
    TEXT("{\"a\": \"\xed\xa0\x80\"}", "byte 0xed"),
    TEXT("{\"a\": \"\xe2\x82", "byte 0xe2"),
    TEXT("{\"a\": 1,\n\"a\": 2}", "line 2: duplicate object key"),
    TEXT("{\"a\": Infinity,\n\"b\": NaN,\n\"c\": nan}", "line 3: "),
    TEXT("{\"a\": infinity}", "line 1: "),
    TEXT("{\"a\": +Infinity}", "line 1: "),
    TEXT("{\"a\": 01e400}", "line 1: "),
    TEXT("{\"a\": 1e400.}", "line 1: "),
    TEXT("{} {}", "line 1: end of file expected"),
    TEXT("{\"a\": 1,}", "line 1: "),
    TEXT("{'a': 1}", "line 1: "),
    TEXT("{\"a", "line 1: "),
    TEXT("{\"a\\", "line 1: "),
    TEXT("{\"a\": -", "line 1: "),
};

static void other_text_is_refused(void **state) {
    for (size_t i = 0; i < COUNT(text_cases); i++) {
        ropemap_error error = {0};
        char *copy = malloc(text_cases[i].bytes + 1);
        assert_non_null(copy);
        memcpy(copy, text_cases[i].text, text_cases[i].bytes);
        assert_int_equal(parse_bytes(copy, text_cases[i].bytes, &error), ROPEMAP_DATA);
        if (strstr(error.text, text_cases[i].words) == NULL || strchr(error.text, '\n') != NULL) {
            fail_msg("\"%s\", expected \"%s\"", error.text, text_cases[i].words);
        }
        free(copy);
    }
}

/* Every prefix of a file is refused, with a reason, but for white space at its end. */
static void every_prefix_is_refused(void **state) {
    static const char text[] = "{\"a\": [NaN, {\"b\": \"\xc3\xa9\\n\"}, 1e400, -Infinity], " GOOD;
    for (size_t bytes = 0; bytes < sizeof text - 1; bytes++) {
        ropemap_error error = {0};
        char *copy = malloc(bytes + 1);
        assert_non_null(copy);
        memcpy(copy, text, bytes);
        assert_int_equal(parse_bytes(copy, bytes, &error), ROPEMAP_DATA);
        assert_true(error.text[0] != '\0');
        free(copy);
    }
}

/* "{"a": [[...]], GOOD": `depth` counts the object too. */
static ropemap_status parse_deep(int depth, ropemap_error *error) {
    char text[400] = "{\"a\": ";
    size_t length = strlen(text);
    for (int i = 1; i < depth; i++) {
        text[length++] = '[';
    }
    for (int i = 1; i < depth; i++) {
        text[length++] = ']';
    }
    (void)snprintf(text + length, sizeof text - length, ", %s", GOOD);
    return parse_bytes(text, strlen(text), error);
}

static void depth_and_size_are_limited(void **state) {
    ropemap_error error = {0};
    assert_int_equal(parse_deep(RM_CONFIG_DEPTH_MAX, &error), ROPEMAP_OK);
    assert_int_equal(parse_deep(RM_CONFIG_DEPTH_MAX + 1, &error), ROPEMAP_DATA);
    assert_says(error.text, "65 deep; the limit is 64");
    const size_t most = RM_CONFIG_MAX;
    char *text = malloc(most + 1);
    assert_non_null(text);
    memset(text, ' ', most + 1);
    memcpy(text, "{" GOOD, sizeof "{" GOOD - 1);
    assert_int_equal(parse_bytes(text, most, &error), ROPEMAP_OK);
    assert_int_equal(parse_bytes(text, most + 1, &error), ROPEMAP_DATA);
    assert_says(error.text, "at most 16777216");
    /* a tree of 8 million objects would take 2 GB */
    memset(text, ',', most);
    text[0] = '[';
    for (size_t i = 1; i + 3 < most; i += 3) {
        memcpy(text + i, "{},", 3);
    }
    assert_int_equal(parse_bytes(text, most, &error), ROPEMAP_DATA);
    assert_says(error.text, "at most 262144");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_python_are_passed_over),
        cmocka_unit_test(other_text_is_refused),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(depth_and_size_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
