/* tsv.h - golden files of tests/data: lines of fields with tabs between them */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_TSV_H
#define ROPEMAP_TESTS_TSV_H

#include "tests/unit.h"

/* "rules/exact.tsv" of tests/data. */
static inline FILE *tsv_open(const char *name) {
    char path[1000];
    (void)snprintf(path, sizeof path, "%s/%s", RM_TEST_DATA, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fail_msg("%s is missing", path);
    }
    return file;
}

/* The field that *rest starts with, ended in place; *rest moves past it. */
static inline char *tsv_field(char **rest) {
    char *field = *rest, *end = field + strcspn(field, "\t\n");
    *rest = *end == '\0' ? end : end + 1;
    *end = '\0';
    return field;
}

static inline double tsv_number(char **rest) {
    return strtod(tsv_field(rest), NULL);
}

/* Words of eight hexadecimal digits, the bits of floats; returns their number, at most `most`. */
static inline int32_t tsv_floats(const char *words, float *values, int32_t most) {
    int32_t count = 0;
    for (char *end = NULL; count < most; count++, words = end) {
        const uint32_t bits = (uint32_t)strtoul(words, &end, 16);
        if (end == words) {
            break;
        }
        memcpy(&values[count], &bits, sizeof bits);
    }
    return count;
}

#endif
