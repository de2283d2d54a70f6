/* rule_options.c - the options of a RoPE rule, and the rule that they and a model make */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/options/rule_options.h"

#include "tools/ropemap/failure.h"
#include "tools/ropemap/options/number.h"
#include "tools/ropemap/options/options.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double TWO_PI = 6.283185307179586477;

static const char *layout_choice(int index) {
    return ropemap_layout_name((ropemap_layout)index);
}

/* ---- setters ------------------------------------------------------------------------------------------- */

static ropemap_status set_scaling(void *into, const cli_option *option, const char *text,
                                  ropemap_error *error) {
    rule_options *rule = into;
    ropemap_error reason = {.status = ROPEMAP_OK};
    ropemap_divisors lists;
    const ropemap_status status = ropemap_scaling_parse(text, &lists, &rule->spec.scaling, &reason);
    rule->spec.scaling.short_factors = rule->spec.scaling.long_factors = NULL; /* until it is resolved */
    rule->scaling = text;
    return status == ROPEMAP_OK
               ? status
               : fail(error, status, "%s: %.300s", option_subject_of(option, text).text, reason.text);
}

static ropemap_status set_axes(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    rule_options *rule = into;
    ropemap_error reason = {.status = ROPEMAP_OK};
    const ropemap_status status = ropemap_axes_parse(text, &rule->spec.axes, &reason);
    return status == ROPEMAP_OK ? status
                                : fail(error, status, "%s: %.300s", option_subject(option).text, reason.text);
}

/* SIDE for SIDE x SIDE, or a number for each axis with x or a comma between them. */
static ropemap_status set_grid(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    rule_options *rule = into;
    const char *at = text;
    rule->sides = 0;
    do {
        char part[24];
        uint64_t side = 0;
        const size_t length = strcspn(at, "x,");
        (void)snprintf(part, sizeof part, "%.*s", length < sizeof part ? (int)length : 0, at);
        const ropemap_status status =
            number_integer(option_subject_of(option, text).text, part, 1, ROPEMAP_MAX_GRID, &side, error);
        if (status != ROPEMAP_OK) {
            return status;
        }
        if (rule->sides == ROPEMAP_MAX_AXES) {
            return fail(error, ROPEMAP_USAGE, "--grid: '%.64s' has more than %d numbers", text,
                        ROPEMAP_MAX_AXES);
        }
        rule->grid[rule->sides++] = (int32_t)side;
        at += length;
    } while (*at++ != '\0');
    return ROPEMAP_OK;
}

