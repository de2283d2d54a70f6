/* command_plan.h - the options of `ropemap plan`, and the bases and factors that it finds */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_COMMAND_PLAN_H
#define ROPEMAP_TOOLS_ROPEMAP_COMMAND_PLAN_H

#include "host/ropemap_decay.h"
#include "tools/ropemap/options/rule_options.h"
#include "tools/ropemap/result.h"

enum { PLAN_WINDOWS_MOST = 16, PLAN_CHOICES = 5, PLAN_FLAG_BYTES = 400 };

typedef struct plan_options {
    rule_options rule;
    double keep;        /* share of S(0) */
    int64_t original;   /* 0: not given */
    int only;           /* the change that is looked at, from 1; 0: all */
    int32_t windows;    /* of each choice */
    cli_interval bases; /* that are searched; zeroed: 1 to 1e16 */
    double resolution;  /* relative width of the least window that is found; 0: as the help says */
    int32_t threads;
    bool json, quiet;
    cli_call *call; /* that computes it */
} plan_options;

/* A base, or a factor of a scaling rule, and where it keeps similarity up to the length. */
typedef struct plan_choice {
    bool of_factor;
    int32_t count; /* of windows; 0: none in the range that was searched */
    ropemap_window windows[PLAN_WINDOWS_MOST];
    double value; /* a short number in the first window, or what the rule has where that holds; 0: none */
    bool held;    /* `value` is what the rule has */
    ropemap_spec spec;   /* the rule with `value` */
    ropemap_reach reach; /* of that */
} plan_choice;

typedef struct plan_results {
    int64_t length;  /* tokens */
    double original; /* length that the model was trained at, or that is assumed */
    bool assumed;
    double base; /* of the rule */
    plan_choice choices[PLAN_CHOICES];
    int count;
} plan_results;

/* "base", "linear", ... */
const char *plan_name(const plan_choice *choice);

/* How three programs are told of a choice that has a value; "" where one cannot be. */
typedef struct plan_flags {
    char transformers[PLAN_FLAG_BYTES];   /* lines of config.json, of version 5 */
    char transformers_4[PLAN_FLAG_BYTES]; /* of version 4 */
    char vllm[PLAN_FLAG_BYTES];           /* the end of a command line, as llama_cpp is */
    char llama_cpp[PLAN_FLAG_BYTES];
    const char *note; /* what to know of them, a sentence; NULL: nothing */
} plan_flags;

/* `own`: the scaling of the model itself, which its files state. */
void plan_flags_make(const plan_choice *choice, ropemap_scaling_rule own, int64_t length, plan_flags *flags);

#endif
