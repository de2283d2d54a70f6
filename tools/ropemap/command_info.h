/* command_info.h - ropemap info: what a rule or a model does with each pair */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_COMMAND_INFO_H
#define ROPEMAP_TOOLS_ROPEMAP_COMMAND_INFO_H

#include "host/ropemap_model.h"
#include "tools/ropemap/options/print_size.h"
#include "tools/ropemap/options/rule_options.h"
#include "tools/ropemap/run.h"

#include <jansson.h>

typedef struct info_options {
    rule_options rule;
    bool presets, json, force;
    cli_texts outputs; /* pictures */
    print_size print;
} info_options;

/* A rule and what it makes of each pair. */
typedef struct info_rule {
    const ropemap_spec *spec;
    const ropemap_model *model; /* NULL: none */
    uint32_t given;             /* RULE_ bits of the options that were given */
    int32_t pairs;
    int64_t trained_length;             /* tokens; 0: unknown */
    double attention;                   /* cosines and sines of q and of k are multiplied by it */
    double radians[ROPEMAP_MAX_PAIRS];  /* a token */
    double plain[ROPEMAP_MAX_PAIRS];    /* the same without scaling */
    int64_t seen_length;                /* tokens that the pairs were trained with; 0: not known */
    int64_t target_length;              /* --length; 0: not given */
    double new_from[ROPEMAP_MAX_PAIRS]; /* tokens past which a pair that never completed a turn in training
                                           reaches angles not seen there; 0: it does not */
} info_rule;

/* The known models, each an object; NULL: no memory. The caller owns it. */
json_t *presets_array(void);

#endif
