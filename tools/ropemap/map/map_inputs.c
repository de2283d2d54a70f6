/* map_inputs.c - what a map is computed from: rows, columns, vectors, rotation */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/attention/captures.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/map/map.h"
#include "tools/ropemap/options/number.h"
#include "tools/ropemap/options/vary.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ropemap_status map_positions_open(map_options *options, map_inputs *inputs, ropemap_error *error);

static ropemap_status map_rotation_open(map_options *options, map_inputs *inputs, ropemap_error *error);

/* Rows that are wider than what rotates of them, which begins at --rotary-first. */
static ropemap_status take_rotary_part(map_options *options, int32_t width, bool known,
                                       ropemap_error *error) {
    ropemap_spec *spec = &options->request.spec;
    const int32_t rotary = spec->rotary_dim != 0 ? spec->rotary_dim : spec->head_dim;
    if ((!known && spec->rotary_dim == 0) || options->tensors.rotary_first > width - rotary) {
        return fail(error, ROPEMAP_USAGE,
                    "--rotary-first: %" PRId32 " and %" PRId32 " that rotate, of the %" PRId32
                    " elements of %.180s; --rotary-dim or a model says how many rotate",
                    options->tensors.rotary_first, rotary, width, options->tensors.queries);
    }
    spec->rotary_dim = rotary;
    spec->head_dim = width;
    return ROPEMAP_OK;
}

static ropemap_status take_head_dim(map_options *options, const map_inputs *inputs, ropemap_error *error) {
    const int32_t queries = ropemap_vectors_head_dim(inputs->queries);
    const int32_t keys = ropemap_vectors_head_dim(inputs->keys);
    const bool known = (options->rule.given & RULE_HEAD_DIM) != 0 || options->rule.opened != NULL;
    const bool part = (options->tensors.given & TENSOR_ROTARY_FIRST) != 0;
    const int32_t wanted = options->request.spec.head_dim;
    if (known && !part && options->tensors.heads.queries == 0 && queries > wanted && queries % wanted == 0 &&
        keys % wanted == 0) {
        return fail(error, ROPEMAP_USAGE,
                    "--head-dim: rows of %.180s have %" PRId32 " elements, not %" PRId32
                    "; if those are heads side by side, give --heads %" PRId32
                    ", if only a part rotates, its place by --rotary-first",
                    options->tensors.queries, queries, wanted, queries / wanted);
    }
    if (queries != keys) {
        return fail(error, ROPEMAP_DATA, "%.180s: head dim %" PRId32 ", but that of %.180s is %" PRId32 "%s",
                    options->tensors.keys, keys, options->tensors.queries, queries,
                    options->tensors.heads.queries == 0 && queries % keys == 0
                        ? "; if rows hold heads side by side, give --heads N"
                        : "");
    }
    if (part) {
        return take_rotary_part(options, queries, known, error);
    }
    if (known && wanted != queries) {
        return fail(error, ROPEMAP_USAGE,
                    "--head-dim: %" PRId32 " is not that of the tensors, %" PRId32
                    " in %.180s; if only a part of a row rotates, give its place by --rotary-first",
                    wanted, queries, options->tensors.queries);
    }
    options->request.spec.head_dim = queries;
    return ROPEMAP_OK;
}

/* The tensors, and the rule that a capture has for them. */
static ropemap_status open_tensors(map_options *options, map_inputs *inputs, ropemap_error *error) {
    if (options->tensors.queries == NULL) {
        return ROPEMAP_OK;
    }
    const ropemap_status status =
        tensor_pair_open(&options->tensors, options->quiet, &inputs->tensors, error);
    inputs->queries = inputs->tensors.queries;
    inputs->keys = inputs->tensors.keys;
    options->tensors.head = inputs->tensors.head;
    options->tensors.layer = inputs->tensors.layer != NULL ? inputs->tensors.layer->number : 0;
    options->request.already_rotated = inputs->tensors.state == ROPEMAP_STATE_POST;
    if (status == ROPEMAP_OK) {
        capture_take_rule(&inputs->tensors, &options->rule);
    }
    return status;
}

