/* map_turning.c - vectors of a map that are rotated while they are read: precision modes, positions from a
 * file */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/map_turning.h"

#include "tools/ropemap/failure.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool map_turns(const map_options *options) {
    const bool apart = ropemap_axes_apart(&options->request.spec.axes) && !options->request.already_rotated;
    return options->turned || apart || options->phase != ROPEMAP_PHASE_EXACT || options->shift != 0 ||
           options->positions_from != NULL || (options->rule.given & (RULE_SECTIONS | RULE_GRID)) != 0;
}

static ropemap_status check(const map_options *options, ropemap_error *error) {
    if (options->request.already_rotated) {
        return fail(
            error, ROPEMAP_USAGE,
            "--state: post, which is never rotated again, expected pre with --phase, --diff, --shift and "
            "--positions-from");
    }
    return ROPEMAP_OK;
}

/* The patches of the grid: a rule without axes has Llama 4's, columns before rows and counted from 1. */
static ropemap_status open_grid(map_options *options, map_inputs *inputs, ropemap_error *error) {
    const rule_options *rule = &options->rule;
    ropemap_spec *spec = &options->request.spec;
    ropemap_axes *axes = &spec->axes;
    ropemap_grid grid = {.axes = axes->count};
    if (axes->count == 0) {
        const int32_t pairs = (spec->rotary_dim != 0 ? spec->rotary_dim : spec->head_dim) / 2;
        *axes = (ropemap_axes){
            .count = 2, .deal = ROPEMAP_DEAL_SECTIONS, .pairs = {pairs - pairs / 2, pairs / 2}};
        axes->grid[0] = rule->grid[0];
        axes->grid[1] = rule->grid[rule->sides - 1];
        grid = (ropemap_grid){.axes = 2, .first = 1, .across_first = true};
    }
    for (int32_t axis = 0; axis < grid.axes; axis++) {
        if (axes->grid[axis] == 0) {
            char text[80];
            ropemap_axes_format(axes, text, sizeof text);
            return fail(error, ROPEMAP_USAGE,
                        "--grid: missing: the rule has %" PRId32
                        " axes (%s); give the patches along each, or positions by --positions-from",
                        axes->count, text);
        }
        grid.sides[axis] = axes->grid[axis];
    }
    return ropemap_positions_grid(&grid, &inputs->positions, error);
}

ropemap_status map_positions_open(map_options *options, map_inputs *inputs, ropemap_error *error) {
    const bool grid = (options->rule.given & RULE_GRID) != 0;
    const bool apart = ropemap_axes_apart(&options->request.spec.axes) && !options->request.already_rotated;
    if (options->positions_from != NULL && grid && options->request.spec.axes.deal != ROPEMAP_DEAL_UNIT) {
        return fail(error, ROPEMAP_USAGE, "--grid: given with --positions-from, expected one of the two");
    }
    if (options->positions_from != NULL) {
        return ropemap_positions_open(options->positions_from, &inputs->positions, error);
    }
    return grid || apart ? open_grid(options, inputs, error) : ROPEMAP_OK;
}

/* Sections say how pairs follow the axes of positions. */
static ropemap_status check_sections(const map_options *options, const map_inputs *inputs,
                                     ropemap_error *error) {
    const int32_t axes = inputs->positions == NULL ? 1 : ropemap_positions_axes(inputs->positions);
    if (axes == 1 && (options->rule.given & RULE_SECTIONS) != 0) {
        return fail(error, ROPEMAP_USAGE,
                    "--sections: without positions of several axes, expected with "
                    "--positions-from of shape [axes, S] or --grid");
    }
    if (axes > 1 && options->request.spec.axes.count == 0) {
        return fail(error, ROPEMAP_USAGE,
                    "--sections: missing, expected how many pairs follow each of the %" PRId32
                    " axes of %.200s",
                    axes, options->positions_from);
    }
    return ROPEMAP_OK;
}

/* One side, turned in one way. The other side may be the same. */
static ropemap_status turn(const map_options *options, const map_inputs *inputs, ropemap_phase phase,
                           const ropemap_vectors *inner, ropemap_vectors **turned, ropemap_error *error) {
    const ropemap_turning turning = {.spec = options->request.spec,
                                     .phase = phase,
                                     .first_position =
                                         options->queries != NULL ? options->request.first_position : 0,
                                     .shift = options->shift,
                                     .positions = inputs->positions};
    const ropemap_status status = check_sections(options, inputs, error);
    return status == ROPEMAP_OK ? ropemap_vectors_turned(inner, &turning, turned, error) : status;
}

static ropemap_status turn_both(const map_options *options, const map_inputs *inputs, ropemap_phase phase,
                                map_turned *turned, ropemap_error *error) {
    const ropemap_vectors *queries = inputs->ones != NULL ? inputs->ones : inputs->queries;
    ropemap_status status = turn(options, inputs, phase, queries, &turned->queries, error);
    if (status == ROPEMAP_OK && inputs->ones == NULL) {
        status = turn(options, inputs, phase, inputs->keys, &turned->keys, error);
    }
    return status;
}

ropemap_status map_turning_open(map_options *options, map_inputs *inputs, ropemap_error *error) {
    ropemap_status status = check(options, error);
    options->shown = options->request;
    if (status == ROPEMAP_OK && inputs->queries == NULL) {
        status = ropemap_vectors_ones(options->request.spec.head_dim, &inputs->ones, error);
    }
    if (status == ROPEMAP_OK) {
        status = turn_both(options, inputs, options->phase, &inputs->turned, error);
    }
    if (status == ROPEMAP_OK && options->diff) {
        status = turn_both(options, inputs, ROPEMAP_PHASE_EXACT, &inputs->exact, error);
    }
    options->request.queries = inputs->turned.queries;
    options->request.keys = inputs->turned.keys != NULL ? inputs->turned.keys : inputs->turned.queries;
    options->request.already_rotated = true;
    options->turned = true;
    return status;
}

ropemap_request map_exact_request(const map_options *options, const map_inputs *inputs) {
    ropemap_request request = options->request;
    request.queries = inputs->exact.queries;
    request.keys = inputs->exact.keys != NULL ? inputs->exact.keys : inputs->exact.queries;
    return request;
}
