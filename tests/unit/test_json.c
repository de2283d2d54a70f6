/* test_json.c - the JSON walk against jansson: the same strings and numbers accepted, with the same values */
/* SPDX-License-Identifier: MIT */
#include "host/data/tensor.h"
#include "tests/unit.h"

#include <jansson.h>

/* Asserts that both readers agree about the text as a JSON string. */
static void assert_same_string(const char *text, size_t size) {
    char *copy = malloc(size == 0 ? 1 : size); /* exactly as large: a sanitizer sees a step too far */
    assert_non_null(copy);
    memcpy(copy, text, size);
    rm_json json = {.text = copy, .size = size};
    const char *got = rm_json_string(&json);
    const bool accepted = got != NULL && rm_json_end(&json);
    json_t *wanted = json_loadb(text, size, JSON_DECODE_ANY, NULL);
    const char *value = json_string_value(wanted);
    if (accepted != (value != NULL) || (accepted && strcmp(got, value) != 0)) {
        fail_msg("\"%.*s\" (%d bytes, last 0x%02x): %s", (int)size, text, (int)size,
                 size > 1 ? (unsigned)(unsigned char)text[size - 2] : 0u, accepted ? "accepted" : json.wrong);
    }
    json_decref(wanted);
    free(copy);
}

static const char *const STRINGS[] = {
    "\"\"",
    "\"abc\"",
    " \t\r\n\"abc\" \n",
    "\"abc",
    "abc\"",
    "\"",
    "",
    "\"a\"b\"",
    "\"\\\"\"",
    "\"\\\\\"",
    "\"\\/\\b\\f\\n\\r\\t\"",
    "\"\\a\"",
    "\"\\\"",
    "\"\\",
    "\"\\u\"",
    "\"\\u1\"",
    "\"\\u12\"",
    "\"\\u123\"",
    "\"\\u0041\"",
    "\"\\u00e9\"",
    "\"\\u07ff\"",
    "\"\\u0800\"",
    "\"\\uFFff\"",
    "\"\\u004g\"",
    "\"\\u00 1\"",
    "\"\\ud83d\\ude00\"",
    "\"\\uD800\\uDC00\"",
    "\"\\udbff\\udfff\"",
    "\"\\ud83d\"",
    "\"\\ud83dx\"",
    "\"\\ud83d\\n\"",
    "\"\\ud83d\\u0041\"",
    "\"\\ude00\"",
    "\"\\ud83d\\ud83d\"",
    "\"\\u0000\"",
    "\"\\u12345\"",
    "\"tab\there\"",
    "\"\x7f\"",
    "\"\x1f\"",
    "\"\\'\"",
    "'a'",
    "\"\\ud83d\\u",
};

static void escapes_agree(void **state) {
    for (size_t i = 0; i < sizeof STRINGS / sizeof *STRINGS; i++) {
        assert_same_string(STRINGS[i], strlen(STRINGS[i]));
    }
    assert_same_string("\"a\0b\"", 5);
}

