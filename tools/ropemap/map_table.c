/* map_table.c - the options of a map */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/map_table.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/figure_options.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { THREADS_MAX = 1024, DEVICE_MAX = 1023, PART_MAX = 80 };

/* ---- names of values ----------------------------------------------------------------------------------- */

/* Names of values, in the order of their enumerations; NULL past the last. */
static const char *content_choice(int index) {
    static const char *const names[] = {
        [MAP_CONTENT_ONES] = "ones", [MAP_CONTENT_GAUSS] = "gauss", [MAP_CONTENT_GAUSS + 1] = NULL};
    return names[index];
}

const char *order_choice(int index) {
    static const char *const names[] = {
        [ROPEMAP_ORDER_HSD] = "hsd", [ROPEMAP_ORDER_SHD] = "shd", [ROPEMAP_ORDER_SHD + 1] = NULL};
    return names[index];
}

const char *state_choice(int index) {
    static const char *const names[] = {"pre", "post", NULL};
    return names[index];
}

static const char *measure_choice(int index) {
    return ropemap_measure_name((ropemap_measure)index);
}

static const char *pool_choice(int index) {
    return ropemap_pool_name((ropemap_pool)index);
}

static const char *backend_choice(int index) {
    static const char *const names[] = {"auto", "cpu", "cuda", NULL};
    return names[index];
}

static const char *method_choice(int index) {
    return ropemap_method_name((ropemap_method)index);
}

static const char *dtype_choice(int index) {
    return ropemap_dtype_name((ropemap_dtype)index);
}

static const char *colormap_choice(int index) {
    return ropemap_colormap_name((ropemap_colormap)index);
}

const char *phase_choice(int index) {
    return ropemap_phase_name((ropemap_phase)index);
}

static const char *encoding_choice(int index) {
    return ropemap_encoding_name((ropemap_encoding)index);
}

/* ---- what ---------------------------------------------------------------------------------------------- */

/* Setters; `into` is a map_options. */
/* Any of the three ranges. Its first position may depend on options to come, so the text is kept. */
static ropemap_status set_range(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    ropemap_range range;
    const ropemap_status status = number_range(option_subject(option).text, text, 0, &range, error);
    return status == ROPEMAP_OK ? option_set_text(into, option, text, error) : status;
}

/* ones, gauss or gauss:SEED */
static ropemap_status set_content(void *into, const cli_option *option, const char *text,
                                  ropemap_error *error) {
    map_options *options = into;
    const char *colon = strchr(text, ':');
    char name[PART_MAX];
    (void)snprintf(name, sizeof name, "%.*s", colon != NULL ? (int)(colon - text) : (int)strlen(text), text);
    int index = 0;
    ropemap_status status = option_choose(option, name, &index, error);
    options->has_content = true;
    options->content = (map_content)index;
    options->seed = 0;
    if (status == ROPEMAP_OK && colon != NULL && options->content != MAP_CONTENT_GAUSS) {
        return fail(error, ROPEMAP_USAGE, "--content: a seed ('%.64s'), expected one for gauss alone", text);
    }
    if (status == ROPEMAP_OK && colon != NULL) {
        status = number_integer(option_subject_of(option, text).text, colon + 1, 0, UINT64_MAX,
                                &options->seed, error);
    }
    return status;
}

static ropemap_status set_order(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    map_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->order = (ropemap_order)index;
    options->needs_tensor = option->name;
    return status;
}

/* --batch and --head, counted from 0 */
static ropemap_status set_index(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    map_options *options = into;
    uint64_t value = 0;
    const ropemap_status status =
        number_integer(option_subject(option).text, text, 0, INT32_MAX, &value, error);
    *(int64_t *)((char *)into + option->offset) = (int64_t)value;
    options->needs_tensor = option->name;
    return status;
}

/* N, or N,M: of queries, and of keys where they are fewer. At `offset` a tensor_heads. */
ropemap_status set_heads(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    tensor_heads *heads = (tensor_heads *)(void *)((char *)into + option->offset);
    char first[24];
    uint64_t queries = 0, keys = 0;
    const char *comma = strchr(text, ','), *subject = option_subject(option).text;
    const size_t length = comma == NULL ? strlen(text) : (size_t)(comma - text);
    if (length >= sizeof first) {
        return fail(error, ROPEMAP_USAGE, "%s: '%.64s', expected N or N,M heads", subject, text);
    }
    memcpy(first, text, length);
    first[length] = '\0';
    ropemap_status status = number_integer(subject, first, 1, INT32_MAX, &queries, error);
    if (status == ROPEMAP_OK && comma != NULL) {
        status = number_integer(subject, comma + 1, 1, INT32_MAX, &keys, error);
    }
    *heads = (tensor_heads){.queries = (int64_t)queries, .keys = (int64_t)keys};
    return status;
}

