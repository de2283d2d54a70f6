/* config_text.c - the text of a config.json to a tree, with the numbers that Python writes and JSON forbids
 */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/spec/config.h"

#include <string.h>

/*
 * A node of the tree takes up to 250 bytes where the text may hold one in 2 bytes: this many nodes keep a
 * tree below 70 MB whatever the text is. Real files hold some hundreds, those with 21,000 labels 42,000.
 */
enum { VALUES_MAX = 1 << 18 };

/* Stands before a number that JSON has no word for, which becomes a string; no real text begins so. */
static const char MARK = '\x7f';

typedef struct scan {
    const uint8_t *text;
    size_t bytes, at;
    char *to; /* at most twice as long: the shortest number that grows is NaN, by 3 characters */
    size_t length;
    int line, depth, values;
    const char *label;
    ropemap_error *error;
} scan;

static void copy(scan *s, size_t count) {
    memcpy(s->to + s->length, s->text + s->at, count);
    s->length += count;
    s->at += count;
}

/* Bytes of the UTF-8 character at the scan's place; 0 where none is (RFC 3629, section 4). */
static size_t character_length(const scan *s) {
    const uint8_t *c = s->text + s->at;
    const size_t length = c[0] < 0x80 ? 1 : c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
    if (length == 0 || c[0] > 0xf4 || length > s->bytes - s->at) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((c[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    const bool overlong = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90);
    const bool beyond = (c[0] == 0xed && c[1] > 0x9f) || (c[0] == 0xf4 && c[1] > 0x8f);
    return overlong || beyond ? 0 : length;
}

static ropemap_status copy_character(scan *s) {
    const size_t length = character_length(s);
    if (length == 0) {
        return rm_fail(s->error, ROPEMAP_DATA, "%s: line %d: byte 0x%02x, expected text in UTF-8", s->label,
                       s->line, (unsigned)s->text[s->at]);
    }
    s->line += s->text[s->at] == '\n';
    copy(s, length);
    return ROPEMAP_OK;
}

/* From its opening quote to its closing one; a string without an end is left to the parser. */
static ropemap_status copy_string(scan *s) {
    copy(s, 1);
    while (s->at < s->bytes) {
        const uint8_t c = s->text[s->at];
        RM_TRY(copy_character(s));
        if (c == '"') {
            break;
        }
        if (c == '\\' && s->at < s->bytes) {
            RM_TRY(copy_character(s));
        }
    }
    return ROPEMAP_OK;
}

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

/* Characters that a number or a bare word is made of. */
static bool is_word(uint8_t c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '-' ||
           c == '.';
}

/* The digits at *at of a word, and where the first that is not 0 stands among them; -1: nowhere. */
static long take_digits(const uint8_t *word, size_t length, size_t *at, long *first) {
    long count = 0;
    *first = -1;
    for (; *at < length && is_digit(word[*at]); (*at)++, count++) {
        if (*first < 0 && word[*at] != '0') {
            *first = count;
        }
    }
    return count;
}

/* Whether the word is a JSON number of 1e308 or more, of which the parser would not tell the key. */
static bool is_beyond(const uint8_t *word, size_t length) {
    size_t at = word[0] == '-';
    long first, first_after = -1, digits_after = 1, exponent = 0;
    const size_t start = at;
    const long digits = take_digits(word, length, &at, &first);
    if (digits == 0 || (digits > 1 && word[start] == '0')) {
        return false;
    }
    if (at < length && word[at] == '.') {
        at++;
        digits_after = take_digits(word, length, &at, &first_after);
    }
    if (at < length && (word[at] == 'e' || word[at] == 'E')) {
        const bool negative = ++at < length && word[at] == '-';
        at += at < length && (word[at] == '-' || word[at] == '+');
        const size_t exponent_start = at;
        for (; at < length && is_digit(word[at]); at++) {
            exponent = exponent < 100000000 ? exponent * 10 + (word[at] - '0') : exponent;
        }
        digits_after = at == exponent_start ? 0 : digits_after;
        exponent = negative ? -exponent : exponent;
    }
    if (at != length || digits_after == 0 || (first < 0 && first_after < 0)) {
        return false;
    }
    return exponent + (first >= 0 ? digits - 1 - first : -1 - first_after) >= 308;
}

static bool is_python(const uint8_t *word, size_t length) {
    static const char *const WORDS[] = {"Infinity", "-Infinity", "NaN"};
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (length == strlen(WORDS[i]) && memcmp(word, WORDS[i], length) == 0) {
            return true;
        }
    }
    return false;
}

static void copy_word(scan *s) {
    const uint8_t *word = s->text + s->at;
    size_t length = 0;
    while (length < s->bytes - s->at && is_word(word[length])) {
        length++;
    }
    if (!is_python(word, length) && !is_beyond(word, length)) {
        copy(s, length);
        return;
    }
    s->to[s->length++] = '"';
    s->to[s->length++] = MARK;
    copy(s, length);
    s->to[s->length++] = '"';
}

static ropemap_status copy_value(scan *s) {
    const uint8_t c = s->text[s->at];
    const bool opens = c == '{' || c == '[';
    s->depth += opens ? 1 : c == '}' || c == ']' ? -1 : 0;
    s->values += opens || c == '"' || is_word(c);
    if (s->depth > RM_CONFIG_DEPTH_MAX) {
        return rm_fail(s->error, ROPEMAP_DATA,
                       "%s: line %d: objects and lists stand %d deep, expected at most %d", s->label, s->line,
                       s->depth, RM_CONFIG_DEPTH_MAX);
    }
    if (s->values > VALUES_MAX) {
        return rm_fail(s->error, ROPEMAP_DATA, "%s: line %d: value %d, expected at most %d in a config.json",
                       s->label, s->line, s->values, VALUES_MAX);
    }
    if (c == '"') {
        return copy_string(s);
    }
    if (is_word(c)) {
        copy_word(s);
        return ROPEMAP_OK;
    }
    return copy_character(s);
}

static ropemap_status refuse_utf16(const scan *s) {
    const uint8_t *t = s->text;
    if (s->bytes < 2) {
        return s->bytes == 1 ? ROPEMAP_OK
                             : rm_fail(s->error, ROPEMAP_DATA, "%s: empty, expected a JSON object", s->label);
    }
    const bool marked = (t[0] == 0xff && t[1] == 0xfe) || (t[0] == 0xfe && t[1] == 0xff);
    return marked || t[0] == 0 || t[1] == 0
               ? rm_fail(s->error, ROPEMAP_DATA, "%s: text in UTF-16 or UTF-32, expected UTF-8", s->label)
               : ROPEMAP_OK;
}

static ropemap_status rewrite(scan *s) {
    RM_TRY(refuse_utf16(s));
    if (s->bytes >= 3 && memcmp(s->text, "\xef\xbb\xbf", 3) == 0) {
        s->at = 3;
    }
    while (s->at < s->bytes) {
        RM_TRY(copy_value(s));
    }
    return ROPEMAP_OK;
}

static ropemap_status parse(const scan *s, json_t **tree) {
    json_error_t reason;
    *tree = json_loadb(s->to, s->length, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &reason);
    if (*tree == NULL && json_error_code(&reason) == json_error_out_of_memory) {
        return rm_fail_memory(s->error, "config", s->length);
    }
    if (*tree == NULL) {
        char words[JSON_ERROR_TEXT_LENGTH];
        rm_label_make(words, sizeof words, reason.text);
        return rm_fail(s->error, ROPEMAP_DATA, "%s: line %d: %s", s->label, reason.line, words);
    }
    if (!json_is_object(*tree)) {
        json_decref(*tree);
        *tree = NULL;
        return rm_fail(s->error, ROPEMAP_DATA, "%s: a list, expected a JSON object", s->label);
    }
    return ROPEMAP_OK;
}

ropemap_status rm_config_tree(const char *text, size_t bytes, const char *label, json_t **tree,
                              ropemap_error *error) {
    *tree = NULL;
    if (bytes > RM_CONFIG_MAX) {
        return rm_fail(error, ROPEMAP_DATA, "%s: %zu bytes, expected at most %d", label, bytes,
                       RM_CONFIG_MAX);
    }
    scan s = {.text = (const uint8_t *)text, .bytes = bytes, .line = 1, .label = label, .error = error};
    s.to = rm_alloc_raw(2 * (uint64_t)bytes + 1, 1);
    if (s.to == NULL) {
        return rm_fail_memory(error, "config", 2 * (uint64_t)bytes);
    }
    ropemap_status status = rewrite(&s);
    if (status == ROPEMAP_OK) {
        status = parse(&s, tree);
    }
    rm_free(s.to);
    return status;
}

const char *rm_config_nonfinite(const json_t *value) {
    const char *text = json_string_value(value);
    if (text != NULL) {
        return text[0] == MARK ? text + 1 : NULL;
    }
    return json_object_size(value) == 1 ? json_string_value(json_object_get(value, "__float__")) : NULL;
}
