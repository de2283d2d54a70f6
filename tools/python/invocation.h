/* invocation.h - a command of the program as a value: its options by name, its result, the files of that */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_PYTHON_INVOCATION_H
#define ROPEMAP_TOOLS_PYTHON_INVOCATION_H

#include "host/ropemap.h"
#include "host/ropemap_attention.h"

/* Opaque, used by one thread at a time. In this order: open, set and lend, run; then the rest. */
typedef struct invocation invocation;

/* `command` is the name of one that computes: "map", "sweep curve". *work is the caller's, to be freed with
 * invocation_free; NULL on failure. ROPEMAP_USAGE, ROPEMAP_RESOURCES. */
ropemap_status invocation_open(const char *command, invocation **work, ropemap_error *error);
void invocation_free(invocation *work); /* NULL is fine */

/*
 * Sets an option by its name on the command line, without dashes; `value` is copied, NULL of a flag. After
 * invocation_run those of the figure alone, and until invocation_forget. ROPEMAP_USAGE names the nearest
 * option where there is none.
 */
ropemap_status invocation_set(invocation *work, const char *name, const char *value, ropemap_error *error);

/* Options are again as invocation_run had them. */
void invocation_forget(invocation *work);

/* Queries and keys of every head, in place of files. Both are borrowed, and so are the vectors. */
void invocation_lend(invocation *work, ropemap_vectors *const *queries, int64_t query_heads,
                     ropemap_vectors *const *keys, int64_t key_heads);

/* Statuses of the library; ROPEMAP_STOPPED where `progress`, which is called at once and then every 10 ms at
 * most, returns other than 0. `session` may be NULL. */
ropemap_status invocation_run(invocation *work, ropemap_session *session, ropemap_progress progress,
                              void *user, ropemap_error *error);

/* Warning `index` of the run, the last one first; NULL past the end. The work's own. */
const char *invocation_warning(const invocation *work, int32_t index);

/* Array `index` of the result; the work's own. */
typedef struct module_array {
    const char *name;
    const void *data;
    int32_t item; /* bytes of an element: of 4 a float, of 8 a double, else a ropemap_pair */
    int32_t rank;
    int64_t shape[4]; /* [rank] */
} module_array;

/* false past the last. */
bool invocation_array(const invocation *work, int32_t index, module_array *array);

/* The rule of "info"; NULL of another command. The work's own. */
const ropemap_spec *invocation_rule(const invocation *work);

/* Everything of the result as JSON text, as the program prints it with --json. The caller frees. */
ropemap_status invocation_document(const invocation *work, ropemap_bytes *json, ropemap_error *error);

/* The bytes of a file of that name: .png, .svg, .pdf, .npy or .csv. ROPEMAP_USAGE: not of this command. */
ropemap_status invocation_encode(const invocation *work, const char *name, ropemap_bytes *bytes,
                                 ropemap_error *error);

/* Names the files that the work reads, which no output may be. */
ropemap_status invocation_inputs(const invocation *work, ropemap_outputs *outputs, ropemap_error *error);

/* Option `index` of a command, for stubs and docstrings. */
typedef struct module_option {
    const char *name, *argument, *initial, *help; /* argument and initial may be NULL */
    const char *type;  /* bool, int, float, range, interval, size, choice, path, text, texts, any */
    char choices[400]; /* with bars between them; "": any value */
} module_option;

/* false past the last. */
bool invocation_option(const char *command, int32_t index, module_option *option);

#endif