static ropemap_status set_state(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    map_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->request.already_rotated = index == 1;
    return status;
}

static ropemap_status set_first_position(void *into, const cli_option *option, const char *text,
                                         ropemap_error *error) {
    map_options *options = into;
    uint64_t value = 0;
    const ropemap_status status = number_integer(option_subject(option).text, text, 0,
                                                 (uint64_t)ROPEMAP_POSITION_END - 1, &value, error);
    options->request.first_position = (int64_t)value;
    options->needs_tensor = option->name;
    return status;
}

/* The mode of --phase and of --diff is one. */
static ropemap_status take_phase(map_options *options, const cli_option *option, const char *text,
                                 ropemap_error *error) {
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    const bool other = options->has_phase || options->diff;
    if (status == ROPEMAP_OK && other && (ropemap_phase)index != options->phase &&
        options->diff != (strcmp(option->name, "diff") == 0)) {
        return fail(error, ROPEMAP_USAGE, "--%s: %s with --%s %s, expected one mode", option->name, text,
                    options->diff ? "diff" : "phase", ropemap_phase_name(options->phase));
    }
    options->phase = (ropemap_phase)index;
    return status;
}

ropemap_status set_phase(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    const ropemap_status status = take_phase(options, option, text, error);
    options->has_phase = true;
    return status;
}

static ropemap_status set_diff(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    const ropemap_status status = take_phase(options, option, text, error);
    options->diff = true;
    return status == ROPEMAP_OK && options->phase == ROPEMAP_PHASE_EXACT
               ? fail(error, ROPEMAP_USAGE,
                      "--diff: exact, which is what the mode is held against, expected another one")
               : status;
}

static ropemap_status set_encoding(void *into, const cli_option *option, const char *text,
                                   ropemap_error *error) {
    map_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->request.encoding = (ropemap_encoding)index;
    return status;
}

static ropemap_status set_slope(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    map_options *options = into;
    const ropemap_status status =
        number_real(option_subject(option).text, text, &options->request.slope, error);
    return status == ROPEMAP_OK && !(options->request.slope > 0)
               ? fail(error, ROPEMAP_USAGE, "--slope: '%.64s', expected a number above 0", text)
               : status;
}

/* --chunk and --local */
static ropemap_status set_tokens(void *into, const cli_option *option, const char *text,
                                 ropemap_error *error) {
    uint64_t value = 0;
    const ropemap_status status =
        number_integer(option_subject(option).text, text, 1, (uint64_t)ROPEMAP_MAX_CHUNK, &value, error);
    *(int64_t *)((char *)into + option->offset) = (int64_t)value;
    return status;
}

static ropemap_status set_shift(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    map_options *options = into;
    uint64_t shift = 0;
    const ropemap_status status = number_integer(option_subject(option).text, text, 0,
                                                 (uint64_t)ROPEMAP_POSITION_END - 1, &shift, error);
    options->shift = (int64_t)shift;
    return status;
}

static ropemap_status set_sections(void *into, const cli_option *option, const char *text,
                                   ropemap_error *error) {
    static const char word[] = "interleaved:";
    map_options *options = into;
    const char *at = text;
    int axis = 0;
    ropemap_axes *axes = &options->rule.spec.axes;
    const bool interleaved = strncmp(text, word, sizeof word - 1) == 0;
    *axes = (ropemap_axes){.deal = interleaved ? ROPEMAP_DEAL_INTERLEAVED : ROPEMAP_DEAL_SECTIONS};
    at += interleaved ? sizeof word - 1 : 0;
    for (; axis < ROPEMAP_MAX_AXES && *at != '\0'; axis++) {
        char part[PART_MAX];
        uint64_t pairs = 0;
        const int length = (int)strcspn(at, ",");
        (void)snprintf(part, sizeof part, "%.*s", length, at);
        const ropemap_status status =
            number_integer(option_subject(option).text, part, 0, ROPEMAP_MAX_PAIRS, &pairs, error);
        if (status != ROPEMAP_OK) {
            return status;
        }
        axes->pairs[axis] = (int32_t)pairs;
        at += length + (at[length] == ',' ? 1 : 0);
    }
    axes->count = axis;
    options->rule.given |= RULE_SECTIONS;
    return axis > 1 && *at == '\0'
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_USAGE,
                      "--sections: '%.64s', expected two to four numbers of pairs with commas, "
                      "such as 16,24,24 or interleaved:24,20,20",
                      text);
}

