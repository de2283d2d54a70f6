/* rule_options.c - the options that say which RoPE rule, and the rule that they and a model make */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/rule_options.h"

#include "tools/ropemap/failure.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"

#include <stddef.h>

const char *layout_choice(int index) {
    return ropemap_layout_name((ropemap_layout)index);
}

/* ---- setters ------------------------------------------------------------------------------------------- */

static ropemap_status set_base(void *into, const cli_option *option, const char *text, ropemap_error *error) {
    rule_options *rule = into;
    double base = 0;
    const ropemap_status status = number_real(option_subject(option).text, text, &base, error);
    if (status == ROPEMAP_OK && !(base > 1)) {
        return fail(error, ROPEMAP_USAGE, "--base: too small ('%.64s'), expected a number above 1", text);
    }
    rule->spec.base = base;
    rule->given |= RULE_BASE;
    return status;
}

/* An even number of elements of a head. */
static ropemap_status read_dimension(const cli_option *option, const char *text, int32_t *dimension,
                                     ropemap_error *error) {
    uint64_t value = 0;
    const ropemap_status status =
        number_integer(option_subject(option).text, text, 2, ROPEMAP_MAX_HEAD_DIM, &value, error);
    if (status == ROPEMAP_OK && value % 2 != 0) {
        return fail(error, ROPEMAP_USAGE, "--%s: odd ('%.64s'), expected an even number from 2 to %d",
                    option->name, text, ROPEMAP_MAX_HEAD_DIM);
    }
    *dimension = (int32_t)value;
    return status;
}

static ropemap_status set_head_dim(void *into, const cli_option *option, const char *text,
                                   ropemap_error *error) {
    rule_options *rule = into;
    rule->given |= RULE_HEAD_DIM;
    return read_dimension(option, text, &rule->spec.head_dim, error);
}

static ropemap_status set_rotary_dim(void *into, const cli_option *option, const char *text,
                                     ropemap_error *error) {
    rule_options *rule = into;
    rule->given |= RULE_ROTARY_DIM;
    return read_dimension(option, text, &rule->spec.rotary_dim, error);
}

static ropemap_status set_scaling(void *into, const cli_option *option, const char *text,
                                  ropemap_error *error) {
    rule_options *rule = into;
    ropemap_error reason = {.status = ROPEMAP_OK};
    const ropemap_status status = ropemap_scaling_parse(text, &rule->spec.scaling, &reason);
    rule->given |= RULE_SCALING;
    return status == ROPEMAP_OK
               ? status
               : fail(error, status, "%s: %.300s", option_subject_of(option, text).text, reason.text);
}

static ropemap_status set_layout(void *into, const cli_option *option, const char *text,
                                 ropemap_error *error) {
    rule_options *rule = into;
    int index = 0;
    const ropemap_status status = option_choose(option, text, &index, error);
    rule->spec.layout = (ropemap_layout)index;
    rule->given |= RULE_LAYOUT;
    return status;
}

static ropemap_status set_length(void *into, const cli_option *option, const char *text,
                                 ropemap_error *error) {
    rule_options *rule = into;
    uint64_t length = 0;
    const ropemap_status status =
        number_integer(option_subject(option).text, text, 1, (uint64_t)ROPEMAP_POSITION_END, &length, error);
    rule->spec.length = (double)length;
    rule->given |= RULE_LENGTH;
    return status;
}

