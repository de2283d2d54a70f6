/* test_query.c - queries taken apart: every byte in every spelling, and keys that differ where pairs do */
/* SPDX-License-Identifier: MIT */
#include "tests/unit.h"
#include "tools/serve/query.h"

enum { NAMES = 4, ROUNDS = 4000, LONGEST = SERVE_HEADER_BYTES / 2 - 2 };

static uint64_t seed = 12345;

static void refused(const char *text) {
    serve_query query;
    ropemap_error error = {.status = ROPEMAP_OK};
    assert_int_equal(query_parse(text, &query, &error), ROPEMAP_USAGE);
    assert_int_equal(error.status, ROPEMAP_USAGE);
    assert_true(error.text[0] != '\0' && strchr(error.text, '\n') == NULL);
}

static void queries_are_names_and_values(void **state) {
    static const struct {
        const char *text;
        int count;
        const char *pairs[2 * NAMES];
    } cases[] = {
        {NULL, 0, {NULL}},
        {"", 0, {NULL}},
        {"&", 0, {NULL}},
        {"&&&", 0, {NULL}},
        {"causal", 1, {"causal", ""}},
        {"causal=", 1, {"causal", ""}},
        {"=5", 1, {"", "5"}},
        {"=", 1, {"", ""}},
        {"a=b=c", 1, {"a", "b=c"}},
        {"base=5e5&causal&", 2, {"base", "5e5", "causal", ""}},
        {"&&a=1&&b=2", 2, {"a", "1", "b", "2"}},
        {"a=1&a=2&a=1", 3, {"a", "1", "a", "2", "a", "1"}},
        {"scaling=yarn%3Afactor%3d4", 1, {"scaling", "yarn:factor=4"}},
        {"a%3Db=c%26d", 1, {"a=b", "c&d"}},
        {"a+b=c+d%2B", 1, {"a b", "c d+"}},
        {"%25=%2525", 1, {"%", "%25"}},
        {"x=\xce\xb8%ce%B8", 1, {"x", "\xce\xb8\xce\xb8"}},
    };
    for (size_t pick = 0; pick < sizeof cases / sizeof *cases; pick++) {
        serve_query query;
        ropemap_error error = {.status = ROPEMAP_OK};
        assert_int_equal(query_parse(cases[pick].text, &query, &error), ROPEMAP_OK);
        assert_int_equal(query.count, cases[pick].count);
        for (int i = 0; i < query.count; i++) {
            assert_string_equal(query.pairs[i].name, cases[pick].pairs[2 * i]);
            assert_string_equal(query.pairs[i].value, cases[pick].pairs[2 * i + 1]);
        }
    }
}

static void what_is_no_escape_is_refused(void **state) {
    static const char *const wrong[] = {
        "%",     "%4",    "a=%",    "a=%4",    "%=1",  "%4=1",    "%4&1=2",    "%g0",   "%0g",
        "%%30",  "%+1",   "% 1",    "%-1",     "%0x",  "a=%4%31", "a=1&b=%zz", "a%0a",  "%00",
        "a=%1F", "a=%7f", "a=\x7f", "a=\x01b", "\t=1", "a=1\n",   "a=%0D%0A",  "%\xff", "a=%e",
    };
    for (size_t pick = 0; pick < sizeof wrong / sizeof *wrong; pick++) {
        refused(wrong[pick]);
    }
}

/* Each byte, escaped in every spelling and plain: text comes through, controls do not. */
static void every_byte_comes_through_or_is_refused(void **state) {
    for (int byte = 0; byte < 256; byte++) {
        for (int spelling = 0; spelling < 3; spelling++) {
            char text[20], name[3] = {'n', (char)byte, '\0'}, value[3] = {'v', (char)byte, '\0'};
            if (spelling < 2) {
                (void)snprintf(text, sizeof text, spelling == 0 ? "n%%%02x=v%%%02x" : "n%%%02X=v%%%02X",
                               (unsigned)byte, (unsigned)byte);
            } else if (byte == '\0' || strchr("&=+%", byte) != NULL) {
                continue;
            } else {
                (void)snprintf(text, sizeof text, "%s=%s", name, value);
            }
            serve_query query;
            if (byte < 32 || byte == 127) {
                refused(text);
                continue;
            }
            assert_int_equal(query_parse(text, &query, NULL), ROPEMAP_OK);
            assert_int_equal(query.count, 1);
            assert_string_equal(query.pairs[0].name, name);
            assert_string_equal(query.pairs[0].value, value);
        }
    }
}

/* Bytes as a client may write them: plain where that is allowed, or escaped. Returns the text's end. */
static char *write_escaped(char *to, const char *bytes) {
    for (const char *at = bytes; *at != '\0'; at++) {
        if (*at == ' ' && chance(&seed, 2) == 0) {
            *to++ = '+';
        } else if (strchr("&=+%", *at) != NULL || chance(&seed, 3) == 0) {
            to += sprintf(to, chance(&seed, 2) == 0 ? "%%%02x" : "%%%02X", (unsigned)(unsigned char)*at);
        } else {
            *to++ = *at;
        }
    }
    *to = '\0';
    return to;
}

static void make_word(char *word, int most) {
    const int length = chance(&seed, most + 1);
    for (int i = 0; i < length; i++) {
        do {
            word[i] = (char)(32 + chance(&seed, 224));
        } while (word[i] == 127);
    }
    word[length] = '\0';
}

