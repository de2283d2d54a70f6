/* map_inputs.c - what a map is computed from: rows, columns, vectors, rotation */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/map_inputs.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/number.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ropemap_status map_positions_open(map_options *options, map_inputs *inputs, ropemap_error *error);

static ropemap_status map_turning_open(map_options *options, map_inputs *inputs, ropemap_error *error);

const char *tensor_cut(char *text) {
    if (access(text, F_OK) == 0) {
        return NULL;
    }
    char *last = strrchr(text, ':');
    for (char *colon = last; colon != NULL;) {
        *colon = '\0';
        if (access(text, F_OK) == 0) {
            return colon + 1;
        }
        char *before = strrchr(text, ':');
        *colon = ':';
        colon = before;
    }
    if (last != NULL && strchr(last, '/') == NULL) {
        *last = '\0';
        return last + 1;
    }
    return NULL;
}

/* One head of FILE[:TENSOR]; *path is the file and is the caller's to free, also after a failure. */
static ropemap_status tensor_open(const char *text, const ropemap_tensor *like, char **path,
                                  ropemap_vectors **vectors, ropemap_error *error) {
    const size_t size = strlen(text) + 1;
    ropemap_tensor tensor = *like;
    *path = malloc(size);
    if (*path == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "%.200s: no memory for the name", text);
    }
    memcpy(*path, text, size);
    tensor.name = tensor_cut(*path);
    tensor.path = *path;
    return ropemap_vectors_open(&tensor, vectors, error);
}

