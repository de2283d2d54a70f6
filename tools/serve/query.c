/* query.c - the part of a URL behind the question mark, as names and values */
/* SPDX-License-Identifier: MIT */
#include "tools/serve/query.h"

#include "tools/ropemap/failure.h"

#include <string.h>

static int digit(char text) {
    return text >= '0' && text <= '9'   ? text - '0'
           : text >= 'a' && text <= 'f' ? text - 'a' + 10
           : text >= 'A' && text <= 'F' ? text - 'A' + 10
                                        : -1;
}

/* Decodes `length` bytes to `out`, which has room for one more. */
static ropemap_status decode(const char *text, size_t length, char *out, ropemap_error *error) {
    for (size_t at = 0; at < length; at++) {
        int byte = (unsigned char)text[at];
        if (text[at] == '%') {
            const bool whole = length - at > 2 && digit(text[at + 1]) >= 0 && digit(text[at + 2]) >= 0;
            if (!whole) {
                return fail(error, ROPEMAP_USAGE, "query: '%%' without two hexadecimal digits");
            }
            byte = 16 * digit(text[at + 1]) + digit(text[at + 2]);
            at += 2;
        } else if (text[at] == '+') {
            byte = ' ';
        }
        if (byte < 0x20 || byte == 0x7f) {
            return fail(error, ROPEMAP_USAGE, "query: a control character (%d); give text", byte);
        }
        *out++ = (char)byte;
    }
    *out = '\0';
    return ROPEMAP_OK;
}

ropemap_status query_parse(const char *text, serve_query *query, ropemap_error *error) {
    size_t used = 0;
    query->count = 0;
    if (text == NULL) {
        return ROPEMAP_OK;
    }
    if (strlen(text) + 2 > sizeof query->text / 2) {
        return fail(error, ROPEMAP_USAGE, "query: %zu bytes; give fewer than %zu", strlen(text),
                    sizeof query->text / 2 - 1);
    }
    while (*text != '\0') {
        const size_t length = strcspn(text, "&");
        const char *equals = memchr(text, '=', length);
        const size_t name = equals != NULL ? (size_t)(equals - text) : length;
        if (length > 0) {
            if (query->count == SERVE_PAIRS) {
                return fail(error, ROPEMAP_USAGE, "query: more than %d names", SERVE_PAIRS);
            }
            serve_pair *pair = &query->pairs[query->count++];
            char *to = query->text + used;
            ropemap_status status = decode(text, name, to, error);
            pair->name = to;
            used += name + 1;
            to = query->text + used;
            const size_t rest = equals != NULL ? length - name - 1 : 0;
            status =
                status == ROPEMAP_OK ? decode(equals != NULL ? equals + 1 : "", rest, to, error) : status;
            pair->value = to;
            used += rest + 1;
            if (status != ROPEMAP_OK) {
                return status;
            }
        }
        text += length + (text[length] == '&' ? 1 : 0);
    }
    return ROPEMAP_OK;
}

void query_copy(serve_query *to, const serve_query *from) {
    *to = *from;
    for (int i = 0; i < to->count; i++) {
        to->pairs[i].name = to->text + (from->pairs[i].name - from->text);
        to->pairs[i].value = to->text + (from->pairs[i].value - from->text);
    }
}

const char *query_take(serve_query *query, const char *name) {
    const char *value = NULL;
    int kept = 0;
    for (int i = 0; i < query->count; i++) {
        if (strcmp(query->pairs[i].name, name) == 0) {
            value = query->pairs[i].value;
        } else {
            query->pairs[kept++] = query->pairs[i];
        }
    }
    query->count = kept;
    return value;
}

/* No name or value has a control character, so those mark where each ends. */
size_t query_key(const serve_query *query, const char *path, char *text, size_t size) {
    size_t length = strlen(path);
    if (length >= size) {
        return 0;
    }
    memcpy(text, path, length);
    for (int i = 0; i < query->count; i++) {
        const char *const parts[] = {query->pairs[i].name, query->pairs[i].value};
        for (int part = 0; part < 2; part++) {
            const size_t more = strlen(parts[part]);
            if (more + 1 >= size - length) {
                return 0;
            }
            text[length++] = part == 0 ? '\n' : '\t';
            memcpy(text + length, parts[part], more);
            length += more;
        }
    }
    text[length] = '\0';
    return length;
}
