/* command_bound.h - the options of `ropemap bound`, and its results */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_COMMAND_BOUND_H
#define ROPEMAP_TOOLS_ROPEMAP_COMMAND_BOUND_H

#include "host/ropemap_decay.h"
#include "tools/ropemap/options/print_size.h"
#include "tools/ropemap/options/rule_options.h"
#include "tools/ropemap/result.h"

#include <jansson.h>

enum { BOUND_WINDOWS_MOST = 16, BOUND_LIST_MOST = 32, BOUND_LENGTH_MOST = 1 << 24, CARD_BASES = 121 };

typedef struct bound_options {
    rule_options rule;
    int64_t lengths[BOUND_LIST_MOST], dims[BOUND_LIST_MOST]; /* of --table */
    int length_count, dim_count;
    int32_t windows; /* to look for, the first from the least base on */
    int64_t limit;
    cli_interval bases; /* that are searched; zeroed: the library's */
    double resolution;  /* relative width of the least window that is found */
    int32_t threads;
    cli_texts outputs; /* charts of the table */
    print_size print;
    bool card; /* draw the decay card instead of the table */
    bool json, quiet, force;
    cli_call *call; /* that computes it */
} bound_options;

bound_options bound_options_default(void);

/* The rows, which fill a bound_options. */
extern const cli_option bound_rows[];

/* The windows of bases of one length and dimension. */
typedef struct bound_found {
    int64_t length;
    int32_t head_dim;
    int32_t count;
    ropemap_window windows[BOUND_WINDOWS_MOST];
} bound_found;

/* Whether a first window has every base above 1: the search began there, next to 1. */
static inline bool bound_any_base(const ropemap_window *first) {
    return first->low_is_edge && first->low < 1.000001;
}

/* What each of the card's bases reaches; NaN: not within what was searched. */
typedef struct bound_card {
    double base[CARD_BASES], half[CARD_BASES], zero[CARD_BASES];
} bound_card;

/* All results. */
typedef struct bound_results {
    bool has_reach;
    ropemap_reach reach;
    int64_t limit;      /* distances that were searched for it */
    bound_found *found; /* [count], owned */
    int count;
    bound_card *card; /* owned; NULL: none */
} bound_results;

/* ROPEMAP_USAGE for options that do not go together or are missing. `given` is a bound_options. */
ropemap_status bound_check(void *given, cli_outputs *outputs, ropemap_error *error);

/* The decay card of a rule that is resolved: computed, as the end of a document, and as a picture. */
ropemap_status card_make(const bound_options *options, bound_card *card, ropemap_error *error);
json_t *card_document(const bound_card *card);
ropemap_status card_encode(const bound_options *options, const bound_results *results, output_kind kind,
                           ropemap_bytes *bytes, ropemap_error *error);

#endif
