/* gguf_layers.c - which layers a GGUF file has: those that rotate, and those with sliding attention */
/* SPDX-License-Identifier: MIT */
/*
 * llama.cpp has it partly from keys (a list of heads, 0 where a layer has no attention; a pattern of sliding
 * layers) and partly from its own code: src/models/, set_swa_pattern and n_no_rope_layer_step.
 */
#include "host/spec/gguf_model.h"

#include <stdio.h>
#include <string.h>

static const char FULL[] = "full_attention", SLIDING[] = "sliding_attention";

enum { LAYERS_MOST = 512 };

typedef struct layers {
    int32_t count;
    bool slides; /* which layers slide is known */
    bool sliding[LAYERS_MOST], plain[LAYERS_MOST], unattended[LAYERS_MOST];
} layers;

static ropemap_status read_list(const rm_gguf_reader *reader, const char *suffix, double *numbers,
                                uint32_t *count) {
    char key[RM_GGUF_KEY_BYTES];
    (void)snprintf(key, sizeof key, "%s.%s", reader->arch->name, suffix);
    return rm_gguf_numbers(reader->file, key, LAYERS_MOST, numbers, count, reader->error);
}

/* A list of heads has 0 for layers without attention. */
static ropemap_status mark_unattended(const rm_gguf_reader *reader, layers *found) {
    static const char *const keys[] = {"attention.head_count", "attention.head_count_kv"};
    for (int k = 0; k < 2; k++) {
        double heads[LAYERS_MOST];
        uint32_t count = 0;
        RM_TRY(read_list(reader, keys[k], heads, &count));
        for (uint32_t i = 0; count > 1 && i < count && i < (uint32_t)found->count; i++) {
            found->unattended[i] = found->unattended[i] || heads[i] == 0.0;
        }
    }
    return ROPEMAP_OK;
}

/* A list says which layers slide, a number that all but every so many do, else the architecture. */
static ropemap_status mark_sliding(const rm_gguf_reader *reader, layers *found) {
    double pattern[LAYERS_MOST];
    uint32_t count = 0;
    RM_TRY(read_list(reader, "attention.sliding_window_pattern", pattern, &count));
    const int32_t period = count == 1 && pattern[0] >= 1.0 && pattern[0] <= LAYERS_MOST
                               ? (int32_t)pattern[0]
                               : reader->arch->period;
    found->slides = count > 1 || period > 0;
    for (int32_t i = 0; found->slides && i < found->count; i++) {
        found->sliding[i] = count > 1 ? pattern[(uint32_t)i % count] != 0.0 : (i + 1) % period != 0;
    }
    return ROPEMAP_OK;
}

static void mark_plain(const rm_gguf_reader *reader, bool window, layers *found) {
    const unsigned traits = reader->arch->traits;
    for (int32_t i = 0; i < found->count; i++) {
        found->plain[i] =
            ((traits & RM_GGUF_FOURTH_PLAIN) != 0 && (i + 1) % 4 == 0) ||
            ((traits & RM_GGUF_FULL_PLAIN) != 0 && window && found->slides && !found->sliding[i]) ||
            found->unattended[i];
    }
}

static void note_layers(const rm_gguf_reader *reader, const layers *found) {
    char text[120];
    bool rotate[LAYERS_MOST], some = false, all = true;
    for (int32_t i = 0; i < found->count; i++) {
        rotate[i] = !found->plain[i];
        some = some || found->plain[i];
        all = all && found->plain[i];
    }
    if (!some || all) {
        return;
    }
    static const char source[] = "as llama.cpp runs the architecture";
    rm_model_layer_list(rotate, found->count, text, sizeof text);
    rm_model_fact(reader->model, "layers that rotate", source, "%s", text);
    rm_model_layer_list(found->plain, found->count, text, sizeof text);
    rm_model_fact(reader->model, "layers that do not", source, "%s", text);
}

static ropemap_status choose_number(rm_gguf_reader *reader, const layers *found, int32_t layer, bool slides) {
    const char *file = reader->file->input.name;
    if (layer >= found->count) {
        return found->count == 0
                   ? rm_fail(reader->error, ROPEMAP_USAGE, "%s: layer %d: the file has no block_count", file,
                             (int)layer)
                   : rm_fail(reader->error, ROPEMAP_USAGE, "%s: no layer %d: the model has layers 0 to %d",
                             file, (int)layer, (int)found->count - 1);
    }
    if (found->plain[layer]) {
        return rm_fail(reader->error, ROPEMAP_USAGE, "%s: layer %d does not rotate: %s", file, (int)layer,
                       found->unattended[layer] ? "it has no attention" : reader->arch->note);
    }
    if (slides && !found->slides) {
        return rm_fail(reader->error, ROPEMAP_USAGE,
                       "%s: layer %d: the file does not say which layers slide; use --layer-type %s or %s",
                       file, (int)layer, FULL, SLIDING);
    }
    reader->sliding = slides && found->sliding[layer];
    return ROPEMAP_OK;
}

static ropemap_status choose_name(rm_gguf_reader *reader, const char *wanted, bool slides,
                                  const char *window) {
    const bool sliding = wanted != NULL && strcmp(wanted, SLIDING) == 0;
    char label[60];
    rm_label_make(label, sizeof label, wanted == NULL ? "" : wanted);
    if (wanted != NULL && !sliding && strcmp(wanted, FULL) != 0) {
        return rm_fail(reader->error, ROPEMAP_USAGE,
                       "%s: layer type '%s', expected %s, %s or the number of a layer",
                       reader->file->input.name, label, FULL, SLIDING);
    }
    if (sliding && !slides) {
        return rm_fail(reader->error, ROPEMAP_USAGE,
                       "%s: layer type '%s', but the model has no such layers: %s is not there",
                       reader->file->input.name, label, window);
    }
    if (wanted != NULL && !sliding && slides && (reader->arch->traits & RM_GGUF_FULL_PLAIN) != 0) {
        return rm_fail(reader->error, ROPEMAP_USAGE, "%s: layers of type %s do not rotate: %s",
                       reader->file->input.name, label, reader->arch->note);
    }
    reader->sliding =
        sliding || (wanted == NULL && slides && (reader->arch->traits & RM_GGUF_FULL_PLAIN) != 0);
    return ROPEMAP_OK;
}

ropemap_status rm_gguf_layers_read(rm_gguf_reader *reader) {
    const char *wanted = reader->choice->layer_type;
    rm_gguf_number window = {0}, base = {0}, blocks = {0};
    layers found = {0};
    RM_TRY(rm_gguf_get(reader, "attention.sliding_window", &window));
    RM_TRY(rm_gguf_get(reader, "rope.freq_base_swa", &base));
    RM_TRY(rm_gguf_get_count(reader, "block_count", 1e6, &blocks));
    found.count = blocks.value > LAYERS_MOST ? LAYERS_MOST : (int32_t)blocks.value;
    const bool slides = base.found || window.value > 0.0 || reader->arch->sliding != RM_GGUF_SLIDING_SAME;
    RM_TRY(mark_unattended(reader, &found));
    RM_TRY(mark_sliding(reader, &found));
    mark_plain(reader, slides, &found);
    note_layers(reader, &found);
    const int32_t number = rm_model_layer(wanted);
    RM_TRY(number >= 0 ? choose_number(reader, &found, number, slides)
                       : choose_name(reader, wanted, slides, window.key));
    if (slides) {
        rm_model_fact(reader->model, "layer_type", wanted != NULL ? "as asked" : "default", "%s",
                      reader->sliding ? SLIDING : FULL);
    }
    return ROPEMAP_OK;
}