const cli_option rule_option_table[] = {
    {.group = GROUP_WHAT,
     .name = "model",
     .argument = "PATH",
     .help =
         "the rule of a model: a folder with a config.json, a config.json (Hugging Face, TensorRT-LLM), a "
         "params.json (Mistral, Meta), or a GGUF file; options below win over it",
     .set = option_set_text,
     .offset = offsetof(rule_options, model),
     .local = true},
    {.group = GROUP_WHAT,
     .name = "preset",
     .argument = "NAME",
     .help = "the rule of a known model, such as llama3.1-8b; ropemap info --presets lists them",
     .set = option_set_text,
     .offset = offsetof(rule_options, preset),
     .page = {.place = PLACE_NONE}},
    {.group = GROUP_WHAT,
     .name = "layer-type",
     .argument = "NAME|NUMBER",
     .initial = "full_attention",
     .help = "which layers' rule, where a model has several: their type, or the number of one, from 0",
     .set = option_set_text,
     .offset = offsetof(rule_options, layer_type),
     .page = {.needs = "model"}},
    {.group = GROUP_WHAT,
     .name = "base",
     .letter = 'b',
     .argument = "B",
     .initial = "10000",
     .help = "base of the frequencies (rope_theta), above 1; 500k is 500,000",
     .set = set_base,
     .real = true,
     .slider = &(const cli_slider){1e2, 1e10, true, 0, ""},
     .page = {.place = PLACE_RULE}},
    {.group = GROUP_WHAT,
     .name = "head-dim",
     .letter = 'd',
     .argument = "D",
     .initial = "128",
     .help = "elements of a head, even; tensors bring their own",
     .set = set_head_dim,
     .slider = &(const cli_slider){2, 512, true, 2, ""},
     .page = {.place = PLACE_RULE, .label = "Head dimension"}},
    {.group = GROUP_WHAT,
     .name = "rotary-dim",
     .argument = "D",
     .initial = "the head dim",
     .help = "elements that rotate, even",
     .set = set_rotary_dim,
     .slider = &(const cli_slider){2, 512, false, 2, ""},
     .page = {.place = PLACE_RULE, .label = "Rotated part"}},
    {.group = GROUP_WHAT,
     .name = "scaling",
     .argument = "RULE[:KEY=VALUE,...]",
     .initial = "none",
     .help = "how frequencies change for longer contexts, see below",
     .set = set_scaling,
     .page = {.place = PLACE_RULE, .label = "Scaling rule"}},
    {.group = GROUP_WHAT,
     .name = "length",
     .argument = "TOKENS",
     .initial = "the last position of a map, else the model's trained length",
     .help = "tokens in the context, for rules that depend on it (dynamic, longrope)",
     .set = set_length,
     .slider = &(const cli_slider){4, 0x1p24, true, 1, "tokens"},
     .page = {.place = PLACE_RULE, .label = "Context length"}},
    {.group = GROUP_WHAT,
     .name = "layout",
     .choices = layout_choice,
     .initial = "half",
     .help = "which elements form a pair: i and i + D/2, or 2i and 2i + 1",
     .set = set_layout},
    {.name = NULL},
};

/* ---- the rule ------------------------------------------------------------------------------------------ */

rule_options rule_options_default(void) {
    return (rule_options){.spec = ropemap_spec_default()};
}

bool rule_options_named(const rule_options *rule) {
    return rule->model != NULL || rule->preset != NULL || rule->config != NULL;
}

static ropemap_status open_model(rule_options *rule, ropemap_error *error) {
    if (rule->model != NULL && rule->preset != NULL) {
        return fail(error, ROPEMAP_USAGE, "--preset: given with --model ('%.200s'), expected one of the two",
                    rule->model);
    }
    if (rule->preset != NULL && rule->layer_type != NULL) {
        return fail(error, ROPEMAP_USAGE, "--layer-type: given with --preset, expected with --model");
    }
    const ropemap_model_choice choice = {
        .layer_type = rule->layer_type,
        .base = (rule->given & RULE_BASE) != 0 ? rule->spec.base : 0.0,
        .head_dim = (rule->given & RULE_HEAD_DIM) != 0 ? rule->spec.head_dim : 0,
        .rotary_dim = (rule->given & RULE_ROTARY_DIM) != 0 ? rule->spec.rotary_dim : 0};
    if (rule->config != NULL) {
        return ropemap_model_parse(rule->config, rule->config_bytes, "config.json", &choice, &rule->opened,
                                   error);
    }
    return rule->model != NULL ? ropemap_model_open(rule->model, &choice, &rule->opened, error)
                               : ropemap_model_preset(rule->preset, &rule->opened, error);
}

ropemap_status rule_options_resolve(rule_options *rule, ropemap_error *error) {
    if (!rule_options_named(rule)) {
        return rule->layer_type == NULL
                   ? ROPEMAP_OK
                   : fail(error, ROPEMAP_USAGE, "--layer-type: without a model, expected with --model");
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
    const bool asks = spec->scaling.rule == ROPEMAP_SCALING_DYNAMIC || spec->scaling.list_count > 0;
    if (asks && (rule->given & RULE_LENGTH) == 0) {
        spec->length = (double)ropemap_model_trained_length(rule->opened);
    }
    return ROPEMAP_OK;
}

void rule_options_free(rule_options *rule) {
    ropemap_model_free(rule->opened);
    rule->opened = NULL;
}
