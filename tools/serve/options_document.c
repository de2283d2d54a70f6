/* options_document.c - /options.json: everything that the controls of the page are made from */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/command_info.h"
#include "tools/ropemap/documents.h"
#include "tools/ropemap/options/options.h"
#include "tools/serve/serve.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cli_command *const served[] = {&command_map,  &command_curve, &command_bound,
                                            &command_plan, &command_info,  &command_explain};
enum { SERVED = sizeof served / sizeof *served };

/* ---- options ------------------------------------------------------------------------------------------- */

static json_t *text_or_null(const char *text) {
    return text != NULL ? document_text(text) : json_null();
}

static json_t *slider_object(const cli_slider *slider) {
    return slider == NULL
               ? json_null()
               : json_pack("{s:f, s:f, s:s, s:i, s:s}", "low", slider->low, "high", slider->high, "scale",
                           slider->log ? "log" : "linear", "step", (int)slider->step, "unit", slider->unit);
}

static json_t *choices_array(const cli_option *option) {
    if (option->choices == NULL) {
        return json_null();
    }
    json_t *choices = json_array();
    for (int i = 0; option->choices(i) != NULL; i++) {
        (void)json_array_append_new(choices, json_string(option->choices(i)));
    }
    return choices;
}

static json_t *commands_array(const char *name) {
    json_t *commands = json_array();
    for (int i = 0; i < SERVED; i++) {
        if (options_find(served[i], name, strlen(name)).option != NULL) {
            (void)json_array_append_new(commands, json_string(served[i]->name));
        }
    }
    return commands;
}

/* Whether a command before this one has an option of that name, which is listed once. */
static bool is_told(int command, const char *name) {
    for (int i = 0; i < command; i++) {
        if (options_find(served[i], name, strlen(name)).option != NULL) {
            return true;
        }
    }
    return false;
}

/* The parts of the page with controls, in their order. */
static const struct {
    cli_place place;
    const char *id, *title;
} places[] = {{PLACE_RULE, "rule", "Rule"},
              {PLACE_VALUES, "values", "Input"},
              {PLACE_PRECISION, "precision", "Arithmetic"},
              {PLACE_COLOUR, "colour", "Colours"},
              {PLACE_MORE, "more", "Advanced"},
              {PLACE_FILES, "files", "Export"}};
enum { PLACES = sizeof places / sizeof *places };
static_assert(PLACES == PLACE_COUNT - 1, "every place but none has a part of the page");

static json_t *places_array(void) {
    json_t *array = json_array();
    for (int i = 0; i < PLACES; i++) {
        (void)json_array_append_new(array,
                                    json_pack("{s:s, s:s}", "id", places[i].id, "title", places[i].title));
    }
    return array;
}

static json_t *page_object(const cli_page *page) {
    const char *id = NULL;
    for (int i = 0; i < PLACES; i++) {
        id = places[i].place == page->place ? places[i].id : id;
    }
    return json_pack("{s:o, s:o, s:o, s:b, s:b}", "place", text_or_null(id), "label",
                     text_or_null(page->label), "needs", text_or_null(page->needs), "tensors",
                     page->tensors ? 1 : 0, "framed", page->framed ? 1 : 0);
}

static json_t *option_object(const cli_option *option) {
    static const char *const groups[] = {
        [GROUP_WHAT] = "what", [GROUP_HOW] = "how", [GROUP_OUTPUT] = "output"};
    const char letter[2] = {option->letter, '\0'};
    return json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "name", option->name,
                     "letter", text_or_null(option->letter != 0 ? letter : NULL), "group",
                     groups[option->group], "commands", commands_array(option->name), "argument",
                     text_or_null(option->argument), "choices", choices_array(option), "flag",
                     option->type == OPTION_FLAG ? 1 : 0, "initial", text_or_null(option->initial), "help",
                     document_text(option->help), "slider", slider_object(option->slider), "page",
                     page_object(&option->page));
}

static json_t *options_array(void) {
    json_t *options = json_array();
    for (int command = 0; command < SERVED; command++) {
        for (const cli_block *block = served[command]->blocks; block->rows != NULL; block++) {
            for (const cli_option *option = block->rows; option->name != NULL; option++) {
                if (!option->local && !is_told(command, option->name)) {
                    (void)json_array_append_new(options, option_object(option));
                }
            }
        }
    }
    return options;
}

/* ---- scaling rules ------------------------------------------------------------------------------------- */

static json_t *words_array(const ropemap_parameter *parameter) {
    if (parameter->words[0] == NULL) {
        return json_null();
    }
    json_t *words = json_array();
    for (int i = 0; parameter->words[i] != NULL; i++) {
        (void)json_array_append_new(words, json_string(parameter->words[i]));
    }
    return words;
}

/* Over the values in use; those that span more than a hundredfold on a logarithmic scale. */
static json_t *parameter_slider(const ropemap_parameter *parameter) {
    if (parameter->usual_high == 0.0) {
        return json_null();
    }
    const bool log = parameter->usual_low > 0.0 && parameter->usual_high >= 30.0 * parameter->usual_low;
    const bool tokens = parameter->usual_low >= 512.0;
    const cli_slider slider = {.low = parameter->usual_low,
                               .high = parameter->usual_high,
                               .log = log,
                               .step = tokens ? 1 : 0,
                               .unit = tokens ? "tokens" : ""};
    return slider_object(&slider);
}