ropemap_status tensor_pair_open(const char *queries, const char *keys, const ropemap_tensor *like,
                                tensor_heads heads, tensor_pair *pair, ropemap_error *error) {
    ropemap_tensor tensor = *like;
    tensor.packed_heads = heads.queries;
    const ropemap_status status = tensor_open(queries, &tensor, &pair->query_path, &pair->queries, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    tensor.query_heads = ropemap_vectors_heads(pair->queries);
    tensor.packed_heads = heads.keys;
    if (heads.queries != 0 && heads.keys == 0) {
        tensor.packed_head_dim = ropemap_vectors_head_dim(pair->queries);
    }
    return tensor_open(keys, &tensor, &pair->key_path, &pair->keys, error);
}

void tensor_pair_free(tensor_pair *pair) {
    ropemap_vectors_free(pair->queries);
    ropemap_vectors_free(pair->keys);
    free(pair->query_path);
    free(pair->key_path);
    *pair = (tensor_pair){.queries = NULL};
}

void tensor_notes_print(const ropemap_vectors *queries, const ropemap_vectors *keys) {
    const char *of_queries = ropemap_vectors_note(queries), *of_keys = ropemap_vectors_note(keys);
    const char *label = ropemap_vectors_label(queries), *other = ropemap_vectors_label(keys);
    if (of_queries != NULL) {
        (void)fprintf(stderr, "ropemap: warning: %s: %s\n", label, of_queries);
    }
    if (of_keys != NULL && (of_queries == NULL || strcmp(label, other) != 0)) {
        (void)fprintf(stderr, "ropemap: warning: %s: %s\n", other, of_keys);
    }
}

static ropemap_status take_head_dim(map_options *options, const map_inputs *inputs, ropemap_error *error) {
    const int32_t queries = ropemap_vectors_head_dim(inputs->queries);
    const int32_t keys = ropemap_vectors_head_dim(inputs->keys);
    const bool told = (options->rule.given & RULE_HEAD_DIM) != 0 || options->rule.opened != NULL;
    const int32_t asked = options->request.spec.head_dim;
    if (told && options->heads.queries == 0 && queries > asked && queries % asked == 0 && keys % asked == 0) {
        return fail(error, ROPEMAP_USAGE,
                    "--head-dim: rows of %.180s have %" PRId32 " elements, not %" PRId32
                    "; if those are heads side by side, give --heads %" PRId32,
                    options->queries, queries, asked, queries / asked);
    }
    if (queries != keys) {
        return fail(error, ROPEMAP_DATA,
                    "%.180s: head dim %" PRId32 ", expected that of %.180s (%" PRId32 ")%s", options->keys,
                    keys, options->queries, queries,
                    options->heads.queries == 0 && queries % keys == 0
                        ? "; if rows hold heads side by side, give --heads N"
                        : "");
    }
    if (told && options->request.spec.head_dim != queries) {
        return fail(error, ROPEMAP_USAGE,
                    "--head-dim: not that of the tensors (%" PRId32 "), expected none or %" PRId32
                    " as in %.180s",
                    options->request.spec.head_dim, queries, options->queries);
    }
    options->request.spec.head_dim = queries;
    return ROPEMAP_OK;
}

static ropemap_status open_tensors(map_options *options, map_inputs *inputs, ropemap_error *error) {
    ropemap_tensor like = {.order = options->order, .batch = options->batch, .head = options->head};
    if (options->lent_queries != NULL) {
        inputs->queries = options->lent_queries;
        inputs->keys = options->lent_keys;
        inputs->lent = true;
        return take_head_dim(options, inputs, error);
    }
    tensor_pair pair = {.queries = NULL};
    const ropemap_status status =
        tensor_pair_open(options->queries, options->keys, &like, options->heads, &pair, error);
    inputs->queries = pair.queries;
    inputs->keys = pair.keys;
    inputs->query_path = pair.query_path;
    inputs->key_path = pair.key_path;
    if (status != ROPEMAP_OK) {
        return status;
    }
    if (!options->quiet) {
        tensor_notes_print(inputs->queries, inputs->keys);
    }
    return take_head_dim(options, inputs, error);
}

static ropemap_status open_gauss(const map_options *options, map_inputs *inputs, ropemap_error *error) {
    const int32_t head_dim = options->request.spec.head_dim;
    const ropemap_status status = ropemap_vectors_gauss(head_dim, options->seed, 0, &inputs->queries, error);
    return status == ROPEMAP_OK ? ropemap_vectors_gauss(head_dim, options->seed, 1, &inputs->keys, error)
                                : status;
}

/* One axis: its own option, else --positions, else every row of a tensor or of a file of positions, else what
 * `range` holds. */
static ropemap_status take_range(const map_options *options, const map_inputs *inputs, const char *name,
                                 const char *own, const ropemap_vectors *vectors, ropemap_range *range,
                                 ropemap_error *error) {
    const int64_t first = options->request.first_position;
    const char *text = own != NULL ? own : options->positions;
    if (text != NULL) {
        return number_range(own != NULL ? name : "--positions", text, first, range, error);
    }
    if (options->queries != NULL) {
        *range = (ropemap_range){.first = first, .count = ropemap_vectors_count(vectors), .step = 1};
    } else if (inputs->positions != NULL) {
        *range = (ropemap_range){.first = 0, .count = ropemap_positions_count(inputs->positions), .step = 1};
    }
    return ROPEMAP_OK;
}

/* Names the option where the library would name a field. */
static ropemap_status check_range(const map_options *options, const char *name,
                                  const ropemap_vectors *vectors, const char *file, ropemap_range range,
                                  ropemap_error *error) {
    if (options->queries == NULL) {
        return ROPEMAP_OK;
    }
    const int64_t first = options->request.first_position;
    const int64_t count = ropemap_vectors_count(vectors);
    const int64_t last = range.first + (range.count - 1) * range.step;
    if (range.first < first || last - first >= count) {
        return fail(error, ROPEMAP_USAGE,
                    "%s: positions %" PRId64 " to %" PRId64 ", expected them within %" PRId64 " to %" PRId64
                    ", the rows of %.180s",
                    name, range.first, last, first, first + count - 1, file);
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
        status = check_range(options, rows != NULL ? "--rows" : "--positions", inputs->queries,
                             options->queries, request->rows, error);
    }
    if (status == ROPEMAP_OK) {
        status = check_range(options, cols != NULL ? "--cols" : "--positions", inputs->keys, options->keys,
                             request->cols, error);
    }
    return status;
}

static int64_t last_of(const ropemap_range *range) {
    return range->first + (range->count - 1) * range->step;
}

/*
 * A rule that depends on the length of the context takes what the map covers, where nothing was said; with
 * --rows and --cols what --positions has besides: the map is then a part of it.
 */
static void take_length(map_options *options, const map_inputs *inputs) {
    ropemap_spec *spec = &options->request.spec;
    ropemap_range whole = {.count = 1};
    ropemap_error unused;
    if (options->positions != NULL) { /* its setter has found it good */
        (void)number_range("--positions", options->positions, options->request.first_position, &whole,
                           &unused);
    }
    const int64_t down = last_of(&options->request.rows), across = last_of(&options->request.cols);
    const int64_t shown = down > across ? down : across;
    const bool asks = spec->scaling.rule == ROPEMAP_SCALING_DYNAMIC || spec->scaling.list_count > 0;
    if (asks && (options->rule.given & RULE_LENGTH) == 0) {
        const int64_t last = inputs->positions != NULL ? ropemap_positions_last(inputs->positions)
                             : shown > last_of(&whole) ? shown
                                                       : last_of(&whole);
        spec->length = (double)last + (double)options->shift + 1.0;
    }
}

ropemap_status map_inputs_open(map_options *options, map_inputs *inputs, ropemap_error *error) {
    options->rule.head = options->head;
    ropemap_status status = rule_options_resolve(&options->rule, error);
    options->request.spec = options->rule.spec;
    if (status != ROPEMAP_OK) {
        return status;
    }
    if (options->queries != NULL) {
        status = open_tensors(options, inputs, error);
    } else if (options->content == MAP_CONTENT_GAUSS) {
        status = open_gauss(options, inputs, error);
    }
    options->request.queries = inputs->queries;
    options->request.keys = inputs->keys;
    status = status == ROPEMAP_OK ? map_positions_open(options, inputs, error) : status;
    status = status == ROPEMAP_OK ? take_ranges(options, inputs, error) : status;
    if (status == ROPEMAP_OK) {
        take_length(options, inputs);
    }
    return status == ROPEMAP_OK && map_turns(options) ? map_turning_open(options, inputs, error) : status;
}

void map_inputs_free(map_inputs *inputs) {
    ropemap_vectors *const turned[] = {inputs->turned.queries, inputs->turned.keys, inputs->exact.queries,
                                       inputs->exact.keys, inputs->ones};
    for (int i = 0; i < 5; i++) { /* before what they borrow */
        ropemap_vectors_free(turned[i]);
    }
    ropemap_positions_free(inputs->positions);
    if (!inputs->lent) {
        ropemap_vectors_free(inputs->queries);
        ropemap_vectors_free(inputs->keys);
    }
    free(inputs->query_path);
    free(inputs->key_path);
    *inputs = (map_inputs){.queries = NULL};
}

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

/* Opens the positions of a file or a grid, where there is one: before ranges are known. */
static ropemap_status map_positions_open(map_options *options, map_inputs *inputs, ropemap_error *error) {
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

/*
 * Puts turned vectors in the place of the request's, which is kept in options->shown for titles; with --diff
 * also those that inputs->exact holds.
 */
static ropemap_status map_turning_open(map_options *options, map_inputs *inputs, ropemap_error *error) {
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