/* What tensors make of the rule and of the request. */
static ropemap_status settle_tensors(map_options *options, const map_inputs *inputs, ropemap_error *error) {
    const ropemap_capture_layer *layer = inputs->tensors.layer;
    if (layer == NULL) {
        return take_head_dim(options, inputs, error);
    }
    options->request.spec.head_dim = layer->head_dim; /* of rows that are not rotated, too */
    options->request.spec.rotary_dim =
        layer->rotary_dim > 0 && inputs->tensors.state == ROPEMAP_STATE_POST ? layer->rotary_dim : 0;
    capture_take_attention(&inputs->tensors, &options->request);
    return capture_settle_rule(&inputs->tensors, &options->rule, options->quiet, &options->request.spec,
                               error);
}

static ropemap_status open_gauss(const map_options *options, map_inputs *inputs, ropemap_error *error) {
    const int32_t head_dim = options->request.spec.head_dim;
    const ropemap_status status = ropemap_vectors_gauss(head_dim, options->seed, 0, &inputs->queries, error);
    return status == ROPEMAP_OK ? ropemap_vectors_gauss(head_dim, options->seed, 1, &inputs->keys, error)
                                : status;
}

static int64_t last_of(const ropemap_range *range) {
    return range->first + (range->count - 1) * range->step;
}

/* Positions that there are: a tensor's rows, or what a file or a grid has; a count of 0: no end. */
static ropemap_range held_positions(const map_options *options, const map_inputs *inputs,
                                    const ropemap_vectors *vectors) {
    if (options->tensors.queries != NULL) {
        return ropemap_vectors_positions(vectors);
    }
    return (ropemap_range){
        .count = inputs->positions != NULL ? ropemap_positions_count(inputs->positions) : 0, .step = 1};
}

/* One axis: its own option, else --positions, else all that there are, else what `range` holds. */
static ropemap_status take_range(const map_options *options, const map_inputs *inputs, const char *name,
                                 const char *own, const ropemap_vectors *vectors, ropemap_range *range,
                                 ropemap_error *error) {
    const ropemap_range held = held_positions(options, inputs, vectors);
    const char *text = own != NULL ? own : options->positions;
    if (text != NULL) {
        const char *subject = own != NULL ? name : "--positions";
        const ropemap_status status = number_range(subject, text, held.first, range, error);
        const char *colon = strchr(text, ':');
        if (colon == NULL || strchr(colon + 1, ':') == NULL) { /* without a step of its own */
            range->step = held.step;
        }
        return status;
    }
    if (held.count > 0) {
        *range = held;
    }
    return ROPEMAP_OK;
}

/* Names the option where the library would name a field. */
static ropemap_status check_range(const map_options *options, const char *name, const map_inputs *inputs,
                                  const ropemap_vectors *vectors, const char *file, ropemap_range range,
                                  ropemap_error *error) {
    const ropemap_range held = held_positions(options, inputs, vectors);
    const int64_t last = last_of(&range), held_last = last_of(&held);
    if (held.count > 0 && (range.first < held.first || last > held_last)) {
        const char *from = options->positions_from;
        return fail(error, ROPEMAP_USAGE,
                    "%s: positions %" PRId64 " to %" PRId64 " go beyond %" PRId64 " to %" PRId64
                    ", the %s%.180s",
                    name, range.first, last, held.first, held_last,
                    file != NULL   ? "rows of "
                    : from != NULL ? "positions of "
                                   : "patches of the grid",
                    file != NULL   ? file
                    : from != NULL ? from
                                   : "");
    }
    if ((range.first - held.first) % held.step != 0 || range.step % held.step != 0) {
        return fail(error, ROPEMAP_USAGE,
                    "%s: position %" PRId64 " and steps of %" PRId64
                    ", but the rows of %.180s are at %" PRId64 " and every %" PRId64 " positions from there",
                    name, range.first, range.step, file, held.first, held.step);
    }
    return ROPEMAP_OK;
}

static ropemap_status take_ranges(map_options *options, const map_inputs *inputs, ropemap_error *error) {
    ropemap_request *request = &options->request;
    const char *rows = options->row_positions;
    const char *cols = options->col_positions;
    ropemap_status status =
        take_range(options, inputs, "--rows", rows, inputs->queries, &request->rows, error);
    if (status == ROPEMAP_OK) {
        status = take_range(options, inputs, "--cols", cols, inputs->keys, &request->cols, error);
    }
    if (status == ROPEMAP_OK) {
        status = check_range(options, rows != NULL ? "--rows" : "--positions", inputs, inputs->queries,
                             options->tensors.queries, request->rows, error);
    }
    if (status == ROPEMAP_OK) {
        status = check_range(options, cols != NULL ? "--cols" : "--positions", inputs, inputs->keys,
                             options->tensors.keys, request->cols, error);
    }
    return status;
}

