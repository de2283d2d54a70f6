/* command_explain.h - ropemap explain */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_COMMAND_EXPLAIN_H
#define ROPEMAP_TOOLS_ROPEMAP_COMMAND_EXPLAIN_H

#include "host/ropemap_decay.h"
#include "tools/ropemap/options/rule_options.h"
#include "tools/ropemap/result.h"

enum {
    EXPLAIN_SENTENCES = 5,
    EXPLAIN_SENTENCE_BYTES = 1024,
    EXPLAIN_LIMIT = 1 << 22 /* distances that a first zero is looked for at */
};

typedef struct explain_options {
    rule_options rule;
    bool quick; /* without the last sentence */
    bool json, quiet;
    int32_t threads; /* 0: as many as the machine has */
    cli_call *call;  /* that computes it */
} explain_options;

typedef struct explanation {
    char sentence[EXPLAIN_SENTENCES][EXPLAIN_SENTENCE_BYTES];
    ropemap_reach own, plain; /* plain: without scaling */
    ropemap_reach rotated;    /* of the rotated part of the head alone; as own where that is all */
    double more, less;        /* bases ten times as large and a tenth */
    ropemap_reach at_more, at_less;
    int64_t reach_half_dim, reach_double_dim;
    double falls_from, falls_to; /* a larger base that reaches less far; 0: none was met */
    int64_t falls_reach_from, falls_reach_to;
    int64_t length;        /* that the least base is for */
    double least_base;     /* 0: there is none */
    bool has_least;        /* it was looked for */
    bool least_is_edge;    /* every base above 1 holds */
    bool least_is_lasting; /* and so does every larger base */
    double attention;
    int32_t pairs, slowed;
} explanation;

/* The least base alone, which depends on all of the rule but its base; `to` is zeroed. */
ropemap_status explain_least(explain_options *options, explanation *to, ropemap_error *error);

#endif
