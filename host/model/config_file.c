/* config_file.c - config.json as a tree, and typed reads of its fields */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/model/config.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * A node of the tree takes up to 250 bytes, and 2 bytes of text can make one: this limit keeps any tree below
 * 70 MB. Real files have some hundreds, those with 21,000 labels 42,000.
 */
enum { VALUES_MAX = 1 << 18 };

/* Marks a number that JSON cannot express, which becomes a string; no real text begins with it. */
static const char MARK = '\x7f';

typedef struct scan {
    const char *text;
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

static ropemap_status copy_character(scan *s) {
    const size_t length = rm_utf8_bytes(s->text + s->at, s->bytes - s->at);
    if (length == 0) {
        return rm_fail(s->error, ROPEMAP_DATA, "%s: line %d: byte 0x%02x is not UTF-8", s->label, s->line,
                       (unsigned)(uint8_t)s->text[s->at]);
    }
    s->line += s->text[s->at] == '\n';
    copy(s, length);
    return ROPEMAP_OK;
}

/* From its opening quote to its closing one; the parser refuses an unterminated string. */
static ropemap_status copy_string(scan *s) {
    copy(s, 1);
    while (s->at < s->bytes) {
        const char c = s->text[s->at];
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

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Characters that a number or a bare word is made of. */
static bool is_word(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '-' ||
           c == '.';
}

/* Counts the digits at *at of a word; *first: the index of the first that is not 0, -1: none. */
static long take_digits(const char *word, size_t length, size_t *at, long *first) {
    long count = 0;
    *first = -1;
    for (; *at < length && is_digit(word[*at]); (*at)++, count++) {
        if (*first < 0 && word[*at] != '0') {
            *first = count;
        }
    }
    return count;
}

/* Whether the word is a JSON number of 1e308 or more: the parser's error would not name the key. */
static bool is_beyond(const char *word, size_t length) {
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

static bool is_python(const char *word, size_t length) {
    static const char *const WORDS[] = {"Infinity", "-Infinity", "NaN"};
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (length == strlen(WORDS[i]) && memcmp(word, WORDS[i], length) == 0) {
            return true;
        }
    }
    return false;
}

static void copy_word(scan *s) {
    const char *word = s->text + s->at;
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
    const char c = s->text[s->at];
    const bool opens = c == '{' || c == '[';
    s->depth += opens ? 1 : c == '}' || c == ']' ? -1 : 0;
    s->values += opens || c == '"' || is_word(c);
    if (s->depth > RM_CONFIG_DEPTH_MAX) {
        return rm_fail(s->error, ROPEMAP_DATA,
                       "%s: line %d: objects and lists are nested %d deep; the limit is %d", s->label,
                       s->line, s->depth, RM_CONFIG_DEPTH_MAX);
    }
    if (s->values > VALUES_MAX) {
        return rm_fail(s->error, ROPEMAP_DATA, "%s: line %d: value %d; a config.json has at most %d",
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
    const uint8_t *t = (const uint8_t *)s->text;
    if (s->bytes < 2) {
        return s->bytes == 1
                   ? ROPEMAP_OK
                   : rm_fail(s->error, ROPEMAP_DATA, "%s: empty; a JSON object is needed", s->label);
    }
    const bool marked = (t[0] == 0xff && t[1] == 0xfe) || (t[0] == 0xfe && t[1] == 0xff);
    return marked || t[0] == 0 || t[1] == 0
               ? rm_fail(s->error, ROPEMAP_DATA, "%s: text in UTF-16 or UTF-32; convert it to UTF-8",
                         s->label)
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
        return rm_fail(s->error, ROPEMAP_DATA, "%s: a list; a JSON object is needed", s->label);
    }
    return ROPEMAP_OK;
}

ropemap_status rm_config_tree(const char *text, size_t bytes, const char *label, json_t **tree,
                              ropemap_error *error) {
    *tree = NULL;
    if (bytes > RM_CONFIG_MAX) {
        return rm_fail(error, ROPEMAP_DATA, "%s: %zu bytes; a config.json has at most %d", label, bytes,
                       RM_CONFIG_MAX);
    }
    scan s = {.text = text, .bytes = bytes, .line = 1, .label = label, .error = error};
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

/* The file's text for NaN, an infinity or a number beyond a double ("1e400", transformers'
 * {"__float__": "NaN"}); NULL for other values. */
static const char *nonfinite_text(const json_t *value) {
    const char *text = json_string_value(value);
    if (text != NULL) {
        return text[0] == MARK ? text + 1 : NULL;
    }
    return json_object_size(value) == 1 ? json_string_value(json_object_get(value, "__float__")) : NULL;
}

static void mark_used(rm_config_used *used, const char *key) {
    for (int i = 0; i < used->count; i++) {
        if (used->keys[i] == key) {
            return;
        }
    }
    if (used->count < (int)(sizeof used->keys / sizeof used->keys[0])) {
        used->keys[used->count++] = key;
    }
}

json_t *rm_config_value(const rm_config_dict *dict, const char *key) {
    void *at = json_object_iter_at(dict->object, key);
    if (at != NULL && dict->used != NULL) {
        mark_used(dict->used, json_object_iter_key(at));
    }
    return at == NULL ? NULL : json_object_iter_value(at);
}

bool rm_config_is_dict(const json_t *value) {
    return json_is_object(value) && nonfinite_text(value) == NULL;
}

void rm_config_path(char *path, size_t size, const rm_config_dict *dict, const char *key) {
    char whole[RM_LABEL_BYTES];
    const bool both = dict->path[0] != '\0' && !dict->made;
    (void)snprintf(whole, sizeof whole, "%s%s%.100s", dict->path, both ? "." : "",
                   both || dict->path[0] == '\0' ? key : "");
    rm_label_make(path, size, whole);
}

void rm_config_show(const json_t *value, char *to, size_t size) {
    char text[48];
    const char *nonfinite = nonfinite_text(value);
    if (nonfinite != NULL || json_is_string(value)) {
        rm_label_make(text, sizeof text, nonfinite != NULL ? nonfinite : json_string_value(value));
        (void)snprintf(to, size, nonfinite != NULL ? "%s" : "the string \"%s\"", text);
    } else if (json_is_number(value)) {
        (void)snprintf(to, size, "%.15g", json_number_value(value));
    } else if (json_is_array(value)) {
        (void)snprintf(to, size, "a list of %zu", json_array_size(value));
    } else {
        (void)snprintf(to, size, "%s",
                       json_is_object(value) ? "an object"
                       : json_is_true(value) ? "true"
                       : json_is_null(value) ? "null"
                                             : "false");
    }
}

ropemap_status rm_config_fail(const rm_config *config, ropemap_status status, const char *format, ...) {
    char text[sizeof config->error->text];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return rm_fail(config->error, status, "%s: %s", config->label, text);
}

ropemap_status rm_config_wrong(const rm_config *config, const char *path, const json_t *value,
                               const char *words) {
    char shown[80];
    rm_config_show(value, shown, sizeof shown);
    return rm_config_fail(config, ROPEMAP_DATA, "%s is %s, expected %s", path, shown, words);
}

void rm_config_forget(const rm_config *config) {
    if (config->error != NULL) {
        *config->error = (ropemap_error){0};
    }
}

ropemap_status rm_config_check(const rm_config *config, const char *path, const json_t *value,
                               const rm_want *want, double *number) {
    *number = json_number_value(value);
    const bool fits = *number >= want->low && *number <= want->high &&
                      !(want->above && *number == want->low) &&
                      (want->multiple_of == 0 || fmod(*number, want->multiple_of) == 0.0);
    return json_is_number(value) && fits ? ROPEMAP_OK : rm_config_wrong(config, path, value, want->words);
}

/* ---- by key */

rm_config_dict rm_config_peek(const rm_config_dict *dict, const char *key) {
    rm_config_dict sub = {.object = rm_config_value(dict, key), .used = dict->used, .made = dict->made};
    rm_config_path(sub.path, sizeof sub.path, dict, key);
    if (!rm_config_is_dict(sub.object)) {
        sub.object = NULL;
    }
    return sub;
}

rm_config_dict rm_config_peek_first(const rm_config_dict *dict, const char *keys) {
    char key[RM_WORD_BYTES];
    rm_config_dict found = {0};
    while (found.object == NULL && rm_words_next(&keys, key, sizeof key)) {
        found = rm_config_peek(dict, key);
    }
    return found;
}

bool rm_config_has(const rm_config_dict *dict, const char *keys) {
    char key[RM_WORD_BYTES];
    bool has = false;
    while (!has && rm_words_next(&keys, key, sizeof key)) {
        const json_t *value = json_object_get(dict->object, key);
        has = value != NULL && !json_is_null(value);
    }
    return has;
}

ropemap_status rm_config_sub(const rm_config *config, const rm_config_dict *dict, const char *key,
                             rm_config_dict *sub) {
    const json_t *value = rm_config_value(dict, key);
    *sub = rm_config_peek(dict, key);
    if (sub->object == NULL && value != NULL && !json_is_null(value)) {
        char path[120];
        rm_config_path(path, sizeof path, dict, key);
        return rm_config_wrong(config, path, value, "an object");
    }
    return ROPEMAP_OK;
}

ropemap_status rm_config_number(const rm_config *config, const rm_config_dict *dict, const char *key,
                                const rm_want *want, rm_found *found) {
    const json_t *value = rm_config_value(dict, key);
    *found = (rm_found){0};
    if (value == NULL || (json_is_null(value) && !want->required)) {
        return ROPEMAP_OK;
    }
    rm_config_path(found->path, sizeof found->path, dict, key);
    if (want->layered && json_is_array(value)) {
        return rm_config_layered(config, value, want, found);
    }
    found->given = true;
    return rm_config_check(config, found->path, value, want, &found->value);
}

ropemap_status rm_config_first(const rm_config *config, const rm_config_dict *dict, const char *keys,
                               const rm_want *want, rm_found *found) {
    char key[RM_WORD_BYTES];
    *found = (rm_found){0};
    while (!found->given && rm_words_next(&keys, key, sizeof key)) {
        RM_TRY(rm_config_number(config, dict, key, want, found));
    }
    if (found->given) {
        rm_config_mark_same(dict, keys, found->value);
    }
    return ROPEMAP_OK;
}

void rm_config_mark_same(const rm_config_dict *dict, const char *keys, double number) {
    char key[RM_WORD_BYTES];
    while (rm_words_next(&keys, key, sizeof key)) {
        const json_t *same = json_object_get(dict->object, key);
        if (json_is_number(same) && json_number_value(same) == number) {
            (void)rm_config_value(dict, key);
        }
    }
}

ropemap_status rm_config_flag(const rm_config *config, const rm_config_dict *dict, const char *key,
                              bool *value) {
    const json_t *found = rm_config_value(dict, key);
    if (json_is_boolean(found)) {
        *value = json_is_true(found);
    } else if (found != NULL && !json_is_null(found)) {
        char path[120];
        rm_config_path(path, sizeof path, dict, key);
        return rm_config_wrong(config, path, found, "true or false");
    }
    return ROPEMAP_OK;
}

ropemap_status rm_config_word(const rm_config *config, const rm_config_dict *dict, const char *key,
                              const char **word) {
    const json_t *found = rm_config_value(dict, key);
    const bool is_word = json_is_string(found) && nonfinite_text(found) == NULL;
    *word = is_word ? json_string_value(found) : NULL;
    if (!is_word && found != NULL && !json_is_null(found)) {
        char path[120];
        rm_config_path(path, sizeof path, dict, key);
        return rm_config_wrong(config, path, found, "a string");
    }
    return ROPEMAP_OK;
}

/* ---- facts */

void rm_config_note(const rm_config *config, const char *name, const char *value, const char *path) {
    char source[120], shown[80];
    const bool of_class =
        config->own_rule && strncmp(path, config->rope.path, strlen(config->rope.path)) == 0;
    (void)snprintf(source, sizeof source, "%s%s%.75s", of_class ? "" : config->file, of_class ? "" : ": ",
                   path);
    rm_label_make(shown, sizeof shown, value);
    rm_model_fact(config->model, name, source, "%s", shown);
}

void rm_config_note_number(const rm_config *config, const char *name, double value, const char *path) {
    char shown[40];
    (void)snprintf(shown, sizeof shown, "%.15g", value);
    rm_config_note(config, name, shown, path);
}

void rm_config_note_default(const rm_config *config, const char *name, double value) {
    const char *type = config->known;
    char source[80];
    (void)snprintf(source, sizeof source, "default%s%s", type[0] == '\0' ? "" : " of model_type ", type);
    rm_model_fact(config->model, name, source, "%.15g", value);
}