/*
 * A rule that depends on the length of the context takes what the map covers unless it is given; with
 * --rows and --cols also what --positions has: the map is then a part of it.
 */
static void take_length(map_options *options, const map_inputs *inputs) {
    ropemap_spec *spec = &options->request.spec;
    ropemap_range whole = {.count = 1};
    ropemap_error unused;
    const int64_t first =
        options->tensors.queries != NULL ? ropemap_vectors_positions(inputs->queries).first : 0;
    if (options->positions != NULL) { /* its setter has found it good */
        (void)number_range("--positions", options->positions, first, &whole, &unused);
    }
    const int64_t down = last_of(&options->request.rows), across = last_of(&options->request.cols);
    const int64_t shown = down > across ? down : across;
    const bool depends = spec->scaling.rule == ROPEMAP_SCALING_DYNAMIC || spec->scaling.list_count > 0;
    if (depends && inputs->tensors.layer == NULL && (options->rule.given & RULE_LENGTH) == 0) {
        const int64_t last = inputs->positions != NULL ? ropemap_positions_last(inputs->positions)
                             : shown > last_of(&whole) ? shown
                                                       : last_of(&whole);
        spec->length = (double)last + (double)options->shift + 1.0;
    }
}

/* What softmax has by default: mass, and all keys that there are, of which --cols shows a part. */
static ropemap_status take_softmax(map_options *options, const map_inputs *inputs, ropemap_error *error) {
    ropemap_request *request = &options->request;
    if (request->measure != ROPEMAP_MEASURE_SOFTMAX) {
        return ROPEMAP_OK;
    }
    if ((options->given & MAP_POOL) == 0) {
        request->pool = ROPEMAP_POOL_MASS;
    }
    request->softmax.keys = request->cols;
    return take_range(options, inputs, "--positions", NULL, inputs->keys, &request->softmax.keys, error);
}

/* ---- the other map of --diff --------------------------------------------------------------------------- */

/* A phase alone is the map's own, compared with the exact one: --phase may name the same. */
static ropemap_status take_phase(map_options *options, ropemap_error *error) {
    int phase = 0;
    if (options->diff == NULL || strchr(options->diff, '=') != NULL) {
        return ROPEMAP_OK;
    }
    while (strcmp(ropemap_phase_name((ropemap_phase)phase), options->diff) != 0) {
        phase++; /* its setter has found it good */
    }
    if (phase == ROPEMAP_PHASE_EXACT) {
        return fail(error, ROPEMAP_USAGE,
                    "--diff exact: every mode is compared with exact; choose another mode");
    }
    if ((options->given & MAP_PHASE) != 0 && options->phase != (ropemap_phase)phase) {
        return fail(error, ROPEMAP_USAGE, "--phase %s and --diff %s differ; give one mode",
                    ropemap_phase_name(options->phase), options->diff);
    }
    options->phase = (ropemap_phase)phase;
    return ROPEMAP_OK;
}

static bool asks_to_prerotate(const map_options *options) {
    return options->phase != ROPEMAP_PHASE_EXACT || options->shift != 0 || options->positions_from != NULL ||
           (options->rule.given & (RULE_SECTIONS | RULE_GRID)) != 0;
}

/* The other map's options, before any of them is resolved. Both maps rotate in the same way: what they differ
 * in shall be the option alone. */
static ropemap_status set_other(map_options *options, map_other *other, ropemap_error *error) {
    const bool exact = strchr(options->diff, '=') == NULL;
    const char *text = exact ? "phase=exact" : options->diff;
    const size_t name = strcspn(text, "=");
    const cli_match match = options_find(&command_map, text, name);
    const cli_option *option = match.option;
    const char *value = text + name + 1;
    if (option == NULL || option->type == OPTION_FLAG || option->group != GROUP_WHAT ||
        strcmp(option->name, "diff") == 0) {
        return fail(error, ROPEMAP_USAGE,
                    "--diff: '%.*s' is no option that maps can differ in; write NAME=VALUE, such as "
                    "scaling=none, or a phase",
                    (int)(name < 40 ? name : 40), text);
    }
    if (options->tensors.lent != NULL && match.offset == offsetof(map_options, tensors)) {
        return fail(error, ROPEMAP_USAGE, "--diff %s: the tensors are lent; name another option",
                    option->name);
    }
    other->options = *options;
    other->options.diff = NULL;
    other->options.quiet = true;
    const ropemap_status status = option_set(match, &other->options, value, error);
    vary_label_value(option, value, options->less, sizeof options->less);
    if (exact) {
        (void)snprintf(options->less, sizeof options->less, "exact");
    }
    options->rotated = asks_to_prerotate(options) || asks_to_prerotate(&other->options);
    other->options.rotated = options->rotated;
    return status;
}

