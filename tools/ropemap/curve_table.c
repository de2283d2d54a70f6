/* curve_table.c - the options of `ropemap curve` */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/curve_options.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/map_table.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char *axis_choice(int index) {
    static const char *const names[] = {"linear", "log", NULL};
    return names[index];
}

static const char *quantity_choice(int index) {
    static const char *const names[] = {
        [CURVE_SIMILARITY] = "similarity", [CURVE_ROFORMER] = "roformer", [CURVE_ROFORMER + 1] = NULL};
    return names[index];
}

static ropemap_status set_distances(void *into, const cli_option *option, const char *text,
                                    ropemap_error *error) {
    curve_options *options = into;
    options->has_distances = true;
    return number_range(option_subject(option).text, text, 0, &options->distances, error);
}

static ropemap_status set_vary(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    curve_options *options = into;
    (void)option;
    return vary_add(&options->vary, &command_curve, text, error);
}

static ropemap_status set_label(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    curve_options *options = into;
    if (options->label_count == CURVES_MOST) {
        return fail(error, ROPEMAP_USAGE, "--%s: more than %d", option->name, CURVES_MOST);
    }
    options->labels[options->label_count++] = text;
    return ROPEMAP_OK;
}

static ropemap_status set_axis(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    curve_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->log_axis = index == 1;
    return status;
}

static ropemap_status set_quantity(void *into, const cli_option *option, const char *text,
                                   ropemap_error *error) {
    curve_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->quantity = (curve_quantity)index;
    return status;
}

static ropemap_status set_rounding(void *into, const cli_option *option, const char *text,
                                   ropemap_error *error) {
    curve_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->phase = (ropemap_phase)index;
    return status;
}

/* FIRST:COUNT of pairs. */
static ropemap_status set_band(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    curve_options *options = into;
    ropemap_range band;
    const ropemap_status status = number_range(option_subject(option).text, text, 0, &band, error);
    if (status == ROPEMAP_OK && (band.step != 1 || band.first + band.count > ROPEMAP_MAX_PAIRS)) {
        return fail(error, ROPEMAP_USAGE, "--%s: '%.64s', expected FIRST:COUNT of pairs below %d",
                    option->name, text, ROPEMAP_MAX_PAIRS);
    }
    options->first_pair = (int32_t)band.first;
    options->pair_count = (int32_t)band.count;
    return status;
}

static ropemap_status set_order_of_axes(void *into, const cli_option *option, const char *text,
                                        ropemap_error *error) {
    curve_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->order = (ropemap_order)index;
    return status;
}

static ropemap_status set_count(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    uint64_t value = 0;
    const ropemap_status status = number_integer(option_subject(option).text, text, 0,
                                                 (uint64_t)ROPEMAP_POSITION_END - 1, &value, error);
    *(int64_t *)(void *)((char *)into + option->offset) = (int64_t)value;
    return status;
}

static ropemap_status set_vector_state(void *into, const cli_option *option, const char *text,
                                       ropemap_error *error) {
    curve_options *options = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    options->already_rotated = index == 1;
    return status;
}

static ropemap_status set_ylim(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    curve_options *options = into;
    options->has_limits = true;
    return number_interval(option_subject(option).text, text, &options->low, &options->high, error);
}

static ropemap_status set_pixels(void *into, const cli_option *option, const char *text,
                                 ropemap_error *error) {
    curve_options *options = into;
    return number_size(option_subject(option).text, text, 8192, &options->width, &options->height, error);
}

static ropemap_status set_thread_count(void *into, const cli_option *option, const char *text,
                                       ropemap_error *error) {
    curve_options *options = into;
    uint64_t threads = 0;
    const ropemap_status status = number_integer(option_subject(option).text, text, 1, 1024, &threads, error);
    options->threads = (int32_t)threads;
    return status;
}

ropemap_status curve_set_output(void *into, const cli_option *option, const char *text,
                                ropemap_error *error) {
    curve_options *options = into;
    if (options->output_count == CURVE_OUTPUTS_MOST) {
        return fail(error, ROPEMAP_USAGE, "--%s: more than %d files", option->name, CURVE_OUTPUTS_MOST);
    }
    options->outputs[options->output_count++] = text;
    return ROPEMAP_OK;
}

