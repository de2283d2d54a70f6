/* work.h - a command of the program as a value: its options by name, its result, the files of that */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_PYTHON_WORK_H
#define ROPEMAP_TOOLS_PYTHON_WORK_H

#include "host/ropemap.h"
#include "host/ropemap_attention.h"

/* Opaque, used by one thread at a time. In this order: open, set and lend, run; then the rest. */
typedef struct module_work module_work;

/* `command` is the name of one that computes: "map", "sweep curve". *work is the caller's, to be freed with
 * work_free; NULL on failure. ROPEMAP_USAGE, ROPEMAP_RESOURCES. */
ropemap_status work_open(const char *command, module_work **work, ropemap_error *error);
void work_free(module_work *work); /* NULL is fine */

/*
 * Sets an option by its name on the command line, without dashes; `value` is copied, NULL of a flag. After
 * work_run those of the figure alone, and until work_forget. ROPEMAP_USAGE names the nearest option where
 * there is none.
 */
ropemap_status work_set(module_work *work, const char *name, const char *value, ropemap_error *error);

/* Options are again as work_run had them. */
void work_forget(module_work *work);

/* Queries and keys of every head, in place of files. Both are borrowed, and so are the vectors. */
void work_lend(module_work *work, ropemap_vectors *const *queries, int64_t query_heads,
               ropemap_vectors *const *keys, int64_t key_heads);

/* Statuses of the library; ROPEMAP_STOPPED where `progress` returns other than 0. `session` may be NULL. */
ropemap_status work_run(module_work *work, ropemap_session *session, ropemap_progress progress, void *user,
                        ropemap_error *error);

/* Warning `index` of the run, the last one first; NULL past the end. The work's own. */
const char *work_warning(const module_work *work, int32_t index);

/* Array `index` of the result; the work's own. */
typedef struct module_array {
    const char *name;
    const void *data;
    int32_t item; /* bytes of an element: of 4 a float, of 8 a double, else a ropemap_pair */
    int32_t rank;
    int64_t shape[4]; /* [rank] */
} module_array;

/* false past the last. */
bool work_array(const module_work *work, int32_t index, module_array *array);

/* Everything of the result as JSON text, as the program prints it with --json. The caller frees. */
ropemap_status work_document(const module_work *work, ropemap_bytes *json, ropemap_error *error);

/* The bytes of a file of that name: .png, .svg, .pdf, .npy or .csv. ROPEMAP_USAGE: not of this command. */
ropemap_status work_encode(const module_work *work, const char *name, ropemap_bytes *bytes,
                           ropemap_error *error);

/* Names the files that the work reads, which no output may be. */
ropemap_status work_inputs(const module_work *work, ropemap_outputs *outputs, ropemap_error *error);

/* Option `index` of a command, for stubs and docstrings. */
typedef struct module_option {
    const char *name, *argument, *initial, *help; /* argument and initial may be NULL */
    const char *type;  /* bool, int, float, range, interval, size, choice, path, text, texts, any */
    char choices[400]; /* with bars between them; "": any value */
} module_option;

/* false past the last. */
bool work_option(const char *command, int32_t index, module_option *option);

#endif
