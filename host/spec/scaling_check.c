/* scaling_check.c - whether a rule has the parameters it needs, and no others, each in its range */
/* SPDX-License-Identifier: MIT */
#include "host/spec/scaling.h"

#include <stddef.h>
#include <string.h>

double rm_parameter_value(const ropemap_scaling *scaling, const rm_parameter *parameter) {
    const char *at = (const char *)scaling + parameter->offset;
    double number = 0.0;
    switch (parameter->kind) {
    case RM_PARAMETER_NUMBER:
    case RM_PARAMETER_TOKENS:
        memcpy(&number, at, sizeof number);
        return number;
    case RM_PARAMETER_FLAG:
        return *(const bool *)at ? 1.0 : 0.0;
    case RM_PARAMETER_RAMP:
        return (double)scaling->ramp;
    case RM_PARAMETER_USE:
        return (double)scaling->factors;
    case RM_PARAMETER_LIST:
        return (double)scaling->list_count;
    }
    return 0.0;
}

static bool in_range(const rm_parameter *parameter, double value) {
    return value >= parameter->low && value <= parameter->high;
}

static ropemap_status check_list(const ropemap_spec *spec, const rm_scaling_row *row,
                                 const rm_parameter *parameter, ropemap_error *error) {
    const double *list = (const double *)(const void *)((const char *)&spec->scaling + parameter->offset);
    const int32_t pairs = (spec->rotary_dim == 0 ? spec->head_dim : spec->rotary_dim) / 2;
    const int32_t count = spec->scaling.list_count;
    if (count != pairs) {
        return rm_fail(error, ROPEMAP_USAGE, "scaling %s: %s has %d numbers, expected %d, one a pair",
                       row->name, parameter->key, (int)count, (int)pairs);
    }
    for (int32_t i = 0; i < count; i++) {
        if (!in_range(parameter, list[i])) {
            return rm_fail(error, ROPEMAP_USAGE, "scaling %s: %s[%d] is %g, expected a number from %g to %g",
                           row->name, parameter->key, (int)i, list[i], parameter->low, parameter->high);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status check_taken(const ropemap_spec *spec, const rm_scaling_row *row, rm_taken taken,
                                  ropemap_error *error) {
    const rm_parameter *parameter = taken.parameter;
    const double value = rm_parameter_value(&spec->scaling, parameter);
    if (value == 0.0) {
        return taken.required ? rm_fail(error, ROPEMAP_USAGE, "scaling %s: %s is missing, expected %s:%s=%s",
                                        row->name, parameter->key, row->name, parameter->key,
                                        parameter->kind == RM_PARAMETER_LIST ? "NUMBER/NUMBER/..." : "NUMBER")
                              : ROPEMAP_OK;
    }
    if (parameter->kind == RM_PARAMETER_LIST) {
        return check_list(spec, row, parameter, error);
    }
    return in_range(parameter, value)
               ? ROPEMAP_OK
               : rm_fail(error, ROPEMAP_USAGE, "scaling %s: %s is %g, expected a number from %g to %g",
                         row->name, parameter->key, value, parameter->low, parameter->high);
}

static bool is_taken(const rm_scaling_row *row, const rm_parameter *parameter) {
    for (int i = 0; i < RM_PARAMETERS_MOST && row->takes[i].parameter != NULL; i++) {
        const rm_parameter *taken = row->takes[i].parameter;
        if (taken->offset == parameter->offset ||
            (taken->kind == RM_PARAMETER_LIST && parameter->kind == RM_PARAMETER_LIST)) {
            return true;
        }
    }
    return false;
}

/* A factor of 1 changes nothing in any rule, so it may stand where none is taken. */
static ropemap_status check_others(const ropemap_spec *spec, const rm_scaling_row *row,
                                   ropemap_error *error) {
    for (int i = 0; rm_parameter_at(i) != NULL; i++) {
        const rm_parameter *parameter = rm_parameter_at(i);
        const double value = rm_parameter_value(&spec->scaling, parameter);
        const bool attention = parameter->offset == offsetof(ropemap_scaling, attention_factor);
        const bool neutral = value == 0.0 || (value == 1.0 && strcmp(parameter->key, "factor") == 0) ||
                             (attention && spec->frequencies != NULL && in_range(parameter, value));
        if (!neutral && !is_taken(row, parameter)) {
            return rm_fail(error, ROPEMAP_USAGE, "scaling %s: %s is %g, but the rule takes none", row->name,
                           parameter->key, value);
        }
    }
    return ROPEMAP_OK;
}

ropemap_status rm_scaling_check(const ropemap_spec *spec, ropemap_error *error) {
    const rm_scaling_row *row = rm_scaling_find(spec->scaling.rule);
    if (row == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "scaling: there is no rule number %d", (int)spec->scaling.rule);
    }
    if (spec->scaling.list_count < 0 || spec->scaling.list_count > ROPEMAP_MAX_DIVISORS) {
        return rm_fail(error, ROPEMAP_USAGE, "scaling %s: lists of %d numbers, expected 0 to %d", row->name,
                       (int)spec->scaling.list_count, ROPEMAP_MAX_DIVISORS);
    }
    for (int i = 0; i < RM_PARAMETERS_MOST && row->takes[i].parameter != NULL; i++) {
        RM_TRY(check_taken(spec, row, row->takes[i], error));
    }
    RM_TRY(check_others(spec, row, error));
    return row->check != NULL ? row->check(spec, error) : ROPEMAP_OK;
}
