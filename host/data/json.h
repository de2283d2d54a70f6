/* json.h - reads JSON of a known shape, without a tree and without allocating */
/* SPDX-License-Identifier: MIT */
/*
 * A tree of a safetensors header takes 15 to 45 times the header's bytes (jansson 2.14: 1.0 GB for 10^6
 * tensors in 70 MB), too much for input that is not validated yet. The syntax is RFC 8259's; numbers are
 * whole and not negative, since the header has no others. The caller looks for duplicate keys.
 */
#ifndef ROPEMAP_HOST_DATA_JSON_H
#define ROPEMAP_HOST_DATA_JSON_H

#include <stdbool.h>
#include <stdint.h>

typedef struct rm_json {
    char *text; /* [size], changed by the walk: strings are decoded in place */
    uint64_t size, at;
    const char *wrong; /* NULL, or what is wrong at byte `at`: from then on nothing is taken */
} rm_json;

/* Takes `wanted`, one of {}[]:, after white space. False, and wrong, where there is something else. */
bool rm_json_take(rm_json *json, char wanted);

/*
 * Call before each element of an object or array, with *first true before the first one: takes the comma and
 * returns true, or takes `close` and returns false. False, and wrong, where there is neither.
 */
bool rm_json_more(rm_json *json, char close, bool *first);

/* The next string, decoded to UTF-8 and ended by a zero byte inside the text; NULL, and wrong, where none is.
 */
const char *rm_json_string(rm_json *json);

/* The next number: digits alone, below 2^64. */
bool rm_json_integer(rm_json *json, uint64_t *value);

/* Whether nothing but white space is left. False, and wrong, otherwise. */
bool rm_json_end(rm_json *json);

#endif