/* Every pair of bytes, every second and third byte at the edges of each lead, and cut-off characters. */
static void utf8_agrees(void **state) {
    static const unsigned edges[] = {0x00, 0x22, 0x5c, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    enum { EDGES = sizeof edges / sizeof *edges };
    for (unsigned pair = 0; pair < 65536; pair++) {
        const char text[4] = {'"', (char)(pair >> 8), (char)(pair & 0xff), '"'};
        assert_same_string(text, sizeof text);
    }
    for (unsigned lead = 0xc0; lead < 0x100; lead++) {
        for (unsigned rest = 0; rest < EDGES * EDGES * EDGES; rest++) {
            const char text[6] = {'"',
                                  (char)lead,
                                  (char)edges[rest % EDGES],
                                  (char)edges[rest / EDGES % EDGES],
                                  (char)edges[rest / EDGES / EDGES],
                                  '"'};
            const char three[5] = {'"', text[1], text[2], text[3], '"'};
            if (rest < EDGES * EDGES) {
                assert_same_string(three, sizeof three);
            }
            if (lead >= 0xe0) {
                assert_same_string(text, sizeof text);
            }
        }
    }
}

static void whole_numbers_are_taken(void **state) {
    static const struct {
        const char *text;
        uint64_t value;
        const char *wrong; /* part of the reason, NULL where the number is good */
    } cases[] = {
        {"0", 0, NULL},
        {" 7 ", 7, NULL},
        {"18446744073709551615", UINT64_MAX, NULL},
        {"18446744073709551616", 0, "2^64"},
        {"99999999999999999999999999", 0, "2^64"},
        {"00", 0, "leading zeros"},
        {"01", 0, "leading zeros"},
        {"1.5", 0, "fraction"},
        {"1.", 0, "fraction"},
        {"1e3", 0, "exponent"},
        {"1E3", 0, "exponent"},
        {"-1", 0, "0 or more"},
        {"+1", 0, "0 or more"},
        {"", 0, "0 or more"},
        {"true", 0, "0 or more"},
        {"\"1\"", 0, "0 or more"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char copy[40];
        (void)snprintf(copy, sizeof copy, "%s", cases[i].text);
        rm_json json = {.text = copy, .size = strlen(copy)};
        uint64_t value = 1;
        const bool taken = rm_json_integer(&json, &value);
        assert_int_equal(taken, cases[i].wrong == NULL);
        if (taken) {
            assert_true(value == cases[i].value && rm_json_end(&json));
        } else {
            assert_non_null(strstr(json.wrong, cases[i].wrong));
        }
    }
}

/* Sums an object of arrays of numbers; false where the text is no such thing. */
static bool sum_object(const char *text, uint64_t *sum) {
    char copy[100];
    (void)snprintf(copy, sizeof copy, "%s", text);
    rm_json json = {.text = copy, .size = strlen(copy)};
    bool first_member = true;
    *sum = 0;
    if (!rm_json_take(&json, '{')) {
        return false;
    }
    while (rm_json_more(&json, '}', &first_member)) {
        bool first = true;
        if (rm_json_string(&json) == NULL || !rm_json_take(&json, ':') || !rm_json_take(&json, '[')) {
            break;
        }
        while (rm_json_more(&json, ']', &first)) {
            uint64_t value = 0;
            if (!rm_json_integer(&json, &value)) {
                break;
            }
            *sum += value;
        }
    }
    return json.wrong == NULL && rm_json_end(&json);
}

static void objects_and_arrays_are_walked(void **state) {
    static const char *const good[] = {"{\"a\":[1,2,3],\"b\":[4]}", " { \"a\" : [ 1 , 9 ] , \"b\" : [ ] } ",
                                       "{\"a\":[10]}"};
    static const char *const bad[] = {
        "",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":[",
        "{\"a\":[1",
        "{\"a\":[1]",
        "{\"a\":[1}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1 1]}",
        "{\"a\":[1]]",
        "{,}",
        "{\"a\":[1],}",
        "{a:[1]}",
        "[1]",
        "{} {}",
        "{\"a\"[1]}",
        "{\"a\":[1]\"b\":[2]}",
        "{\"a\":[1:2]}",
    };
    uint64_t sum = 0;
    assert_true(sum_object("{}", &sum));
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(sum_object(good[i], &sum));
        assert_int_equal(sum, 10);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (sum_object(bad[i], &sum)) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

/* The first failure stays, and nothing is taken after it. */
static void a_failure_stays(void **state) {
    char text[] = "[1]";
    rm_json json = {.text = text, .size = 3};
    uint64_t value;
    bool first = true;
    assert_false(rm_json_take(&json, '{'));
    const char *wrong = json.wrong;
    assert_non_null(strstr(wrong, "object"));
    assert_false(rm_json_take(&json, '['));
    assert_false(rm_json_more(&json, ']', &first));
    assert_null(rm_json_string(&json));
    assert_false(rm_json_integer(&json, &value));
    assert_false(rm_json_end(&json));
    assert_ptr_equal(json.wrong, wrong);
    assert_int_equal(json.at, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_agree),           cmocka_unit_test(utf8_agrees),
        cmocka_unit_test(whole_numbers_are_taken), cmocka_unit_test(objects_and_arrays_are_walked),
        cmocka_unit_test(a_failure_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