static json_t *parameters_array(ropemap_scaling_rule rule) {
    static const char *const kinds[] = {[ROPEMAP_PARAMETER_NUMBER] = "number",
                                        [ROPEMAP_PARAMETER_FLAG] = "flag",
                                        [ROPEMAP_PARAMETER_WORD] = "word",
                                        [ROPEMAP_PARAMETER_LIST] = "list"};
    json_t *parameters = json_array();
    ropemap_parameter parameter;
    for (int32_t i = 0; ropemap_scaling_parameter(rule, i, &parameter); i++) {
        (void)json_array_append_new(
            parameters,
            json_pack("{s:s, s:s, s:b, s:o, s:f, s:f, s:o, s:o}", "key", parameter.key, "kind",
                      kinds[parameter.kind], "required", parameter.required ? 1 : 0, "words",
                      words_array(&parameter), "low", parameter.low, "high", parameter.high, "initial",
                      parameter.otherwise != 0.0 ? json_real(parameter.otherwise) : json_null(), "slider",
                      parameter_slider(&parameter)));
    }
    return parameters;
}

static json_t *scaling_array(void) {
    json_t *rules = json_array();
    char takes[400];
    const char *does = NULL;
    for (int rule = 0; (does = ropemap_scaling_help((ropemap_scaling_rule)rule, takes, sizeof takes)) != NULL;
         rule++) {
        char title[ROPEMAP_SCALING_TITLE];
        ropemap_scaling_title(title, &(ropemap_scaling){.rule = (ropemap_scaling_rule)rule});
        (void)json_array_append_new(rules, json_pack("{s:s, s:s, s:s, s:o}", "name",
                                                     ropemap_scaling_name((ropemap_scaling_rule)rule),
                                                     "title", title, "help", does, "parameters",
                                                     parameters_array((ropemap_scaling_rule)rule)));
    }
    return rules;
}

/* ---- colours ------------------------------------------------------------------------------------------- */

static json_t *colour(const uint8_t rgb[3]) {
    char text[7];
    (void)snprintf(text, sizeof text, "%02x%02x%02x", rgb[0], rgb[1], rgb[2]);
    return json_string(text);
}

/* Name -> colours from low to high, then that of a missing value. */
static json_t *colormaps_object(void) {
    json_t *maps = json_object();
    const char *name = NULL;
    for (int i = ROPEMAP_COLORMAP_AUTO + 1; (name = ropemap_colormap_name((ropemap_colormap)i)) != NULL;
         i++) {
        uint8_t rgb[ROPEMAP_LEVELS + 1][3];
        json_t *colours = json_array();
        ropemap_colormap_rgb((ropemap_colormap)i, rgb);
        for (int level = 0; level <= ROPEMAP_LEVELS; level++) {
            (void)json_array_append_new(colours, colour(rgb[level]));
        }
        (void)json_object_set_new(maps, name, colours);
    }
    return maps;
}

/* ---- the server's own ---------------------------------------------------------------------------------- */

static json_t *state_object(const serve_context *context) {
    json_t *state = json_object();
    for (int i = 0; i < context->options->state_count; i++) {
        const serve_state *one = &context->options->state[i];
        (void)json_object_set_new(state, one->name, document_text(one->value));
    }
    if (context->model != NULL && context->model_name[0] == '\0') {
        (void)json_object_set_new(state, "model", json_string(context->model));
    }
    return state;
}

static json_t *tensors_object(const serve_context *context) {
    const map_options *own = &context->options->map;
    if (own->tensors.queries == NULL) {
        return json_null();
    }
    json_t *words = json_array();
    for (int i = 0; i < context->options->tensors_count; i++) {
        const serve_state *one = &context->options->tensors[i];
        (void)json_array_append_new(words, json_pack("[s, o]", one->name, document_text(one->value)));
    }
    return json_pack("{s:o, s:o, s:I, s:i, s:o, s:o}", "queries", document_text(own->tensors.queries), "keys",
                     document_text(own->tensors.keys), "positions", (json_int_t)context->tensor_rows,
                     "head_dim", (int)context->tensor_dim, "options", words, "model",
                     text_or_null(context->model_name[0] != '\0' ? context->model : NULL));
}

static json_t *models_array(const serve_context *context) {
    json_t *models = json_array();
    if (context->model != NULL) {
        const char *name =
            context->model_name[0] != '\0' ? context->model_name : context->options->map.rule.model;
        (void)json_array_append_new(
            models,
            json_pack("{s:s, s:o, s:o}", "id", context->model, "name", document_text(name), "layer_type",
                      text_or_null(context->layer_type[0] != '\0' ? context->layer_type : NULL)));
    }
    return models;
}

json_t *options_document(const serve_context *context) {
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:i}, s:s, s:i}", "schema",
                     "ropemap.options/1", "version", ropemap_version(), "options", options_array(), "places",
                     places_array(), "scaling", scaling_array(), "presets", presets_array(), "colormaps",
                     colormaps_object(), "state", state_object(context), "tensors", tensors_object(context),
                     "models", models_array(context), "limits", "side", (int)SERVE_SIDE, "backend",
                     context->backend, "threads", (int)context->threads);
}