static ropemap_status check_alike(const map_options *options, const map_other *other, ropemap_error *error) {
    const ropemap_request *one = &options->request, *two = &other->options.request;
    const bool positions = memcmp(&one->rows, &two->rows, sizeof one->rows) == 0 &&
                           memcmp(&one->cols, &two->cols, sizeof one->cols) == 0;
    if (!positions || one->measure != two->measure || one->pool != two->pool) {
        return fail(error, ROPEMAP_USAGE,
                    "--diff %.200s: the two maps have different %s; choose another option", options->diff,
                    positions ? "measures or pools" : "positions");
    }
    const size_t name = strcspn(options->diff, "=");
    const bool rule = options_find(&command_map, options->diff, name).offset == offsetof(map_options, rule);
    return rule && one->already_rotated && !options->rotated
               ? fail(error, ROPEMAP_USAGE,
                      "--diff %.200s: the rows carry their rotation, so that no rule rotates them; give rows "
                      "of --state pre",
                      options->diff)
               : ROPEMAP_OK;
}

static ropemap_status open_other(map_options *options, map_inputs *inputs, ropemap_error *error) {
    const ropemap_status status = map_inputs_open(&inputs->other->options, &inputs->other->inputs, error);
    return status == ROPEMAP_OK ? check_alike(options, inputs->other, error) : status;
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

static ropemap_status begin_diff(map_options *options, map_inputs *inputs, ropemap_error *error) {
    const ropemap_status status = take_phase(options, error);
    if (status != ROPEMAP_OK || options->diff == NULL) {
        return status;
    }
    inputs->other = calloc(1, sizeof *inputs->other);
    return inputs->other != NULL ? set_other(options, inputs->other, error)
                                 : fail(error, ROPEMAP_RESOURCES, "--diff: no memory for the other map");
}

ropemap_status map_inputs_open(map_options *options, map_inputs *inputs, ropemap_error *error) {
    options->request.already_rotated = options->tensors.state == ROPEMAP_STATE_POST;
    ropemap_status status = begin_diff(options, inputs, error);
    status = status == ROPEMAP_OK ? open_tensors(options, inputs, error) : status;
    options->rule.head = options->tensors.head;
    status = status == ROPEMAP_OK ? rule_options_resolve(&options->rule, error) : status;
    if (status != ROPEMAP_OK) {
        return status;
    }
    options->request.spec = options->rule.spec;
    options->request.width = options->size.width;
    options->request.height = options->size.height;
    if (options->tensors.queries != NULL) {
        status = settle_tensors(options, inputs, error);
    } else if (options->content == MAP_CONTENT_GAUSS) {
        status = open_gauss(options, inputs, error);
    }
    options->request.queries = inputs->queries;
    options->request.keys = inputs->keys;
    options->request.keys_name = inputs->tensors.keys_name;
    status = status == ROPEMAP_OK ? map_positions_open(options, inputs, error) : status;
    status = status == ROPEMAP_OK ? take_ranges(options, inputs, error) : status;
    status = status == ROPEMAP_OK ? take_softmax(options, inputs, error) : status;
    if (status == ROPEMAP_OK) {
        take_length(options, inputs);
    }
    status =
        status == ROPEMAP_OK && map_prerotates(options) ? map_rotation_open(options, inputs, error) : status;
    return status == ROPEMAP_OK && inputs->other != NULL ? open_other(options, inputs, error) : status;
}

void map_inputs_free(map_inputs *inputs) {
    ropemap_vectors *const rotated[] = {inputs->rotated.queries, inputs->rotated.keys, inputs->ones};
    if (inputs->other != NULL) {
        map_inputs_free(&inputs->other->inputs);
        rule_options_free(&inputs->other->options.rule);
        free(inputs->other);
    }
    for (int i = 0; i < 3; i++) { /* before what they borrow */
        ropemap_vectors_free(rotated[i]);
    }
    if (inputs->positions != NULL) {
        ropemap_positions_free(inputs->positions);
    }
    if (inputs->tensors.queries == NULL) {
        ropemap_vectors_free(inputs->queries);
        ropemap_vectors_free(inputs->keys);
    }
    tensor_pair_free(&inputs->tensors);
    *inputs = (map_inputs){.queries = NULL};
}

bool map_prerotates(const map_options *options) {
    const bool apart = ropemap_axes_apart(&options->request.spec.axes) && !options->request.already_rotated;
    return options->rotated || apart || asks_to_prerotate(options);
}

static ropemap_status check(const map_options *options, ropemap_error *error) {
    if (options->request.already_rotated) {
        return fail(error, ROPEMAP_USAGE,
                    "--state post: such vectors are never rotated again; leave --phase, --diff, --shift and "
                    "--positions-from out");
    }
    if (options->request.encoding.kind != ROPEMAP_ENCODING_ROPE) {
        return fail(
            error, ROPEMAP_USAGE,
            "--encoding: %s rotates no vectors beforehand, as --phase, --shift, --grid, --positions-from "
            "and rules of several axes need; leave these out, or take rope",
            ropemap_encoding_name(options->request.encoding.kind));
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

/* Opens the positions of a file or a grid, where there is one: before ranges are known. */
static ropemap_status map_positions_open(map_options *options, map_inputs *inputs, ropemap_error *error) {
    const bool grid = (options->rule.given & RULE_GRID) != 0;
    const bool apart = ropemap_axes_apart(&options->request.spec.axes) && !options->request.already_rotated;
    if (options->positions_from != NULL && grid && options->request.spec.axes.deal != ROPEMAP_DEAL_UNIT) {
        return fail(error, ROPEMAP_USAGE, "--grid and --positions-from both give positions; use one");
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
        return fail(
            error, ROPEMAP_USAGE,
            "--sections needs positions of several axes: --positions-from of shape [axes, S], or --grid");
    }
    if (axes > 1 && options->request.spec.axes.count == 0) {
        return fail(error, ROPEMAP_USAGE,
                    "--sections is missing; say how many pairs follow each of the %" PRId32 " axes of %.200s",
                    axes, options->positions_from);
    }
    return ROPEMAP_OK;
}

/* One side. The other side may be the same. */
static ropemap_status rotate(const map_options *options, const map_inputs *inputs,
                             const ropemap_vectors *inner, ropemap_vectors **rotated, ropemap_error *error) {
    const ropemap_prerotation rotation = {.spec = options->request.spec,
                                          .phase = options->phase,
                                          .shift = options->shift,
                                          .positions = inputs->positions};
    const ropemap_status status = check_sections(options, inputs, error);
    return status == ROPEMAP_OK ? ropemap_vectors_rotated(inner, &rotation, rotated, error) : status;
}

static ropemap_status rotate_both(const map_options *options, const map_inputs *inputs, map_rotated *rotated,
                                  ropemap_error *error) {
    const ropemap_vectors *queries = inputs->ones != NULL ? inputs->ones : inputs->queries;
    ropemap_status status = rotate(options, inputs, queries, &rotated->queries, error);
    if (status == ROPEMAP_OK && inputs->ones == NULL) {
        status = rotate(options, inputs, inputs->keys, &rotated->keys, error);
    }
    return status;
}

/* Puts rotated vectors in the place of the request's, which is kept in options->shown for titles. */
static ropemap_status map_rotation_open(map_options *options, map_inputs *inputs, ropemap_error *error) {
    ropemap_status status = check(options, error);
    options->shown = options->request;
    if (status == ROPEMAP_OK && inputs->queries == NULL) {
        status = ropemap_vectors_ones(options->request.spec.head_dim, &inputs->ones, error);
    }
    if (status == ROPEMAP_OK) {
        status = rotate_both(options, inputs, &inputs->rotated, error);
    }
    options->request.queries = inputs->rotated.queries;
    options->request.keys = inputs->rotated.keys != NULL ? inputs->rotated.keys : inputs->rotated.queries;
    options->request.keys_name = NULL; /* of the rows before they were rotated */
    options->request.already_rotated = true;
    options->rotated = true;
    return status;
}
