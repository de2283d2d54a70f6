/* outputs.h - the one place where commands open what they write */
/* SPDX-License-Identifier: MIT */
/*
 * A command that writes files parses its line with outputs_parse, which notes the files that it reads, adds
 * every output and checks them all. Then, with signals held, it works, writes them in the order of
 * outputs_order, finishes and frees: what is not finished when it is freed leaves nothing behind.
 */
#ifndef ROPEMAP_TOOLS_OUTPUTS_H
#define ROPEMAP_TOOLS_OUTPUTS_H

#include "tools/ropemap/vary.h"

/* What a file holds. */
typedef enum output_kind {
    OUTPUT_PNG,
    OUTPUT_SVG,
    OUTPUT_PDF,
    OUTPUT_NPY,
    OUTPUT_CSV,
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

/* Free with outputs_free, also after a failure. */
typedef struct cli_outputs {
    ropemap_outputs *set;
    const char *stdout_name; /* the output that takes standard output; NULL: none does */
    int count;
    ropemap_status noted; /* of the files that are read */
    ropemap_error note_error;
} cli_outputs;

/* options_parse, with a note of every file that an option reads (cli_option.reads). */
ropemap_status outputs_parse(const cli_command *command, int argc, char **argv, void *into, bool *help,
                             cli_outputs *outputs, ropemap_error *error);

/* Notes what is read where such options vary. */
ropemap_status outputs_note_vary(cli_outputs *outputs, const vary_set *vary, ropemap_error *error);

/* Adds an output of one of `kinds`. ROPEMAP_USAGE, also where it is an input or another output. */
ropemap_status outputs_add(cli_outputs *outputs, const char *name, unsigned kinds, bool force,
                           ropemap_error *error);

/*
 * Whether all of them can be written. `prints` names the option that prints to standard output, "--json"; "":
 * text, which is left out where an output takes standard output; NULL: nothing. Called with signals acting.
 * ROPEMAP_USAGE, ROPEMAP_IO.
 */
ropemap_status outputs_check(cli_outputs *outputs, const char *prints, ropemap_error *error);

/* Which output is written as the `at`-th: those in place come first, as nothing else lies about meanwhile. */
int outputs_order(const cli_outputs *outputs, int at);

/* Writes one, and takes nothing from `bytes`. ROPEMAP_STOPPED after a signal, ROPEMAP_IO. */
ropemap_status outputs_write(cli_outputs *outputs, int index, const ropemap_bytes *bytes,
                             ropemap_error *error);

/* Gives all of them their names. */
ropemap_status outputs_finish(cli_outputs *outputs, ropemap_error *error);

void outputs_free(cli_outputs *outputs);

#endif
