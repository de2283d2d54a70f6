/* result.h - what a command computes: one way from its options to a result, its files and its words */
/* SPDX-License-Identifier: MIT */
/*
 * A command that computes has a cli_result, and `result_work` as its work. The server and the Python module
 * take the result alone.
 */
#ifndef ROPEMAP_TOOLS_ROPEMAP_RESULT_H
#define ROPEMAP_TOOLS_ROPEMAP_RESULT_H

#include "tools/ropemap/run.h"

/* One computation for its caller. */
typedef struct cli_call {
    ropemap_session *session;  /* NULL: one that ends with it */
    bool alone;                /* the session ends with it too: files stay as they are as long */
    ropemap_progress progress; /* of call_tell */
    void *user;
    double heard; /* seconds; when it was last called */
} cli_call;

/* A ropemap_progress whose `user` is a cli_call: hands on at once, and then every 10 ms at most. */
int call_tell(void *user, const char *stage, double done, double total);

/* An array of a result, which owns it. */
typedef struct cli_array {
    const char *group, *name; /* group: the panel that it is of; NULL: there are none */
    const void *data;
    int32_t item; /* bytes of an element: of 4 a float, of 8 a double, else a ropemap_pair */
    int32_t rank;
    int64_t shape[4]; /* [rank] */
} cli_array;

struct work_queue; /* tools/shards */

/*
 * The results of a command. One begins zeroed, and is freed after a failure too, before the options, which it
 * borrows. Options of GROUP_OUTPUT that are not `computed` may change between `make` and `encode`. Functions
 * that a command does not need are NULL.
 */
typedef struct cli_result {
    size_t size;
    unsigned kinds; /* that `encode` makes: 1 << OUTPUT_PNG | ... */
    bool answers;   /* its words are what was asked for: --quiet leaves them */

    /* Whether the options go together. Notes in `outputs` files that it reads and adds outputs that no
     * --output names; NULL: what becomes of the result is decided later. */
    ropemap_status (*check)(void *options, cli_outputs *outputs, ropemap_error *error);
    ropemap_status (*make)(void *options, cli_call *call, void *made, ropemap_error *error);
    /* With --work: makes it together with others. It is whole where queue->end is WORK_MERGE. */
    ropemap_status (*share)(void *options, cli_call *call, struct work_queue *queue, void *made,
                            ropemap_error *error);

    /* `index`: the output, counted from those that `check` added. */
    ropemap_status (*encode)(const void *options, void *made, int index, output_kind kind,
                             ropemap_bytes *bytes, ropemap_error *error);
    /* Its files are written, which took seconds. */
    void (*written)(const void *options, void *made, double seconds);
    struct json_t *(*document)(const void *options, const void *made); /* with --json */
    void (*print)(const void *options, const void *made);              /* without, to stdout */

    bool (*array)(const void *made, int32_t index, cli_array *array); /* false past the last */
    void (*free)(void *made);
} cli_result;

/* Checks the options and makes a result; `made` [result->size] is zeroed. */
ropemap_status result_make(const cli_command *command, void *options, cli_call *call, void *made,
                           ropemap_error *error);

/* The file's bytes, owned by the caller. ROPEMAP_USAGE, ROPEMAP_RESOURCES. */
ropemap_status result_encode(const cli_command *command, void *options, void *made, output_kind kind,
                             ropemap_bytes *bytes, ropemap_error *error);

/* The work of a command: makes its result, writes what --output names, and prints. After a signal does not
 * return. */
ropemap_status result_work(void *options, cli_run *run, ropemap_error *error);

#endif
