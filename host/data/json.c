/* json.c - reads JSON of a known shape, without a tree and without allocating */
/* SPDX-License-Identifier: MIT */
#include "host/base/text.h"
#include "host/data/tensor.h"

#include <string.h>

static bool fail(rm_json *json, const char *wrong) {
    if (json->wrong == NULL) {
        json->wrong = wrong;
    }
    return false;
}

/* The next character that is not white space, not taken; '\0' at the end and after a failure. */
static char peek(rm_json *json) {
    while (json->at < json->size) {
        const char c = json->text[json->at];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
            return json->wrong == NULL ? c : '\0';
        }
        json->at++;
    }
    return '\0';
}

bool rm_json_take(rm_json *json, char wanted) {
    if (peek(json) != wanted) {
        return fail(json, wanted == '{'   ? "expected an object {"
                          : wanted == '[' ? "expected an array ["
                          : wanted == ':' ? "expected a colon"
                          : wanted == '}' ? "expected } at the end of an object"
                          : wanted == ']' ? "expected ] at the end of an array"
                                          : "expected a comma");
    }
    json->at++;
    return true;
}

bool rm_json_more(rm_json *json, char close, bool *first) {
    const char next = peek(json);
    if (next == close) {
        json->at++;
        return false;
    }
    const bool begins = *first;
    *first = false;
    if (begins) {
        return json->wrong == NULL;
    }
    if (next != ',') {
        return fail(json, close == '}' ? "expected a comma or }" : "expected a comma or ]");
    }
    json->at++;
    return true;
}

/* Writes a code point as UTF-8; returns the bytes written. */
static uint64_t utf8_write(char *to, uint32_t point) {
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    const uint64_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (uint64_t i = length - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    const uint32_t lead = length == 2 ? 0xc0 : length == 3 ? 0xe0 : 0xf0;
    to[0] = (char)(lead | point);
    return length;
}

/* The four digits after "\u", taken. */
static bool take_hex(rm_json *json, uint32_t *value) {
    *value = 0;
    if (json->size - json->at < 4) {
        return fail(json, "\\u needs four hexadecimal digits");
    }
    for (int digit = 0; digit < 4; digit++) {
        const char c = json->text[json->at++];
        const uint32_t nibble = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                                : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                                : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                       : 16;
        if (nibble == 16) {
            return fail(json, "\\u needs four hexadecimal digits");
        }
        *value = *value << 4 | nibble;
    }
    return true;
}

/* The code point of "\uXXXX", or of two of them that are a surrogate pair; "\u" is taken already. */
static bool take_code_point(rm_json *json, uint32_t *point) {
    if (!take_hex(json, point)) {
        return false;
    }
    if (*point == 0) {
        return fail(json, "a zero character in a string");
    }
    if (*point < 0xd800 || *point > 0xdfff) {
        return true;
    }
    uint32_t low = 0;
    if (*point > 0xdbff || json->size - json->at < 2 || memcmp(json->text + json->at, "\\u", 2) != 0) {
        return fail(json, "half of a surrogate pair");
    }
    json->at += 2;
    if (!take_hex(json, &low)) {
        return false;
    }
    if (low < 0xdc00 || low > 0xdfff) {
        return fail(json, "half of a surrogate pair");
    }
    *point = 0x10000 + ((*point - 0xd800) << 10 | (low - 0xdc00));
    return true;
}

/* Decodes the escape whose backslash is taken to `to`; returns the bytes written, 0 where it is wrong. */
static uint64_t take_escape(rm_json *json, char *to) {
    static const char NAMES[] = "\"\\/bfnrt", VALUES[] = "\"\\/\b\f\n\r\t";
    const char name = json->at < json->size ? json->text[json->at++] : '\0';
    const char *found = name == '\0' ? NULL : strchr(NAMES, name);
    if (found != NULL) {
        *to = VALUES[found - NAMES];
        return 1;
    }
    uint32_t point;
    if (name != 'u') {
        (void)fail(json, "an unknown escape in a string");
        return 0;
    }
    return take_code_point(json, &point) ? utf8_write(to, point) : 0;
}

/* Takes one character of a string to `to`, which never runs past what was taken; 0 where it is wrong. */
static uint64_t take_character(rm_json *json, char *to) {
    const char c = json->text[json->at];
    if (c == '\\') {
        json->at++;
        return take_escape(json, to);
    }
    if ((uint8_t)c < 0x20) {
        (void)fail(json, "a control character in a string");
        return 0;
    }
    const uint64_t length = rm_utf8_bytes(json->text + json->at, json->size - json->at);
    if (length == 0) {
        (void)fail(json, "a string is not UTF-8");
        return 0;
    }
    memmove(to, json->text + json->at, length);
    json->at += length;
    return length;
}

const char *rm_json_string(rm_json *json) {
    if (peek(json) != '"') {
        (void)fail(json, "expected a string");
        return NULL;
    }
    json->at++;
    char *start = json->text + json->at, *end = start;
    while (json->at < json->size && json->text[json->at] != '"') {
        const uint64_t length = take_character(json, end);
        if (length == 0) {
            return NULL;
        }
        end += length;
    }
    if (json->at == json->size) {
        (void)fail(json, "an unterminated string");
        return NULL;
    }
    json->at++; /* the closing quote leaves room for the zero byte */
    *end = '\0';
    return start;
}

bool rm_json_integer(rm_json *json, uint64_t *value) {
    const char first = peek(json);
    if (first < '0' || first > '9') {
        return fail(json, "expected a whole number of 0 or more");
    }
    const uint64_t start = json->at;
    *value = 0;
    for (; json->at < json->size; json->at++) {
        const char c = json->text[json->at];
        if (c < '0' || c > '9') {
            break;
        }
        const uint64_t digit = (uint64_t)(c - '0');
        if (*value > (UINT64_MAX - digit) / 10) {
            return fail(json, "a number of 2^64 or more");
        }
        *value = *value * 10 + digit;
    }
    const char next = json->at < json->size ? json->text[json->at] : '\0';
    if ((first == '0' && json->at - start > 1) || next == '.' || next == 'e' || next == 'E') {
        return fail(json, "expected a whole number without leading zeros, fraction or exponent");
    }
    return true;
}

bool rm_json_end(rm_json *json) {
    (void)peek(json);
    return json->wrong == NULL && (json->at == json->size || fail(json, "text after the object"));
}
