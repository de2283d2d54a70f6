/* outputs.h - the one place where commands open what they write */
/* SPDX-License-Identifier: MIT */
/*
 * A command adds every output and checks them all before it works; then, between run_begin and run_end, it
 * writes them. Outputs that are not finished when the set is freed leave nothing behind.
 */
#ifndef ROPEMAP_TOOLS_OUTPUTS_H
#define ROPEMAP_TOOLS_OUTPUTS_H

#include "tools/ropemap/command.h"

#include <stdio.h>

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
typedef struct cli_outputs {
    ropemap_outputs *set;
    const char *stdout_name; /* the output that takes standard output; NULL: none does */
    char **inputs;           /* [input_count] the files that options read; owned */
    int input_count, count;
    output_kind kinds[OUTPUTS_MOST]; /* [count] */
} cli_outputs;

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

#endif