static ropemap_status set_measure(void *into, const cli_option *option, const char *text,
                                  ropemap_error *error) {
    map_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->request.measure = (ropemap_measure)index;
    return status;
}

static ropemap_status set_pool(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->request.pool = (ropemap_pool)index;
    return status;
}

ropemap_status set_size(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    ropemap_request *request = &((map_options *)into)->request;
    return number_size(option_subject(option).text, text, ROPEMAP_MAX_SIDE, &request->width, &request->height,
                       error);
}

/* ---- how ----------------------------------------------------------------------------------------------- */

ropemap_status set_backend(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->request.backend = backend_choice(index);
    return status;
}

static ropemap_status set_method(void *into, const cli_option *option, const char *text,
                                 ropemap_error *error) {
    map_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->request.method = (ropemap_method)index;
    return status;
}

static ropemap_status set_dtype(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    map_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->request.dtype = (ropemap_dtype)index;
    return status;
}

ropemap_status set_device(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    uint64_t value = 0;
    const ropemap_status status =
        number_integer(option_subject(option).text, text, 0, DEVICE_MAX, &value, error);
    options->request.device = (int32_t)value;
    return status;
}

ropemap_status set_threads(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    uint64_t value = 0;
    const ropemap_status status =
        number_integer(option_subject(option).text, text, 1, THREADS_MAX, &value, error);
    options->request.threads = (int32_t)value;
    return status;
}

static ropemap_status set_memory(void *into, const cli_option *option, const char *text,
                                 ropemap_error *error) {
    map_options *options = into;
    return number_integer(option_subject(option).text, text, 1, INT64_MAX, &options->request.memory, error);
}

/* ---- output -------------------------------------------------------------------------------------------- */

ropemap_status set_output(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    if (text[0] == '\0') {
        return fail(error, ROPEMAP_USAGE, "--%s: empty (''), expected the name of a file", option->name);
    }
    if (options->output_count == MAP_OUTPUTS_MAX) {
        return fail(error, ROPEMAP_USAGE, "--%s: one too many ('%.200s'), expected at most %d", option->name,
                    text, MAP_OUTPUTS_MAX);
    }
    options->outputs[options->output_count++] = text;
    return ROPEMAP_OK;
}

static ropemap_status set_colormap(void *into, const cli_option *option, const char *text,
                                   ropemap_error *error) {
    map_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->colormap = (ropemap_colormap)index;
    return status;
}

/* LOW:HIGH */
static ropemap_status set_limits(void *into, const cli_option *option, const char *text,
                                 ropemap_error *error) {
    map_options *options = into;
    options->has_limits = true;
    return number_interval(option_subject_of(option, text).text, text, &options->low, &options->high, error);
}

map_options map_options_default(void) {
    return (map_options){.rule = rule_options_default(), .request = ropemap_request_default()};
}

static ropemap_status check_tensors(const map_options *options, ropemap_error *error) {
    if ((options->queries == NULL) != (options->keys == NULL)) {
        const bool queries = options->queries != NULL;
        return fail(error, ROPEMAP_USAGE, "--%s: missing, expected with --%s ('%.200s')",
                    queries ? "keys" : "queries", queries ? "queries" : "keys",
                    queries ? options->queries : options->keys);
    }
    if (options->queries != NULL && options->has_content) {
        return fail(error, ROPEMAP_USAGE,
                    "--content: given with --queries ('%.200s'), expected one of the two", options->queries);
    }
    const bool of_table = options->needs_tensor != NULL && strcmp(options->needs_tensor, "head") == 0 &&
                          options->rule.frequencies != NULL;
    if (options->queries == NULL &&
        ((options->needs_tensor != NULL && !of_table) || options->heads.queries != 0)) {
        return fail(error, ROPEMAP_USAGE, "--%s: without tensors, expected with --queries and --keys",
                    options->needs_tensor != NULL ? options->needs_tensor : "heads");
    }
    return ROPEMAP_OK;
}

