/* map_setters.c - what the options of `ropemap map` do with their values */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/map_setters.h"

#include "tools/ropemap/failure.h"
#include "tools/ropemap/map_options.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"

#include <stdio.h>
#include <string.h>

enum { THREADS_MAX = 1024, DEVICE_MAX = 1023, PART_MAX = 80 };

/* ---- names of values ----------------------------------------------------------------------------------- */

const char *content_choice(int index) {
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

const char *measure_choice(int index) {
    return ropemap_measure_name((ropemap_measure)index);
}

const char *pool_choice(int index) {
    return ropemap_pool_name((ropemap_pool)index);
}

const char *backend_choice(int index) {
    static const char *const names[] = {"auto", "cpu", "cuda", NULL};
    return names[index];
}

const char *method_choice(int index) {
    return ropemap_method_name((ropemap_method)index);
}

const char *dtype_choice(int index) {
    return ropemap_dtype_name((ropemap_dtype)index);
}

const char *colormap_choice(int index) {
    return ropemap_colormap_name((ropemap_colormap)index);
}

const char *phase_choice(int index) {
    return ropemap_phase_name((ropemap_phase)index);
}

const char *encoding_choice(int index) {
    return ropemap_encoding_name((ropemap_encoding)index);
}

/* ---- what ---------------------------------------------------------------------------------------------- */

/* Any of the three ranges. Its first position may depend on options to come, so the text is kept. */
ropemap_status set_range(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    ropemap_range range;
    const ropemap_status status = number_range(option_subject(option).text, text, 0, &range, error);
    return status == ROPEMAP_OK ? option_set_text(into, option, text, error) : status;
}

/* ones, gauss or gauss:SEED */
ropemap_status set_content(void *into, const cli_option *option, const char *text, ropemap_error *error) {
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

ropemap_status set_order(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->order = (ropemap_order)index;
    options->needs_tensor = option->name;
    return status;
}

/* --batch and --head, counted from 0 */
ropemap_status set_index(void *into, const cli_option *option, const char *text, ropemap_error *error) {
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

ropemap_status set_state(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->request.already_rotated = index == 1;
    return status;
}

ropemap_status set_first_position(void *into, const cli_option *option, const char *text,
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

ropemap_status set_diff(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    const ropemap_status status = take_phase(options, option, text, error);
    options->diff = true;
    return status == ROPEMAP_OK && options->phase == ROPEMAP_PHASE_EXACT
               ? fail(error, ROPEMAP_USAGE,
                      "--diff: exact, which is what the mode is held against, expected another one")
               : status;
}

ropemap_status set_encoding(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->request.encoding = (ropemap_encoding)index;
    return status;
}

ropemap_status set_slope(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    const ropemap_status status =
        number_real(option_subject(option).text, text, &options->request.slope, error);
    return status == ROPEMAP_OK && !(options->request.slope > 0)
               ? fail(error, ROPEMAP_USAGE, "--slope: '%.64s', expected a number above 0", text)
               : status;
}

/* --chunk and --local */
ropemap_status set_tokens(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    uint64_t value = 0;
    const ropemap_status status =
        number_integer(option_subject(option).text, text, 1, (uint64_t)ROPEMAP_MAX_CHUNK, &value, error);
    *(int64_t *)((char *)into + option->offset) = (int64_t)value;
    return status;
}

ropemap_status set_shift(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    uint64_t shift = 0;
    const ropemap_status status = number_integer(option_subject(option).text, text, 0,
                                                 (uint64_t)ROPEMAP_POSITION_END - 1, &shift, error);
    options->shift = (int64_t)shift;
    return status;
}

ropemap_status set_sections(void *into, const cli_option *option, const char *text, ropemap_error *error) {
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

ropemap_status set_measure(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->request.measure = (ropemap_measure)index;
    return status;
}

ropemap_status set_pool(void *into, const cli_option *option, const char *text, ropemap_error *error) {
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

ropemap_status set_method(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->request.method = (ropemap_method)index;
    return status;
}

ropemap_status set_dtype(void *into, const cli_option *option, const char *text, ropemap_error *error) {
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

ropemap_status set_memory(void *into, const cli_option *option, const char *text, ropemap_error *error) {
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

ropemap_status set_colormap(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->colormap = (ropemap_colormap)index;
    return status;
}

/* LOW:HIGH */
ropemap_status set_limits(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    map_options *options = into;
    options->has_limits = true;
    return number_interval(option_subject_of(option, text).text, text, &options->low, &options->high, error);
}