const cli_option curve_option_table[] = {
    {.group = GROUP_WHAT,
     .name = "distances",
     .letter = 'n',
     .argument = "RANGE",
     .initial = "4k, or all of the tensors",
     .help = "distances: COUNT from 0 on, FIRST:COUNT or FIRST:COUNT:STEP",
     .set = set_distances,
     .slider = &(const cli_slider){4, 0x1p24, true, 1, "tokens"}},
    {.group = GROUP_WHAT,
     .name = "vary",
     .argument = "NAME=VALUES",
     .help = "a curve for each value of an option above: base=1e4,5e5, base=1e3-1e7*10, preset=A,B, "
             "scaling=RULE; "
             "may be given several times",
     .set = set_vary},
    {.group = GROUP_WHAT,
     .name = "quantity",
     .choices = quantity_choice,
     .initial = "similarity",
     .help = "S(r) of equal unit vectors, or RoFormer's upper bound of the decay",
     .set = set_quantity},
    {.group = GROUP_WHAT,
     .name = "phase",
     .choices = phase_choice,
     .initial = "exact",
     .help = "how rotations are computed: exactly, or with the rounding of a stack in use",
     .set = set_rounding},
    {.group = GROUP_WHAT,
     .name = "shift",
     .argument = "N",
     .initial = "0",
     .help = "position of the key; the query is as many tokens after it as the distance says",
     .set = set_count,
     .offset = offsetof(curve_options, shift)},
    {.group = GROUP_WHAT,
     .name = "along",
     .argument = "AXIS",
     .initial = "the last one",
     .help =
         "of a rule with several axes: the one that distances are along, t, h, w or a number from 1; on the "
         "others both positions are equal",
     .set = option_set_text,
     .offset = offsetof(curve_options, along)},
    {.group = GROUP_WHAT,
     .name = "band",
     .argument = "FIRST:COUNT",
     .help = "what these pairs alone contribute",
     .set = set_band},
    {.group = GROUP_WHAT,
     .name = "queries",
     .argument = "FILE[:TENSOR]",
     .help = "real queries: the mean of q.k over all pairs at each distance",
     .set = option_set_text,
     .offset = offsetof(curve_options, queries),
     .reads = READS_TENSOR,
     .local = true},
    {.group = GROUP_WHAT,
     .name = "keys",
     .argument = "FILE[:TENSOR]",
     .help = "keys, likewise",
     .set = option_set_text,
     .offset = offsetof(curve_options, keys),
     .reads = READS_TENSOR,
     .local = true},
    {.group = GROUP_WHAT,
     .name = "order",
     .choices = order_choice,
     .initial = "hsd",
     .help = "axes of the tensors, as for map",
     .set = set_order_of_axes},
    {.group = GROUP_WHAT,
     .name = "heads",
     .argument = "N[,M]",
     .help =
         "the tensors are [position, N * head dim], as vLLM has them, or [batch, position, N * head dim]: "
         "heads of queries, and of keys, which else follow from the head dim",
     .set = set_heads,
     .offset = offsetof(curve_options, heads),
     .local = true},
    {.group = GROUP_WHAT,
     .name = "batch",
     .argument = "N",
     .initial = "0",
     .help = "which batch of the tensors",
     .set = set_count,
     .offset = offsetof(curve_options, batch)},
    {.group = GROUP_WHAT,
     .name = "head",
     .argument = "N",
     .initial = "0",
     .help = "which query head; fewer key heads are shared evenly",
     .set = set_count,
     .offset = offsetof(curve_options, head)},
    {.group = GROUP_WHAT,
     .name = "state",
     .choices = state_choice,
     .initial = "pre",
     .help = "whether the vectors are from before or after the rotation",
     .set = set_vector_state},
    {.group = GROUP_WHAT,
     .name = "first-position",
     .argument = "N",
     .initial = "0",
     .help = "position of the tensors' first row",
     .set = set_count,
     .offset = offsetof(curve_options, first_position)},
    {.group = GROUP_HOW,
     .name = "threads",
     .argument = "N",
     .initial = "all processors",
     .help = "threads, 1 to 1024",
     .set = set_thread_count,
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "output",
     .letter = 'o',
     .argument = "FILE",
     .help = "where the curves go: .png, .svg, .pdf, .csv, .npy, or - for a PNG on standard output in place "
             "of the text, csv:- for another kind; may be given several times",
     .set = curve_set_output,
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "axis",
     .choices = axis_choice,
     .initial = "linear",
     .help = "the axis of distances",
     .set = set_axis},
    {.group = GROUP_OUTPUT,
     .name = "ylim",
     .argument = "LOW:HIGH",
     .help = "limits of the other axis",
     .set = set_ylim},
    {.group = GROUP_OUTPUT,
     .name = "label",
     .argument = "TEXT",
     .help = "name of a curve, in their order",
     .set = set_label},
    {.group = GROUP_OUTPUT,
     .name = "size",
     .argument = "WxH",
     .initial = "1600x1000",
     .help = "pixels of the picture; with --width its shape",
     .set = set_pixels},
    {.group = GROUP_OUTPUT,
     .name = "width",
     .argument = "LENGTH",
     .initial = "from --size",
     .help = "width of the picture: as printed, 180mm, 18cm, 3.5in or 255pt, or 1024px",
     .set = set_print_width,
     .offset = offsetof(curve_options, print)},
    {.group = GROUP_OUTPUT,
     .name = "dpi",
     .argument = "N",
     .initial = "300 for a printed width, else 96",
     .help = "pixels an inch, which a PNG of a printed width is made of, and a page without one",
     .set = set_print_dpi,
     .offset = offsetof(curve_options, print)},
    {.group = GROUP_OUTPUT,
     .name = "font-size",
     .argument = "SIZE",
     .initial = "in proportion to the picture",
     .help = "size of the numbers along the axes, which other text follows: in points as printed, 8 or 8pt, "
             "or 12px",
     .set = set_print_font,
     .offset = offsetof(curve_options, print)},
    {.group = GROUP_OUTPUT,
     .name = "json",
     .help = "print JSON of schema ropemap.curve/1",
     .set = option_set_flag,
     .offset = offsetof(curve_options, json),
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "force",
     .help = "replace files that exist",
     .set = option_set_flag,
     .offset = offsetof(curve_options, force),
     .local = true},
    {.group = GROUP_OUTPUT,
     .name = "quiet",
     .letter = 'q',
     .help = "print nothing but errors",
     .set = option_set_flag,
     .offset = offsetof(curve_options, quiet),
     .local = true},
    {.name = NULL},
};