/* T,H,W in pairs, or interleaved:T,H,W */
static ropemap_status set_sections(void *into, const cli_option *option, const char *text,
                                   ropemap_error *error) {
    static const char word[] = "interleaved:";
    ropemap_axes *axes = &((rule_options *)into)->spec.axes;
    const bool interleaved = strncmp(text, word, sizeof word - 1) == 0;
    const char *at = text + (interleaved ? sizeof word - 1 : 0);
    int axis = 0;
    *axes = (ropemap_axes){.deal = interleaved ? ROPEMAP_DEAL_INTERLEAVED : ROPEMAP_DEAL_SECTIONS};
    for (; axis < ROPEMAP_MAX_AXES && *at != '\0'; axis++) {
        char part[80];
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
    return axis > 1 && *at == '\0'
               ? ROPEMAP_OK
               : fail(error, ROPEMAP_USAGE,
                      "--sections: '%.64s' is no list of two to four numbers of pairs; write 16,24,24 or "
                      "interleaved:24,20,20",
                      text);
}

const cli_option rule_rows[] = {
    {.group = GROUP_WHAT,
     .name = "model",
     .argument = "PATH",
     .help =
         "the rule of a model: a folder with a config.json, a config.json (Hugging Face, TensorRT-LLM), a "
         "params.json (Mistral, Meta), or a GGUF file; options below win over it",
     .type = OPTION_TEXT,
     .offset = offsetof(rule_options, model),
     .reads = READS_MODEL,
     .local = true},
    {.group = GROUP_WHAT,
     .name = "preset",
     .argument = "NAME",
     .help = "the rule of a known model, such as llama3.1-8b; ropemap info --presets lists them",
     .type = OPTION_TEXT,
     .offset = offsetof(rule_options, preset),
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "layer-type",
     .argument = "NAME|NUMBER",
     .initial = "full_attention",
     .help = "which layers' rule, where a model has several: their type, or the number of one, from 0",
     .type = OPTION_TEXT,
     .offset = offsetof(rule_options, layer_type),
     .page = {.needs = "model"}},
    {.group = GROUP_WHAT,
     .name = "base",
     .letter = 'b',
     .argument = "B",
     .initial = "10000",
     .help = "base of the frequencies (rope_theta), above 1; 500k is 500,000",
     .type = OPTION_REAL,
     .offset = offsetof(rule_options, spec.base),
     .bounds = &(const cli_bounds){.low = 1, .above = true, .words = "a number above 1"},
     .bit = RULE_BASE,
     .slider = &(const cli_slider){1e2, 1e10, true, 0, ""},
     .page = {.place = PLACE_RULE}},
    {.group = GROUP_WHAT,
     .name = "head-dim",
     .letter = 'd',
     .argument = "D",
     .initial = "128",
     .help = "dimensions per head (even; taken from tensors if loaded)",
     .type = OPTION_INT32,
     .offset = offsetof(rule_options, spec.head_dim),
     .least = 2,
     .most = ROPEMAP_MAX_HEAD_DIM,
     .even = true,
     .bit = RULE_HEAD_DIM,
     .slider = &(const cli_slider){2, 512, true, 2, ""},
     .page = {.place = PLACE_RULE, .label = "Head dimension"}},
    {.group = GROUP_WHAT,
     .name = "rotary-dim",
     .argument = "D",
     .initial = "the head dim",
     .help = "rotated dimensions per head (even)",
     .type = OPTION_INT32,
     .offset = offsetof(rule_options, spec.rotary_dim),
     .least = 2,
     .most = ROPEMAP_MAX_HEAD_DIM,
     .even = true,
     .bit = RULE_ROTARY_DIM,
     .slider = &(const cli_slider){2, 512, false, 2, ""},
     .page = {.place = PLACE_RULE, .label = "Rotary dimensions"}},
    {.group = GROUP_WHAT,
     .name = "scaling",
     .argument = "RULE[:KEY=VALUE,...]",
     .initial = "none",
     .help = "how frequencies change for longer contexts, see below",
     .type = OPTION_CUSTOM,
     .set = set_scaling,
     .bit = RULE_SCALING,
     .page = {.place = PLACE_RULE, .label = "Scaling rule"}},
    {.group = GROUP_WHAT,
     .name = "frequencies",
     .argument = "FILE.npy[:HEAD]",
     .help = "inverse frequencies as numbers, radians a token, in place of base and scaling: [pairs], or a "
             "row of [heads, pairs], else that of --head; a model still gives all else",
     .type = OPTION_TEXT,
     .offset = offsetof(rule_options, frequencies),
     .local = true,
     .reads = READS_TENSOR},
    {.group = GROUP_WHAT,
     .name = "length",
     .argument = "TOKENS",
     .initial = "the last position of a map, else the model's trained length",
     .help = "tokens in the context, for rules that depend on it (dynamic, longrope)",
     .type = OPTION_INT,
     .offset = offsetof(rule_options, length),
     .least = 1,
     .most = ROPEMAP_POSITION_END,
     .bit = RULE_LENGTH,
     .slider = &(const cli_slider){4, 0x1p24, true, 1, "tokens"},
     .page = {.place = PLACE_RULE, .label = "Context length"}},
    {.group = GROUP_WHAT,
     .name = "layout",
     .choices = layout_choice,
     .initial = "half",
     .help = "which elements form a pair: i and i + D/2, or 2i and 2i + 1",
     .type = OPTION_CHOICE,
     .offset = offsetof(rule_options, spec.layout),
     .bit = RULE_LAYOUT},
    {.group = GROUP_WHAT,
     .name = "axes",
     .argument = "[DEAL:]A,B[,C[,D]]",
     .initial = "one axis",
     .help = "elements that follow each axis of an image (h,w) or a video (t,h,w), such as 16,56,56, and how "
             "frequencies are dealt to them, see below",
     .type = OPTION_CUSTOM,
     .set = set_axes,
     .bit = RULE_AXES},
    {.group = GROUP_WHAT,
     .name = "grid",
     .argument = "SIDE|H,W|T,H,W",
     .initial = "the model's own",
     .help = "patches along each axis, in reading order; without --axes half of the pairs of a map follow "
             "columns and half rows, as Llama 4 has them with --scaling vision-2d",
     .type = OPTION_CUSTOM,
     .set = set_grid,
     .bit = RULE_GRID},
    {.name = NULL},
};

const cli_option section_rows[] = {
    {.group = GROUP_WHAT,
     .name = "sections",
     .argument = "T,H,W",
     .help = "pairs that follow each axis of positions with several axes (M-RoPE), one section after "
             "another; interleaved:T,H,W as Qwen3-VL",
     .type = OPTION_CUSTOM,
     .set = set_sections,
     .bit = RULE_SECTIONS,
     .page = {.place = PLACE_NONE}},
    {.name = NULL},
};

/* ---- the rule ------------------------------------------------------------------------------------------ */

rule_options rule_options_default(void) {
    return (rule_options){.spec = ropemap_spec_default()};
}

rule_options *rule_options_of(const cli_command *command, void *options) {
    for (const cli_block *block = command->blocks; block->rows != NULL; block++) {
        if (block->rows == rule_rows) {
            return (rule_options *)(void *)((char *)options + block->offset);
        }
    }
    return NULL;
}

bool rule_options_named(const rule_options *rule) {
    return rule->model != NULL || rule->preset != NULL || rule->config != NULL;
}

static ropemap_status open_model(rule_options *rule, ropemap_error *error) {
    if (rule->model != NULL && rule->preset != NULL) {
        return fail(error, ROPEMAP_USAGE, "--preset and --model ('%.200s') both name a model; use one",
                    rule->model);
    }
    if (rule->preset != NULL && rule->layer_type != NULL) {
        return fail(error, ROPEMAP_USAGE, "--layer-type needs --model, not --preset");
    }
    const ropemap_model_choice choice = {
        .layer_type = rule->layer_type,
        .base = (rule->given & RULE_BASE) != 0 ? rule->spec.base : 0.0,
        .head_dim = (rule->given & RULE_HEAD_DIM) != 0 ? rule->spec.head_dim : 0,
        .rotary_dim = (rule->given & RULE_ROTARY_DIM) != 0 ? rule->spec.rotary_dim : 0};
    if (rule->config != NULL) {
        return ropemap_model_parse(rule->config, rule->config_bytes,
                                   rule->config_name != NULL ? rule->config_name : "config.json", &choice,
                                   &rule->opened, error);
    }
    return rule->model != NULL ? ropemap_model_open(rule->model, &choice, &rule->opened, error)
                               : ropemap_model_preset(rule->preset, &rule->opened, error);
}

/* Without other words as many elements rotate as the axes have. */
static void take_axes(rule_options *rule) {
    ropemap_spec *spec = &rule->spec;
    int32_t elements = 0;
    if ((rule->given & RULE_AXES) == 0) {
        return;
    }
    for (int32_t axis = 0; axis < spec->axes.count; axis++) {
        elements += 2 * spec->axes.pairs[axis];
    }
    spec->rotary_dim = (rule->given & RULE_ROTARY_DIM) != 0 ? spec->rotary_dim : elements;
    if ((rule->given & RULE_HEAD_DIM) == 0 && rule->opened == NULL && elements <= ROPEMAP_MAX_HEAD_DIM) {
        spec->head_dim = elements;
    }
}

/* A grid of fewer numbers than axes is of one frame. */
static ropemap_status take_grid(rule_options *rule, ropemap_error *error) {
    ropemap_axes *axes = &rule->spec.axes;
    if ((rule->given & RULE_GRID) == 0) {
        return ROPEMAP_OK;
    }
    const int32_t sides = rule->sides == 1 ? 2 : rule->sides;
    if (axes->count == 0) {
        return sides == 2 ? ROPEMAP_OK
                          : fail(error, ROPEMAP_USAGE,
                                 "--grid: %" PRId32 " axes, but the rule has one: give --axes", sides);
    }
    if (sides != axes->count && !(sides == 2 && axes->count == 3)) {
        return fail(error, ROPEMAP_USAGE, "--grid: %" PRId32 " numbers for %" PRId32 " axes", rule->sides,
                    axes->count);
    }
    for (int32_t axis = 0; axis < axes->count; axis++) {
        const int32_t at = axis - (axes->count - sides);
        axes->grid[axis] = at < 0 ? 1 : rule->grid[rule->sides == 1 ? 0 : at];
    }
    return ROPEMAP_OK;
}

static ropemap_status take_model(rule_options *rule, ropemap_error *error) {
    if ((rule->given & RULE_LENGTH) != 0) {
        rule->spec.length = (double)rule->length;
    }
    if (!rule_options_named(rule)) {
        take_axes(rule);
        return rule->layer_type == NULL ? take_grid(rule, error)
                                        : fail(error, ROPEMAP_USAGE, "--layer-type needs --model PATH");
    }
    const ropemap_status status = open_model(rule, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    const ropemap_spec *model = ropemap_model_spec(rule->opened);
    ropemap_spec *spec = &rule->spec;
    const bool new_dim = (rule->given & RULE_HEAD_DIM) != 0 && spec->head_dim != model->head_dim;
    spec->base = (rule->given & RULE_BASE) != 0 ? spec->base : model->base;
    spec->head_dim = (rule->given & RULE_HEAD_DIM) != 0 ? spec->head_dim : model->head_dim;
    if ((rule->given & RULE_ROTARY_DIM) == 0 && !new_dim) {
        spec->rotary_dim = model->rotary_dim;
    }
    if ((rule->given & RULE_SCALING) == 0) {
        spec->scaling = model->scaling;
    }
    spec->layout = (rule->given & RULE_LAYOUT) != 0 ? spec->layout : model->layout;
    const bool depends = spec->scaling.rule == ROPEMAP_SCALING_DYNAMIC || spec->scaling.list_count > 0;
    if (depends && (rule->given & RULE_LENGTH) == 0) {
        spec->length = (double)ropemap_model_trained_length(rule->opened);
    }
    if ((rule->given & (RULE_AXES | RULE_SECTIONS)) == 0 && (!new_dim || ropemap_axes_apart(&model->axes))) {
        spec->axes = model->axes; /* sections of one ladder are those of the model's own head */
    }
    take_axes(rule);
    return take_grid(rule, error);
}

/* The row that FILE.npy:HEAD names, which is cut off; else that of --head. */
static int64_t cut_head(char *path, int64_t head) {
    char *colon = strrchr(path, ':');
    if (colon == NULL || colon[1] == '\0' || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
        strlen(colon + 1) > 9 || access(path, F_OK) == 0) {
        return head;
    }
    *colon = '\0';
    return strtol(colon + 1, NULL, 10);
}

static ropemap_status read_table(rule_options *rule, ropemap_error *error) {
    const size_t size = strlen(rule->frequencies) + 1;
    char *path = malloc(size);
    if (path == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "--frequencies: no memory for the name");
    }
    memcpy(path, rule->frequencies, size);
    const int64_t head = cut_head(path, rule->head);
    const ropemap_status status = ropemap_frequencies_read(path, head, &rule->table, error);
    free(path);
    return status;
}

/* What a table of frequencies seldom has: more than a whole turn a token. */
static void warn_of_table(const ropemap_frequencies *table) {
    if (table->note != NULL) {
        warning("--frequencies: %s", table->note);
    }
    for (int32_t i = 0; i < table->pairs; i++) {
        const double rate = fabs(table->radians[i]);
        if (rate > TWO_PI && rate <= 1e6) { /* more is refused */
            warning("--frequencies: pair %d turns %.6g radians a token, more than a whole turn: these may be "
                    "wavelengths or 1/inv_freq",
                    (int)i, table->radians[i]);
            return;
        }
    }
}

/* The pairs that the rule has otherwise are those of the table, or how many rotate is unknown. */
static ropemap_status take_pairs(rule_options *rule, ropemap_error *error) {
    ropemap_spec *spec = &rule->spec;
    const int32_t rotating = 2 * rule->table->pairs;
    const bool named = rule_options_named(rule), wide = (rule->given & RULE_HEAD_DIM) != 0 || named;
    const int32_t rotary = spec->rotary_dim != 0 ? spec->rotary_dim : spec->head_dim;
    const bool fixed = (rule->given & RULE_ROTARY_DIM) != 0 || (named && (rule->given & RULE_HEAD_DIM) == 0);
    if ((fixed && rotary != rotating) || (wide && rotating > spec->head_dim)) {
        return fail(error, ROPEMAP_USAGE, "--frequencies: %.150s has %d pairs, %d elements, but %d %s",
                    rule->table->name, (int)rule->table->pairs, (int)rotating,
                    fixed ? (int)rotary : (int)spec->head_dim, fixed ? "rotate" : "are all that a head has");
    }
    spec->rotary_dim = rotating;
    if (!wide && ((rule->given & RULE_ROTARY_DIM) == 0 || spec->head_dim < rotating)) {
        spec->head_dim = rotating;
    }
    return ROPEMAP_OK;
}

/* The table has the place of base and scaling; a model's attention factor stays. */
static ropemap_status take_frequencies(rule_options *rule, ropemap_error *error) {
    ropemap_freqs freqs = {.attention_factor = 1};
    ropemap_status status = ROPEMAP_OK;
    if ((rule->given & (RULE_BASE | RULE_SCALING)) != 0) {
        return fail(error, ROPEMAP_USAGE, "--%s and --frequencies both set the frequencies; use one",
                    (rule->given & RULE_BASE) != 0 ? "base" : "scaling");
    }
    if (rule_options_named(rule)) {
        status = ropemap_freqs_make(&rule->spec, &freqs, error);
    }
    status = status == ROPEMAP_OK ? read_table(rule, error) : status;
    status = status == ROPEMAP_OK ? take_pairs(rule, error) : status;
    if (status == ROPEMAP_OK) {
        const double attention = (double)freqs.attention_factor;
        rule->spec.scaling = (ropemap_scaling){.rule = ROPEMAP_SCALING_NONE};
        rule->spec.scaling.attention_factor = attention != 1.0 ? attention : 0.0;
        rule->spec.frequencies = rule->table;
        warn_of_table(rule->table);
    }
    return status;
}

/* The lists of a scaling that was given. */
static ropemap_status take_lists(rule_options *rule, ropemap_error *error) {
    if ((rule->given & RULE_SCALING) == 0 || rule->spec.scaling.list_count == 0) {
        return ROPEMAP_OK;
    }
    rule->lists = malloc(sizeof *rule->lists);
    return rule->lists != NULL ? ropemap_scaling_parse(rule->scaling, rule->lists, &rule->spec.scaling, error)
                               : fail(error, ROPEMAP_RESOURCES, "--scaling: no memory for its lists");
}

ropemap_status rule_options_resolve(rule_options *rule, ropemap_error *error) {
    ropemap_status status = take_lists(rule, error);
    status = status == ROPEMAP_OK ? take_model(rule, error) : status;
    return status == ROPEMAP_OK && rule->frequencies != NULL ? take_frequencies(rule, error) : status;
}

const char *rule_preset(const rule_options *rule) {
    const uint32_t others = RULE_LAYOUT | RULE_LENGTH | RULE_GRID;
    return (rule->given & ~others) == 0 && rule->frequencies == NULL ? rule->preset : NULL;
}

void rule_origin(const ropemap_spec *spec, char *text, size_t size) {
    if (spec->frequencies != NULL) {
        (void)snprintf(text, size, "frequencies of %s", spec->frequencies->name);
        return;
    }
    (void)snprintf(text, size, "base %s", number_in_words(spec->base).text);
}

void rule_options_free(rule_options *rule) {
    if (rule->opened != NULL) {
        ropemap_model_free(rule->opened);
        rule->opened = NULL;
    }
    if (rule->table != NULL) {
        ropemap_frequencies_free(rule->table);
        rule->table = NULL;
    }
    free(rule->lists);
    rule->lists = NULL;
    rule->spec.frequencies = NULL;
}
