/* rule_options.h - the options of a RoPE rule, and the rule that they and a model make */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_RULE_OPTIONS_H
#define ROPEMAP_TOOLS_RULE_OPTIONS_H

#include "host/ropemap_model.h"
#include "tools/ropemap/command.h"

/* Options that were given: these override the model. */
enum {
    RULE_BASE = 1 << 0,
    RULE_HEAD_DIM = 1 << 1,
    RULE_ROTARY_DIM = 1 << 2,
    RULE_SCALING = 1 << 3,
    RULE_LAYOUT = 1 << 4,
    RULE_LENGTH = 1 << 5,
    RULE_AXES = 1 << 6,
    RULE_GRID = 1 << 7,
    RULE_SECTIONS = 1 << 8 /* the axes, in pairs */
};

typedef struct rule_options {
    uint32_t given;    /* of RULE_ bits */
    ropemap_spec spec; /* the defaults, with what was given; after rule_options_resolve the rule itself */
    int64_t length;    /* --length as given */
    int32_t grid[ROPEMAP_MAX_AXES], sides;   /* --grid as given: numbers, and how many */
    const char *model, *preset, *layer_type; /* borrowed from the command line; NULL: not given */
    const char *config;                      /* the text of a config.json instead; borrowed; NULL: none */
    size_t config_bytes;
    const char *config_name;    /* what messages and labels call it; borrowed; NULL: config.json */
    const char *scaling;        /* as given; borrowed; NULL: none */
    ropemap_divisors *lists;    /* of that, after rule_options_resolve; owned; the rule borrows them */
    const char *frequencies;    /* FILE.npy[:HEAD]; borrowed; NULL: base and scaling make them */
    int64_t head;               /* row of such a file where it names none */
    ropemap_frequencies *table; /* of that file, after rule_options_resolve; owned; the rule borrows it */
    ropemap_model *opened;      /* the model, after rule_options_resolve; owned; NULL: none */
} rule_options;

/* The options of every command that takes a rule, and --sections, of maps alone; they fill a rule_options. */
extern const cli_option rule_rows[], section_rows[];

rule_options rule_options_default(void);

/* The rule of a command, within its options; NULL where it takes none. */
rule_options *rule_options_of(const cli_command *command, void *options);

/* Whether a model is named. */
bool rule_options_named(const rule_options *rule);

/* Opens the model that is named, and takes from it what was not given. */
ropemap_status rule_options_resolve(rule_options *rule, ropemap_error *error);

void rule_options_free(rule_options *rule);

/* The known model whose rule it is, unchanged; else NULL. Borrowed. */
const char *rule_preset(const rule_options *rule);

/* "base 10,000", or "frequencies of FILE" where the rule has those. */
void rule_origin(const ropemap_spec *spec, char *text, size_t size);

#endif
