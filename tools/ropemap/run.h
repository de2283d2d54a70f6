/* run.h - one command from its arguments to its exit code: its files, and its result */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_RUN_H
#define ROPEMAP_TOOLS_ROPEMAP_RUN_H

#include "tools/ropemap/command.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/options.h"

#include <stdio.h>

/*
 * A command adds every output and checks them all before it works; then, between run_begin and run_end, it
 * writes them. Outputs that are not finished when the set is freed leave nothing behind.
 */

/* What a file holds. */
typedef enum output_kind {
    OUTPUT_PNG,
    OUTPUT_SVG,
    OUTPUT_PDF,
    OUTPUT_NPY,
    OUTPUT_CSV,
    OUTPUT_SAFETENSORS,
    OUTPUT_H,
    OUTPUT_GGUF,
    OUTPUT_KINDS /* the name does not say */
} output_kind;

/* Sets of kinds. */
enum {
    OUTPUT_ANY = 0, /* the name plays no part */
    OUTPUT_PICTURES = 1 << OUTPUT_PNG | 1 << OUTPUT_SVG | 1 << OUTPUT_PDF
};

/*
 * By the name's ending; of standard output and other names that are written in place by what comes before a
 * colon, "svg:-", and without that a PNG.
 */
output_kind output_kind_of(const char *name);

/* Of a picture; a PNG where the kind is none. */
ropemap_format output_format(output_kind kind);

enum { OUTPUTS_FRAMES = 1024 /* of a sweep */, OUTPUTS_MOST = TEXTS_MOST + OUTPUTS_FRAMES };

/* Free with outputs_free, also after a failure. */
struct cli_outputs {
    ropemap_outputs *set;
    const char *stdout_name; /* the output that takes standard output; NULL: none does */
    char **inputs;           /* [input_count] the files that options read; owned */
    int input_count, count;
    output_kind kinds[OUTPUTS_MOST]; /* [count] */
};

/* Notes the files that `value` names, where the option reads any (cli_option.reads). */
ropemap_status outputs_note(cli_outputs *outputs, const cli_option *option, const char *value,
                            ropemap_error *error);

/* Adds an output of one of `kinds`. ROPEMAP_USAGE, also where it is an input or another output. */
ropemap_status outputs_add(cli_outputs *outputs, const char *name, unsigned kinds, bool force,
                           ropemap_error *error);

ropemap_status outputs_add_all(cli_outputs *outputs, const cli_texts *names, unsigned kinds, bool force,
                               ropemap_error *error);

/*
 * Whether all of them can be written. `prints` names the option that prints to standard output, "--json"; "":
 * text, which is left out where an output takes standard output; NULL: nothing. Called with signals acting.
 * ROPEMAP_USAGE, ROPEMAP_IO.
 */
ropemap_status outputs_check(cli_outputs *outputs, const char *prints, ropemap_error *error);

/* Makes the bytes of an output: in memory from malloc, as the library's is, to be freed by the caller with
 * ropemap_bytes_free. */
typedef ropemap_status (*output_encoder)(void *what, int index, output_kind kind, ropemap_bytes *bytes,
                                         ropemap_error *error);

/* The bytes of a table that `put` prints, freed in the same way. ROPEMAP_RESOURCES. */
ropemap_status outputs_table(void (*put)(FILE *stream, const void *what), const void *what,
                             ropemap_bytes *bytes, ropemap_error *error);

/* Encodes and writes every output, those in place first, as nothing else lies about meanwhile; then gives all
 * files their names. ROPEMAP_STOPPED after a signal, ROPEMAP_IO. */
ropemap_status outputs_write(cli_outputs *outputs, output_encoder encode, void *what, ropemap_error *error);

void outputs_free(cli_outputs *outputs);

/* A command's options with their defaults, to be freed with options_free; NULL: no memory. */
void *options_new(const cli_command *command);
void options_free(const cli_command *command, void *options);

/* A command line that was parsed, and what its command makes of it. */
struct cli_run {
    const cli_command *command;
    cli_line line;
    cli_outputs outputs; /* knows every file that an option reads (cli_option.reads) */
    cli_progress progress;
    int code; /* the exit code where the command does not fail */
};

/* --threads, which fills an int32_t. */
extern const cli_option thread_rows[];

/* Parses the arguments, prints the help page or does the command's work, and reports a failure. argv[0] is
 * the command's name. Returns the exit code. */
int command_run(const cli_command *command, int argc, char **argv);

/* The same; `prepare` changes the options that the arguments have set. */
int command_run_prepared(const cli_command *command, int argc, char **argv,
                         void (*prepare)(const cli_command *command, void *options));

/* Long work begins: progress_tell with &run->progress reports it, and signals are remembered. */
void run_begin(cli_run *run, bool quiet);

/* It ends: outputs that are not finished are removed; a signal that came ends the process now. */
void run_end(cli_run *run);

/* ---- results */

/*
 * A command that computes has a cli_result, and `result_work` as its work. The server and the Python module
 * take the result alone.
 */

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
