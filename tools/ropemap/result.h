/* result.h - what a command computes, as a value: its arrays, its document and its files come later */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_RESULT_H
#define ROPEMAP_TOOLS_ROPEMAP_RESULT_H

#include "tools/ropemap/outputs.h"

/* One computation for a caller of its own. */
typedef struct cli_call {
    ropemap_session *session;  /* NULL: one that ends with it */
    ropemap_progress progress; /* of call_tell */
    void *user;
    double heard; /* seconds; when it was last called */
} cli_call;

/* An array of a result, which owns it. */
typedef struct cli_array {
    const char *group, *name; /* group: the panel that it is of; NULL: there are none */
    const void *data;
    int32_t item; /* bytes of an element: of 4 a float, of 8 a double, else a ropemap_pair */
    int32_t rank;
    int64_t shape[4]; /* [rank] */
} cli_array;

/*
 * The results of a command. One begins zeroed, and is freed after a failure too, before the options, which it
 * borrows. Options of GROUP_OUTPUT that are not `computed` may change between `make` and `encode`.
 */
typedef struct cli_result {
    size_t size;
    unsigned kinds; /* that `encode` makes: 1 << OUTPUT_PNG | ... */
    ropemap_status (*make)(void *options, cli_call *call, void *made, ropemap_error *error);
    struct json_t *(*document)(const void *options, const void *made); /* NULL: there is none */
    ropemap_status (*encode)(const void *options, const void *made, output_kind kind, ropemap_bytes *bytes,
                             ropemap_error *error);                   /* NULL: there is no picture */
    bool (*array)(const void *made, int32_t index, cli_array *array); /* false past the last; NULL: none */
    void (*free)(void *made);                                         /* NULL: it owns nothing */
} cli_result;

#endif