static void what_is_written_is_read(void **state) {
    for (int round = 0; round < ROUNDS; round++) {
        char words[12][16], text[12 * 16 * 3 + 24], *to = text;
        const int count = chance(&seed, 7);
        for (int i = 0; i < count; i++) {
            make_word(words[2 * i], 15);
            make_word(words[2 * i + 1], 15);
            to = write_escaped(to, words[2 * i]);
            *to++ = '=';
            to = write_escaped(to, words[2 * i + 1]);
            *to++ = '&';
        }
        *to = '\0';
        serve_query query, copy;
        assert_int_equal(query_parse(text, &query, NULL), ROPEMAP_OK);
        query_copy(&copy, &query);
        memset(&query, 'x', sizeof query);
        assert_int_equal(copy.count, count);
        for (int i = 0; i < count; i++) {
            assert_string_equal(copy.pairs[i].name, words[2 * i]);
            assert_string_equal(copy.pairs[i].value, words[2 * i + 1]);
        }
    }
}

static void queries_are_bounded(void **state) {
    char text[SERVE_HEADER_BYTES];
    serve_query *query = malloc(sizeof *query);
    assert_non_null(query);
    for (int count = SERVE_PAIRS - 1; count <= SERVE_PAIRS + 1; count++) {
        text[0] = '\0';
        for (int i = 0; i < count; i++) {
            strcat(text, i % 2 == 0 ? "a&" : "b=&");
        }
        if (count > SERVE_PAIRS) {
            refused(text);
        } else {
            assert_int_equal(query_parse(text, query, NULL), ROPEMAP_OK);
            assert_int_equal(query->count, count);
        }
    }
    for (size_t length = LONGEST - 2; length <= LONGEST + 2; length++) {
        memset(text, 'a', length);
        memset(text, '&', 100);
        for (int i = 0; i < SERVE_PAIRS - 1; i++) {
            text[2 * i] = 'b';
        }
        text[length] = '\0';
        if (length > LONGEST) {
            refused(text);
        } else {
            assert_int_equal(query_parse(text, query, NULL), ROPEMAP_OK);
        }
    }
    free(query);
}

/* ---- keys ---------------------------------------------------------------------------------------------- */

static const char *const words[] = {"", "a", "aa", " ", "a=", "&"};
enum { WORDS = 6, PAIRS = WORDS * WORDS, QUERIES = 1 + PAIRS + PAIRS * PAIRS };

/* Query `number` of all of at most two pairs of these words. */
static serve_query number_query(int number) {
    serve_query query = {.count = number == 0 ? 0 : number <= PAIRS ? 1 : 2};
    const int first = (number - 1) % PAIRS, second = (number - 1 - PAIRS) / PAIRS;
    if (query.count > 0) {
        query.pairs[0] = (serve_pair){words[first % WORDS], words[first / WORDS]};
    }
    if (query.count > 1) {
        query.pairs[1] = (serve_pair){words[second % WORDS], words[second / WORDS]};
    }
    return query;
}

static int compare(const void *a, const void *b) {
    return strcmp(a, b);
}

static void keys_differ_where_pairs_do(void **state) {
    char(*keys)[24] = calloc(2 * QUERIES, sizeof *keys);
    assert_non_null(keys);
    for (int number = 0; number < QUERIES; number++) {
        const serve_query query = number_query(number);
        const size_t length = query_key(&query, "/a", keys[number], sizeof *keys);
        assert_int_equal(length, strlen(keys[number]));
        assert_int_equal(query_key(&query, "/aa", keys[QUERIES + number], sizeof *keys), length + 1);
    }
    qsort(keys, 2 * QUERIES, sizeof *keys, compare);
    for (int number = 1; number < 2 * QUERIES; number++) {
        assert_string_not_equal(keys[number - 1], keys[number]);
    }
    free(keys);
}

static void keys_fit_or_are_none(void **state) {
    serve_query query;
    char room[64];
    assert_int_equal(query_parse("base=5e5&causal", &query, NULL), ROPEMAP_OK);
    const size_t length = query_key(&query, "/map.png", room, sizeof room);
    assert_true(length > 0);
    for (size_t size = 0; size < sizeof room; size++) {
        char *exact = malloc(size + 1); /* a sanitizer sees a byte past its end */
        assert_non_null(exact);
        char *text = realloc(exact, size > 0 ? size : 1);
        assert_int_equal(query_key(&query, "/map.png", text, size), size > length ? length : 0);
        free(text);
    }
}

/* ---- taking -------------------------------------------------------------------------------------------- */

static void the_last_value_is_taken(void **state) {
    for (int round = 0; round < ROUNDS; round++) {
        char text[100], *to = text;
        int name[8], left = 0;
        const char *last = NULL;
        static const char *const names[] = {"a", "b", "c"}, *const values[] = {"0", "1", "2", "3",
                                                                               "4", "5", "6"};
        const int count = chance(&seed, 8), taken = chance(&seed, 3);
        *to = '\0';
        for (int i = 0; i < count; i++) {
            name[i] = chance(&seed, 3);
            to += sprintf(to, "%s=%d&", names[name[i]], i);
            last = name[i] == taken ? values[i] : last;
        }
        serve_query query;
        assert_int_equal(query_parse(text, &query, NULL), ROPEMAP_OK);
        const char *value = query_take(&query, names[taken]);
        if (last == NULL) {
            assert_null(value);
        } else {
            assert_string_equal(value, last);
        }
        for (int i = 0; i < count; i++) {
            if (name[i] != taken) {
                assert_string_equal(query.pairs[left].name, names[name[i]]);
                assert_string_equal(query.pairs[left++].value, values[i]);
            }
        }
        assert_int_equal(query.count, left);
        assert_null(query_take(&query, names[taken]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_are_names_and_values),
        cmocka_unit_test(what_is_no_escape_is_refused),
        cmocka_unit_test(every_byte_comes_through_or_is_refused),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(queries_are_bounded),
        cmocka_unit_test(keys_differ_where_pairs_do),
        cmocka_unit_test(keys_fit_or_are_none),
        cmocka_unit_test(the_last_value_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