ropemap_status map_options_check(const map_options *options, ropemap_error *error) {
    const ropemap_status status = check_tensors(options, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    if (options->output_count == 0 && !options->dry_run) {
        return fail(error, ROPEMAP_USAGE, "--output: missing, expected -o FILE.png, .svg, .pdf or .npy");
    }
    return ROPEMAP_OK;
}

const cli_option map_option_table[] = {
    {.group = GROUP_WHAT,
     .name = "positions",
     .letter = 'n',
     .argument = "RANGE",
     .initial = "4k, or all of the tensors",
     .help = "positions of queries and of keys",
     .set = set_range,
     .offset = offsetof(map_options, positions),
     .slider = &(const cli_slider){4, 0x1p24, true, 1, "tokens"},
     .page = {.place = PLACE_RULE, .label = "Sequence length"}},
    {.group = GROUP_WHAT,
     .name = "rows",
     .argument = "RANGE",
     .help = "positions of the queries, down, where they differ",
     .set = set_range,
     .offset = offsetof(map_options, row_positions),
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "cols",
     .argument = "RANGE",
     .help = "positions of the keys, across, where they differ",
     .set = set_range,
     .offset = offsetof(map_options, col_positions),
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "encoding",
     .choices = encoding_choice,
     .initial = "rope",
     .help = "how positions enter a score; all but rope and nope are for --content ones, to compare with",
     .set = set_encoding,
     .page = {.place = PLACE_VALUES}},
    {.group = GROUP_WHAT,
     .name = "slope",
     .argument = "S",
     .initial = "1/256",
     .help = "alibi: what a token of distance takes away",
     .set = set_slope,
     .real = true,
     .slider = &(const cli_slider){1e-4, 1, true, 0, "a token"},
     .page = {.place = PLACE_VALUES, .needs = "encoding=alibi"}},
    {.group = GROUP_WHAT,
     .name = "chunk",
     .argument = "N",
     .initial = "256k",
     .help = "dual-chunk, which needs --causal: tokens of a chunk, with --local",
     .set = set_tokens,
     .offset = offsetof(map_options, request.chunk),
     .slider = &(const cli_slider){64, 0x1p22, true, 1, "tokens"},
     .page = {.place = PLACE_VALUES, .needs = "encoding=dual-chunk"}},
    {.group = GROUP_WHAT,
     .name = "local",
     .argument = "N",
     .initial = "8k",
     .help = "dual-chunk: tokens of the chunk before that keep their distance; fewer than a chunk",
     .set = set_tokens,
     .offset = offsetof(map_options, request.local),
     .slider = &(const cli_slider){1, 0x1p20, true, 1, "tokens"},
     .page = {.place = PLACE_VALUES, .needs = "encoding=dual-chunk"}},
    {.group = GROUP_WHAT,
     .name = "content",
     .argument = "ones|gauss[:SEED]",
     .choices = content_choice,
     .initial = "ones",
     .help = "queries and keys: the unit vector with equal entries everywhere, or independent random vectors "
             "of mean square length 1",
     .set = set_content,
     .page = {.place = PLACE_VALUES}},
    {.group = GROUP_WHAT,
     .name = "queries",
     .argument = "FILE[:TENSOR]",
     .help = "queries from a .npy or .safetensors file",
     .set = option_set_text,
     .offset = offsetof(map_options, queries),
     .reads = READS_TENSOR,
     .local = true},
    {.group = GROUP_WHAT,
     .name = "keys",
     .argument = "FILE[:TENSOR]",
     .help = "keys, likewise",
     .set = option_set_text,
     .offset = offsetof(map_options, keys),
     .reads = READS_TENSOR,
     .local = true},
    {.group = GROUP_WHAT,
     .name = "order",
     .choices = order_choice,
     .initial = "hsd",
     .help = "axes of the tensors: [batch, head, position, element] or [batch, position, head, element]; "
             "leading ones may be missing",
     .set = set_order,
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "heads",
     .argument = "N[,M]",
     .help =
         "the tensors are [position, N * head dim], as vLLM has them, or [batch, position, N * head dim]: "
         "heads of queries, and of keys, which else follow from the head dim",
     .set = set_heads,
     .offset = offsetof(map_options, heads),
     .local = true},
    {.group = GROUP_WHAT,
     .name = "batch",
     .argument = "N",
     .initial = "0",
     .help = "which batch of the tensors",
     .set = set_index,
     .offset = offsetof(map_options, batch),
     .page = {.tensors = true}},
    {.group = GROUP_WHAT,
     .name = "head",
     .argument = "N",
     .initial = "0",
     .help = "which query head; fewer key heads are shared evenly",
     .set = set_index,
     .offset = offsetof(map_options, head),
     .page = {.tensors = true}},
    {.group = GROUP_WHAT,
     .name = "state",
     .choices = state_choice,
     .initial = "pre",
     .help = "whether the vectors are from before or after the rotation; the latter are not rotated again",
     .set = set_state,
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "first-position",
     .argument = "N",
     .initial = "0",
     .help = "position of the tensors' first row",
     .set = set_first_position,
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "positions-from",
     .argument = "FILE.npy",
     .help = "positions of the rows, whole numbers [S], or [axes, S] with --axes or --sections; then "
             "ranges count rows",
     .set = option_set_text,
     .offset = offsetof(map_options, positions_from),
     .reads = READS_FILE,
     .local = true},
    {.group = GROUP_WHAT,
     .name = "sections",
     .argument = "T,H,W",
     .help =
         "pairs that follow each axis of such positions (M-RoPE), one after another; interleaved:T,H,W as "
         "Qwen3-VL",
     .set = set_sections,
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "shift",
     .argument = "N",
     .initial = "0",
     .help = "added to every position before rotating: an exact map does not change, a rounded one does",
     .set = set_shift,
     .slider = &(const cli_slider){1, 0x1p39, true, 1, "tokens"},
     .page = {.place = PLACE_PRECISION, .label = "Position shift"}},
    {.group = GROUP_WHAT,
     .name = "phase",
     .choices = phase_choice,
     .initial = "exact",
     .help = "how rotations are computed: exactly, or with the rounding of a stack in use",
     .set = set_phase,
     .page = {.place = PLACE_PRECISION, .label = "Rotations"}},
    {.group = GROUP_WHAT,
     .name = "diff",
     .argument = "MODE",
     .choices = phase_choice,
     .help = "draw what that --phase differs by from the exact map",
     .set = set_diff,
     .page = {.place = PLACE_PRECISION, .label = "Difference to exact"}},
    {.group = GROUP_WHAT,
     .name = "strict",
     .help = "refuse tensors that hold NaN or infinity",
     .set = option_set_flag,
     .offset = offsetof(map_options, request.strict),
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "measure",
     .choices = measure_choice,
     .initial = "dot",
     .help = "q.k, q.k / sqrt(D), or q.k / (|q| |k|)",
     .set = set_measure,
     .page = {.place = PLACE_VALUES}},
    {.group = GROUP_WHAT,
     .name = "pool",
     .choices = pool_choice,
     .initial = "mean",
     .help = "how the similarities of a cell become one number",
     .set = set_pool,
     .page = {.place = PLACE_VALUES}},
    {.group = GROUP_WHAT,
     .name = "causal",
     .help = "count keys up to the query's own position only; cells without any are NaN",
     .set = option_set_flag,
     .offset = offsetof(map_options, request.causal),
     .page = {.place = PLACE_VALUES}},
    {.group = GROUP_WHAT,
     .name = "size",
     .argument = "WxH",
     .initial = "1024x1024",
     .help = "cells of the map; one number stands for both",
     .set = set_size,
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_HOW,
     .name = "backend",
     .choices = backend_choice,
     .initial = "auto",
     .help = "what does the arithmetic; auto: the GPU where there is one and the map is large enough",
     .set = set_backend,
     .local = true},
    {.group = GROUP_HOW,
     .name = "device",
     .argument = "N",
     .initial = "0",
     .help = "which GPU, counted from 0",
     .set = set_device,
     .local = true},
    {.group = GROUP_HOW,
     .name = "method",
     .choices = method_choice,
     .initial = "auto",
     .help = "how cells are computed: from pooled rows, from every distance once, or from every pair",
     .set = set_method},
    {.group = GROUP_HOW,
     .name = "dtype",
     .choices = dtype_choice,
     .initial = "fp32",
     .help = "tiled method: what rotated rows are rounded to before every pair is multiplied",
     .set = set_dtype},
    {.group = GROUP_HOW,
     .name = "threads",
     .argument = "N",
     .initial = "all processors",
     .help = "threads, 1 to 1024",
     .set = set_threads,
     .local = true},
    {.group = GROUP_HOW,
     .name = "memory",
     .argument = "BYTES",
     .initial = "a quarter of RAM",
     .help = "memory the work may take",
     .set = set_memory,
     .local = true},
    {.group = GROUP_HOW,
     .name = "dry-run",
     .help = "print how the map would be computed, and compute nothing",
     .set = option_set_flag,
     .offset = offsetof(map_options, dry_run),
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "output",
     .letter = 'o',
     .argument = "FILE",
     .help =
         "where the map goes: .png, .svg, .pdf, .npy, or - for a PNG on standard output, svg:- for another "
         "kind; may be given several times",
     .set = set_output,
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "bare",
     .help = "one pixel a cell, no frame",
     .set = option_set_flag,
     .offset = offsetof(map_options, bare),
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_OUTPUT,
     .name = "width",
     .argument = "LENGTH",
     .initial = "from the map",
     .help = "width of the picture: as printed, 180mm, 18cm, 3.5in or 255pt, or 1024px",
     .set = set_print_width,
     .offset = offsetof(map_options, print),
     .page = {.place = PLACE_NONE, .framed = true}},
    {.group = GROUP_OUTPUT,
     .name = "dpi",
     .argument = "N",
     .initial = "300 for a printed width, else 96",
     .help = "pixels an inch, which a PNG of a printed width is made of, and a page without one",
     .set = set_print_dpi,
     .offset = offsetof(map_options, print),
     .page = {.place = PLACE_FILES, .label = "Dots per inch", .framed = true}},
    {.group = GROUP_OUTPUT,
     .name = "font-size",
     .argument = "SIZE",
     .initial = "in proportion to the picture",
     .help = "size of the numbers along the axes, which other text follows: in points as printed, 8 or 8pt, "
             "or 12px",
     .set = set_print_font,
     .offset = offsetof(map_options, print),
     .page = {.place = PLACE_FILES, .framed = true}},
    {.group = GROUP_OUTPUT,
     .name = "cmap",
     .choices = colormap_choice,
     .initial = "auto",
     .help = "colours",
     .set = set_colormap,
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_OUTPUT,
     .name = "clim",
     .argument = "LOW:HIGH",
     .initial = "the map's own",
     .help = "values that have the first and the last colour",
     .set = set_limits,
     .page = {.place = PLACE_COLOUR, .label = "Limits"}},
    {.group = GROUP_OUTPUT,
     .name = "norm",
     .argument = "linear|log|symlog[:V]",
     .choices = norm_choice,
     .initial = "linear",
     .help = "how colours follow values; log: of those above 0; symlog: both ways, linear between -V and V, "
             "a thousandth of the largest",
     .set = set_norm,
     .page = {.place = PLACE_COLOUR, .label = "Scale"}},
    {.group = GROUP_OUTPUT,
     .name = "percentile",
     .argument = "P",
     .help = "limits that leave out P % of the cells at each end",
     .set = set_percentile,
     .slider = &(const cli_slider){0.1, 40, true, 0, "%"},
     .page = {.place = PLACE_COLOUR}},
    {.group = GROUP_OUTPUT,
     .name = "contour",
     .argument = "V[,V...]",
     .help = "lines along which the map has these values, at most 8",
     .set = set_contours,
     .page = {.place = PLACE_FILES, .framed = true}},
    {.group = GROUP_OUTPUT,
     .name = "dark",
     .help = "light text on a dark page",
     .set = option_set_flag,
     .offset = offsetof(map_options, figure.dark),
     .page = {.place = PLACE_FILES, .label = "Dark page", .framed = true}},
    {.group = GROUP_OUTPUT,
     .name = "json",
     .help = "print everything about the map as JSON on standard output",
     .set = option_set_flag,
     .offset = offsetof(map_options, json),
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "force",
     .help = "replace files that exist",
     .set = option_set_flag,
     .offset = offsetof(map_options, force),
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "quiet",
     .letter = 'q',
     .help = "print nothing but errors",
     .set = option_set_flag,
     .offset = offsetof(map_options, quiet),
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "verbose",
     .letter = 'v',
     .help = "print the plan and the time of each stage too",
     .set = option_set_flag,
     .offset = offsetof(map_options, verbose),
     .local = true},
    {.name = NULL},
};
