/* scaling.h - the table of scaling rules: parameters, their text and their check */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_RULE_SCALING_H
#define ROPEMAP_HOST_RULE_SCALING_H

#include "host/base/status.h"
#include "host/rule/double_double.h"

/* How a parameter is written and kept in a ropemap_scaling. */
typedef enum rm_parameter_kind {
    RM_PARAMETER_NUMBER, /* a double */
    RM_PARAMETER_TOKENS, /* a number of tokens, a double: its k is 1,024, that of others 1,000 */
    RM_PARAMETER_FLAG,   /* 0 or 1, a bool */
    RM_PARAMETER_RAMP,   /* a word, a ropemap_ramp */
    RM_PARAMETER_USE,    /* a word, a ropemap_factors */
    RM_PARAMETER_LIST    /* numbers separated by slashes, a list and list_count */
} rm_parameter_kind;

typedef struct rm_parameter {
    const char *key; /* "beta-fast" */
    rm_parameter_kind kind;
    size_t offset;                /* in ropemap_scaling */
    double low, high;             /* that it may have */
    double usual_low, usual_high; /* that models have; 0, 0: no numbers */
    double otherwise;             /* when it is not given; 0: by the rule */
} rm_parameter;

enum { RM_PARAMETERS_MOST = 10 };

/* A rule's own view of a parameter. */
typedef struct rm_taken {
    const rm_parameter *parameter; /* NULL past the last */
    bool required;
} rm_taken;

/* Frequencies of pair 0 .. pairs - 1 in radians per token, and the attention factor where it is not 1. */
typedef void rm_rule(const ropemap_spec *spec, int32_t pairs, rm_twofold *radians, double *attention);

typedef struct rm_scaling_row {
    const char *name;
    const char *does; /* a phrase for the help page */
    rm_taken takes[RM_PARAMETERS_MOST];
    rm_rule *rule;
    /* Optional (NULL): a check of parameters against each other. */
    ropemap_status (*check)(const ropemap_spec *spec, ropemap_error *error);
} rm_scaling_row;

/* The row of a rule, NULL where there is no such rule. */
const rm_scaling_row *rm_scaling_find(ropemap_scaling_rule rule);

/* Whether the parameter is given, its value as a number (of a list: how long it is). */
double rm_parameter_value(const ropemap_scaling *scaling, const rm_parameter *parameter);

/* Of a list, NULL where it is not given. */
const double *rm_parameter_list(const ropemap_scaling *scaling, const rm_parameter *parameter);

/* ROPEMAP_USAGE where a parameter is missing, out of its range, or not one of the rule's. */
ropemap_status rm_scaling_check(const ropemap_spec *spec, ropemap_error *error);

/* The words of a parameter, NULL past the last. */
const char *rm_ramp_name(int index);

const char *rm_factors_name(int index);

/* The ramp of YaRN's code: 0 up to pair `low`, 1 from pair `high` on. */
typedef struct rm_ramp_ends {
    double low, high;
} rm_ramp_ends;

rm_ramp_ends rm_yarn_ends(double base, int32_t rotary_dim, double original_length, double beta_fast,
                          double beta_slow, bool untruncated);

/* The list of divisors that the length, or the rule's own word, chooses. */
const double *rm_scaling_divisors(const ropemap_spec *spec);

/* theta_i = base^(-2i/D). */
void rm_plain_frequencies(double base, int32_t pairs, rm_twofold *radians);

/* The pairs that rotate: those of the whole head if rotary_dim is 0. */
int32_t rm_spec_pairs(const ropemap_spec *spec);

/* `value`, or `otherwise` if it is 0. */
static inline double rm_given(double value, double otherwise) {
    return value != 0.0 ? value : otherwise;
}

/* 1 / (2 pi), correct to 2^-110. */
static const rm_twofold rm_turns_per_radian = {.high = 0x1.45f306dc9c883p-3, .low = -0x1.6b01ec5417056p-57};

#endif
