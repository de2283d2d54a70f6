/* rule_options.h - the options that say which RoPE rule, shared by every command that takes one */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_RULE_OPTIONS_H
#define ROPEMAP_TOOLS_RULE_OPTIONS_H

#include "tools/ropemap/command.h"

/* Options that were given: these win over what a model says. */
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

/* The first member of what such a command parses into: the table's setters take it for that. */
typedef struct rule_options {
    ropemap_spec spec; /* the defaults, with what was given; after rule_options_resolve the rule itself */
    uint32_t given;    /* of RULE_ bits */
    int32_t grid[ROPEMAP_MAX_AXES], sides;   /* --grid as given: numbers, and how many */
    bool plain_grid;                         /* a grid without axes has a meaning */
    const char *model, *preset, *layer_type; /* borrowed from the command line; NULL: not given */
    const char *config;                      /* the text of a config.json instead; borrowed; NULL: none */
    size_t config_bytes;
    const char *frequencies;    /* FILE.npy[:HEAD]; borrowed; NULL: base and scaling make them */
    int64_t head;               /* row of such a file where it names none */
    ropemap_frequencies *table; /* of that file, after rule_options_resolve; owned; the rule borrows it */
    ropemap_model *opened;      /* the model, after rule_options_resolve; owned; NULL: none */
} rule_options;

rule_options rule_options_default(void);

/* Whether a model is named. */
bool rule_options_named(const rule_options *rule);

/* Opens the model that is named, and takes from it what was not given. */
ropemap_status rule_options_resolve(rule_options *rule, ropemap_error *error);

void rule_options_free(rule_options *rule);

/* "base 10000", or "frequencies of FILE" where the rule has those. */
void rule_origin(const ropemap_spec *spec, char *text, size_t size);

/* The rows that a command with takes_rule has before its own, ended by a row without a name. */
extern const cli_option rule_option_table[];

const char *layout_choice(int index);

#endif
