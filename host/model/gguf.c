/* gguf.c - GGUF metadata to a rule */
/* SPDX-License-Identifier: MIT */
#include "host/model/gguf.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * Pairs as in llama.cpp's llama_model_rope_type (src/llama-model.cpp), sliding layers and traits as in its
 * src/models/. Where the two differ from what a model does at all (bert and starcoder have learned
 * positions), the model counts. An unknown architecture is refused: a guess would be wrong half the time.
 */

#define NONE RM_GGUF_PAIRS_NONE

#define NORM RM_GGUF_PAIRS_NORM

#define NEOX RM_GGUF_PAIRS_NEOX

static const char fourth[] = "every fourth layer does not rotate";

static const char sliding_only[] = "only layers with sliding attention rotate";

static const char some_sliding[] = "where it has sliding attention, only those layers rotate";

static const char alibi[] = "the 13B models do not rotate, they add ALiBi's bias to scores";

static const rm_gguf_arch table[] = {
    {"arcee arctic bailingmoe chameleon chatglm command-r deci deepseek deepseek2-ocr eagle3 ernie4_5 "
     "ernie4_5-moe gptj internlm2 llada llama llama-embed maincoder minicpm neo-bert olmo xverse",
     .pairs = NORM},
    {"apertus bailingmoe2 bitnet codeshell cogvlm dbrx dots1 dream eurobert exaone falcon falcon-h1 gemma "
     "gemma2 glm4moe gpt-oss gptneox grok grovemoe hunyuan-moe hy_v3 jais2 jina-bert-v3 lfm2 lfm2moe "
     "llada-moe mellum mimo2 minimax-m2 nemotron nomic-bert nomic-bert-moe olmoe openelm orion "
     "paddleocr pangu-embedded phi2 phi3 phimoe plamo plamo2 qwen qwen2 qwen2moe qwen2vl qwen3 qwen35 "
     "qwen35moe qwen3moe qwen3next qwen3vl qwen3vlmoe rnd1 seed_oss stablelm starcoder2 talkie",
     .pairs = NEOX},
    {"arwkv7 bert bloom clip gpt2 jais jamba jina-bert-v2 kimi-linear mamba mamba2 mpt nemotron_h "
     "nemotron_h_moe refact rwkv6 rwkv6qwen2 rwkv7 starcoder t5 t5encoder wavtokenizer-dec",
     .pairs = NONE},
    {"afmoe", .pairs = NEOX, .traits = RM_GGUF_FULL_PLAIN, .period = 4, .note = sliding_only},
    {"baichuan", .pairs = NORM, .traits = RM_GGUF_13B_PLAIN, .note = alibi},
    {"cohere2 cohere2moe", .pairs = NORM, .traits = RM_GGUF_FULL_PLAIN, .period = 4, .note = sliding_only},
    {"deepseek2", .pairs = NORM, .traits = RM_GGUF_ROPE_PART | RM_GGUF_LOG_TENTH | RM_GGUF_MSCALE_SAME},
    {"deepseek32 glm-dsa mistral4", .pairs = NORM, .traits = RM_GGUF_ROPE_PART | RM_GGUF_LOG_TENTH},
    {"exaone-moe exaone4", .pairs = NEOX, .traits = RM_GGUF_FULL_PLAIN, .period = 4, .note = some_sliding},
    {"gemma-embedding gemma4 gemma4-assistant modern-bert plamo3", .pairs = NEOX,
     .sliding = RM_GGUF_SLIDING_OWN_BASE},
    {"gemma3", .pairs = NEOX, .sliding = RM_GGUF_SLIDING_OWN_BASE, .period = 6},
    {"gemma3n", .pairs = NEOX, .sliding = RM_GGUF_SLIDING_OWN_BASE, .period = 5},
    {"glm4", .pairs = RM_GGUF_PAIRS_NORM_OR_MROPE},
    {"granite granitehybrid granitemoe", .pairs = NORM, .traits = RM_GGUF_SWITCH},
    {"hunyuan-dense hunyuan_vl", .pairs = NEOX, .traits = RM_GGUF_ALPHA},
    {"laguna olmo2", .pairs = NEOX, .sliding = RM_GGUF_SLIDING_PLAIN},
    {"llama4 smollm3", .pairs = NORM, .traits = RM_GGUF_FOURTH_PLAIN, .note = fourth},
    {"minicpm3", .pairs = NEOX, .traits = RM_GGUF_ROPE_PART},
    {"mistral3", .pairs = NORM, .traits = RM_GGUF_LOG},
    {"plm", .pairs = NORM, .traits = RM_GGUF_ROPE_PART},
    {"smallthinker", .pairs = NEOX, .note = fourth},
    {"step35", .pairs = NEOX, .sliding = RM_GGUF_SLIDING_OWN_BASE, .traits = RM_GGUF_HALF_ROTARY},
};

ropemap_status rm_gguf_fail(const rm_gguf_reader *reader, ropemap_status status, const char *format, ...) {
    char text[sizeof reader->error->text];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return rm_fail(reader->error, status, "%s: %s", reader->file->input.name, text);
}

static const rm_gguf_arch *find_arch(const char *name) {
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (rm_words_have(table[i].names, name)) {
            return &table[i];
        }
    }
    return NULL;
}

/*
 * llama.cpp takes it partly from keys (a list of heads, 0 where a layer has no attention; a pattern of
 * sliding layers) and partly from its own code: src/models/, set_swa_pattern and n_no_rope_layer_step.
 */

static const char FULL[] = "full_attention", SLIDING[] = "sliding_attention";

enum { LAYERS_MOST = 512 };

typedef struct layers {
    int32_t count;
    bool slides; /* which layers slide is known */
    bool sliding[LAYERS_MOST], plain[LAYERS_MOST], unattended[LAYERS_MOST];
} layers;

static void write_key(const rm_gguf_reader *reader, const char *suffix, char *key) {
    (void)snprintf(key, RM_GGUF_KEY_BYTES, "%s.%s", reader->name, suffix);
}

static ropemap_status read_list(const rm_gguf_reader *reader, const char *suffix, double *numbers,
                                uint32_t *count) {
    char key[RM_GGUF_KEY_BYTES];
    write_key(reader, suffix, key);
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

/* A list gives the layers that slide, a number n that every n-th does not; otherwise the architecture
 * decides. */
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
    if (layer >= found->count) {
        return found->count == 0
                   ? rm_gguf_fail(reader, ROPEMAP_USAGE, "layer %d: the file has no block_count", (int)layer)
                   : rm_gguf_fail(reader, ROPEMAP_USAGE, "no layer %d: the model has layers 0 to %d",
                                  (int)layer, (int)found->count - 1);
    }
    if (found->plain[layer]) {
        return rm_gguf_fail(reader, ROPEMAP_USAGE, "layer %d does not rotate: %s", (int)layer,
                            found->unattended[layer] ? "it has no attention" : reader->arch->note);
    }
    if (slides && !found->slides) {
        return rm_gguf_fail(
            reader, ROPEMAP_USAGE,
            "layer %d: the file does not say which layers slide; choose --layer-type %s or %s", (int)layer,
            FULL, SLIDING);
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
        return rm_gguf_fail(reader, ROPEMAP_USAGE, "layer type '%s'; choose %s, %s or the number of a layer",
                            label, FULL, SLIDING);
    }
    if (sliding && !slides) {
        return rm_gguf_fail(reader, ROPEMAP_USAGE, "layer type '%s': the model has no such layers (no %s)",
                            label, window);
    }
    if (wanted != NULL && !sliding && slides && (reader->arch->traits & RM_GGUF_FULL_PLAIN) != 0) {
        return rm_gguf_fail(reader, ROPEMAP_USAGE, "layers of type %s do not rotate: %s", label,
                            reader->arch->note);
    }
    reader->sliding =
        sliding || (wanted == NULL && slides && (reader->arch->traits & RM_GGUF_FULL_PLAIN) != 0);
    return ROPEMAP_OK;
}

/* Which layers' rule is wanted, and which layers there are. */
static ropemap_status read_layers(rm_gguf_reader *reader) {
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
        rm_model_fact(reader->model, "layer_type", wanted != NULL ? "as requested" : "default", "%s",
                      reader->sliding ? SLIDING : FULL);
    }
    return ROPEMAP_OK;
}

enum { SECTIONS = 4 };

static const double DEFAULT_BASE = 10000.0;

/* ---- keys of the architecture */

ropemap_status rm_gguf_get(const rm_gguf_reader *reader, const char *suffix, rm_gguf_number *number) {
    double values[2] = {0.0, 0.0};
    uint32_t count = 0;
    *number = (rm_gguf_number){0};
    write_key(reader, suffix, number->key);
    RM_TRY(rm_gguf_numbers(reader->file, number->key, 2, values, &count, reader->error));
    number->found = count > 0;
    number->value = values[0];
    return count < 2
               ? ROPEMAP_OK
               : rm_gguf_fail(reader, ROPEMAP_DATA, "%s is an array; one number is needed", number->key);
}

static ropemap_status check_count(const rm_gguf_reader *reader, const rm_gguf_number *number, double most) {
    return !number->found ||
                   (number->value >= 1.0 && number->value <= most && number->value == floor(number->value))
               ? ROPEMAP_OK
               : rm_gguf_fail(reader, ROPEMAP_DATA, "%s is %.17g, expected a whole number from 1 to %.0f",
                              number->key, number->value, most);
}

ropemap_status rm_gguf_get_count(const rm_gguf_reader *reader, const char *suffix, double most,
                                 rm_gguf_number *number) {
    RM_TRY(rm_gguf_get(reader, suffix, number));
    return check_count(reader, number, most);
}

/* ---- heads */

/* Heads of queries; a file may have a number a layer, 0 where a layer has no attention: the first above 0. */
static ropemap_status read_heads(const rm_gguf_reader *reader, rm_gguf_number *heads) {
    double values[LAYERS_MOST];
    uint32_t count = 0;
    *heads = (rm_gguf_number){0};
    write_key(reader, "attention.head_count", heads->key);
    RM_TRY(rm_gguf_numbers(reader->file, heads->key, LAYERS_MOST, values, &count, reader->error));
    for (uint32_t i = 0; i < count && heads->value == 0.0; i++) {
        heads->found = true;
        heads->value = values[i];
    }
    return check_count(reader, heads, 1e6);
}

static ropemap_status divide_width(const rm_gguf_reader *reader, const rm_gguf_number *key_length) {
    rm_gguf_number width, heads;
    RM_TRY(rm_gguf_get_count(reader, "embedding_length", 1e9, &width));
    RM_TRY(read_heads(reader, &heads));
    if (!width.found || !heads.found) {
        return rm_gguf_fail(reader, ROPEMAP_DATA, "%s is missing, and so is %s",
                            width.found ? heads.key : width.key, key_length->key);
    }
    if (fmod(width.value, heads.value) != 0.0 || width.value / heads.value > ROPEMAP_MAX_HEAD_DIM) {
        return rm_gguf_fail(reader, ROPEMAP_DATA,
                            "%s is %.0f, not a multiple of %s, %.0f, or more than %d times that", width.key,
                            width.value, heads.key, heads.value, ROPEMAP_MAX_HEAD_DIM);
    }
    reader->model->spec.head_dim = (int32_t)(width.value / heads.value);
    char source[120];
    (void)snprintf(source, sizeof source, "%.60s / attention.head_count, %.0f / %.0f", width.key, width.value,
                   heads.value);
    rm_model_fact(reader->model, "head_dim", source, "%d", (int)reader->model->spec.head_dim);
    return ROPEMAP_OK;
}

static ropemap_status read_head_dim(const rm_gguf_reader *reader) {
    rm_gguf_number length = {0};
    if (reader->sliding) {
        RM_TRY(rm_gguf_get_count(reader, "attention.key_length_swa", ROPEMAP_MAX_HEAD_DIM, &length));
    }
    if (!length.found) {
        RM_TRY(rm_gguf_get_count(reader, "attention.key_length", ROPEMAP_MAX_HEAD_DIM, &length));
    }
    if (!length.found) {
        return divide_width(reader, &length);
    }
    reader->model->spec.head_dim = (int32_t)length.value;
    rm_model_fact(reader->model, "head_dim", length.key, "%.0f", length.value);
    return ROPEMAP_OK;
}

/* MLA: queries and keys have two parts, of which one rotates; RoPE does not see the other. */
static ropemap_status read_rope_part(const rm_gguf_reader *reader) {
    rm_gguf_number rotary;
    ropemap_spec *spec = &reader->model->spec;
    RM_TRY(rm_gguf_get_count(reader, "rope.dimension_count", ROPEMAP_MAX_HEAD_DIM, &rotary));
    if (!rotary.found) {
        return rm_gguf_fail(reader, ROPEMAP_DATA, "%s is missing", rotary.key);
    }
    spec->head_dim = spec->rotary_dim = (int32_t)rotary.value;
    rm_model_fact(reader->model, "head_dim", rotary.key, "%.0f", rotary.value);
    rm_model_fact(reader->model, "rotary_dim", rotary.key, "%.0f", rotary.value);
    rm_model_warn(reader->model,
                  "only the rotating part of each head, %.0f elements, is shown: the rest adds a dot product "
                  "that does not depend on positions",
                  rotary.value);
    return ROPEMAP_OK;
}

static ropemap_status read_dims(const rm_gguf_reader *reader) {
    rm_gguf_number rotary = {0};
    ropemap_spec *spec = &reader->model->spec;
    if ((reader->arch->traits & RM_GGUF_ROPE_PART) != 0) {
        return read_rope_part(reader);
    }
    RM_TRY(read_head_dim(reader));
    if (reader->sliding) {
        RM_TRY(rm_gguf_get_count(reader, "rope.dimension_count_swa", ROPEMAP_MAX_HEAD_DIM, &rotary));
    }
    if (!rotary.found) {
        RM_TRY(rm_gguf_get_count(reader, "rope.dimension_count", ROPEMAP_MAX_HEAD_DIM, &rotary));
    }
    spec->rotary_dim = rotary.found ? (int32_t)rotary.value : spec->head_dim;
    if (!reader->sliding && (reader->arch->traits & RM_GGUF_HALF_ROTARY) != 0) {
        spec->rotary_dim /= 2;
        rm_model_fact(reader->model, "rotary_dim", "half, as in full attention", "%d", (int)spec->rotary_dim);
    } else {
        rm_model_fact(reader->model, "rotary_dim", rotary.found ? rotary.key : "the head dim", "%d",
                      (int)spec->rotary_dim);
    }
    return ROPEMAP_OK;
}

/* ---- base and length */

static ropemap_status read_base(const rm_gguf_reader *reader) {
    rm_gguf_number base, own;
    ropemap_model *model = reader->model;
    RM_TRY(rm_gguf_get(reader, "rope.freq_base", &base));
    RM_TRY(rm_gguf_get(reader, "rope.freq_base_swa", &own));
    const double full = base.found ? base.value : DEFAULT_BASE;
    const bool fixed = !own.found && reader->arch->sliding == RM_GGUF_SLIDING_OWN_BASE;
    const double sliding = own.found ? own.value : fixed ? DEFAULT_BASE : full;
    model->spec.base = reader->sliding ? sliding : full;
    if (reader->choice->base > 0.0) { /* the option wins; the caller reports it */
        model->spec.base = reader->choice->base;
        return ROPEMAP_OK;
    }
    if (reader->sliding && (own.found || fixed)) {
        rm_model_fact(model, "base", own.found ? own.key : "llama.cpp's default for sliding attention",
                      "%.17g", sliding);
    } else {
        rm_model_fact(model, "base", base.found ? base.key : "the format's default", "%.17g", full);
    }
    if (!reader->sliding && sliding != full) {
        rm_model_warn(model, "layers with sliding attention have base %g (--layer-type sliding_attention)",
                      sliding);
    }
    return ROPEMAP_OK;
}

static ropemap_status read_length(const rm_gguf_reader *reader) {
    rm_gguf_number length;
    RM_TRY(rm_gguf_get_count(reader, "context_length", (double)ROPEMAP_POSITION_END, &length));
    if (length.found) {
        reader->model->trained_length = (int64_t)length.value;
        rm_model_fact(reader->model, "trained_length", length.key, "%.0f", length.value);
    }
    return ROPEMAP_OK;
}

/* ---- layout */

static ropemap_status read_layout(const rm_gguf_reader *reader) {
    double sections[SECTIONS] = {0};
    char key[RM_GGUF_KEY_BYTES];
    uint32_t count = 0;
    ropemap_model *model = reader->model;
    write_key(reader, "rope.dimension_sections", key);
    RM_TRY(rm_gguf_numbers(reader->file, key, SECTIONS, sections, &count, reader->error));
    const bool of_axes = sections[0] > 0.0 && sections[1] > 0.0;
    const bool interleaved = reader->arch->pairs == RM_GGUF_PAIRS_NORM ||
                             (reader->arch->pairs == RM_GGUF_PAIRS_NORM_OR_MROPE && !of_axes);
    model->spec.layout = interleaved ? ROPEMAP_LAYOUT_INTERLEAVED : ROPEMAP_LAYOUT_HALF;
    rm_model_fact(model, "layout", "general.architecture, as llama.cpp runs it", "%s",
                  ropemap_layout_name(model->spec.layout));
    if (interleaved) {
        rm_model_warn(model, "this file's weights have interleaved pairs; converting may have reordered "
                             "them, so vectors of the original weights may have the half layout");
    }
    if (of_axes) {
        rm_model_fact(model, "sections", key, "%.0f, %.0f, %.0f, %.0f", sections[0], sections[1], sections[2],
                      sections[3]);
        rm_model_warn(model,
                      "%s splits pairs among time, height and width, which matters for images only: a text "
                      "token has the same position on all axes",
                      key);
    }
    return ROPEMAP_OK;
}

/* ---- which layers, which model */

/* Weights in several files: metadata is in the first. */
static ropemap_status read_split(const rm_gguf *file, ropemap_model *model, ropemap_error *error) {
    double part = 0.0, parts = 0.0;
    uint32_t count = 0;
    RM_TRY(rm_gguf_numbers(file, "split.no", 1, &part, &count, error));
    RM_TRY(rm_gguf_numbers(file, "split.count", 1, &parts, &count, error));
    if (part > 0.0) {
        return rm_fail(error, ROPEMAP_DATA, "%s: split.no is %.0f; give the first part of the model, 0",
                       file->input.name, part);
    }
    bool found = false;
    for (int list = 0; list < RM_GGUF_LISTS; list++) {
        found = found || file->lists[list].found;
    }
    if (parts > 1.0 && !found) {
        rm_model_warn(model, "the model is in %.0f files and this one has no '%s'; another may", parts,
                      rm_gguf_list_name(RM_GGUF_FREQS));
    }
    return ROPEMAP_OK;
}

static ropemap_status refuse_plain(const rm_gguf_reader *reader, const char *why) {
    return rm_model_refuse(reader->model, reader->choice, reader->file->input.name, why, reader->error);
}

static ropemap_status check_rotates(const rm_gguf_reader *reader) {
    static const double LARGER_WIDTH = 5120.0; /* Baichuan-13B's */
    const unsigned traits = reader->arch->traits;
    rm_gguf_number width = {0};
    char flag[RM_GGUF_KEY_BYTES], why[RM_GGUF_KEY_BYTES + 100];
    int rotates = 1;
    if (reader->arch->pairs == RM_GGUF_PAIRS_NONE) {
        (void)snprintf(why, sizeof why, "general.architecture is '%s'", reader->name);
        return refuse_plain(reader, why);
    }
    if ((traits & RM_GGUF_SWITCH) != 0) {
        write_key(reader, "rope.scaling.finetuned", flag);
        RM_TRY(rm_gguf_flag(reader->file, flag, &rotates, reader->error));
    }
    if (rotates == 0) {
        (void)snprintf(why, sizeof why, "%s is false, which switches RoPE off in this architecture", flag);
        return refuse_plain(reader, why);
    }
    if ((traits & RM_GGUF_13B_PLAIN) != 0) {
        RM_TRY(rm_gguf_get(reader, "embedding_length", &width));
        if (width.value == LARGER_WIDTH) {
            (void)snprintf(why, sizeof why, "%s is %.0f: %s", width.key, width.value, reader->arch->note);
            return refuse_plain(reader, why);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status read_architecture(rm_gguf_reader *reader) {
    static const char key[] = "general.architecture";
    static const rm_gguf_arch unknown = {.names = "", .pairs = RM_GGUF_PAIRS_NEOX};
    char *name = reader->name;
    RM_TRY(rm_gguf_text(reader->file, key, name, sizeof reader->name, reader->error));
    if (name[0] == '\0') {
        return rm_gguf_fail(reader, ROPEMAP_DATA, "%s is missing", key);
    }
    rm_model_fact(reader->model, "architecture", key, "%s", name);
    reader->arch = find_arch(name);
    if (reader->arch != NULL) {
        return check_rotates(reader);
    }
    if (!rm_model_is_given(reader->choice)) {
        return rm_gguf_fail(reader, ROPEMAP_DATA,
                            "cannot tell whether and how this model rotates: %s is '%s', which ropemap does "
                            "not know; if it does, give --base, --head-dim and --rotary-dim",
                            key, name);
    }
    reader->arch = &unknown;
    rm_model_warn(reader->model,
                  "%s is '%s', which ropemap does not know: the options define the rule, and the layout is "
                  "assumed to be that of most models, half",
                  key, name);
    (void)snprintf(name, sizeof reader->name, "unknown"); /* no key of the file is read then */
    return ROPEMAP_OK;
}

/* Options replace what the file lacks. */
static ropemap_status read_head(const rm_gguf_reader *reader) {
    const ropemap_model_choice *choice = reader->choice;
    const ropemap_status status = read_dims(reader);
    if (status != ROPEMAP_DATA || choice->head_dim == 0) {
        return status;
    }
    if (reader->error != NULL) {
        *reader->error = (ropemap_error){0};
    }
    reader->model->spec.head_dim = choice->head_dim;
    reader->model->spec.rotary_dim = choice->rotary_dim > 0 ? choice->rotary_dim : choice->head_dim;
    return ROPEMAP_OK;
}

static ropemap_status warn_unused(const rm_gguf_reader *reader) {
    char names[400];
    if (reader->sliding) { /* it uses fewer of the keys */
        return ROPEMAP_OK;
    }
    RM_TRY(rm_gguf_unused(reader->file, names, sizeof names, reader->error));
    rm_model_warn_unused(reader->model, names);
    return ROPEMAP_OK;
}

static ropemap_status read_model(const rm_gguf *file, const ropemap_model_choice *choice,
                                 ropemap_model *model, ropemap_error *error) {
    rm_gguf_reader reader = {.file = file, .choice = choice, .model = model, .error = error};
    char name[sizeof model->name];
    RM_TRY(read_split(file, model, error));
    RM_TRY(read_architecture(&reader));
    RM_TRY(rm_gguf_text(file, "general.name", name, sizeof name, error));
    if (name[0] != '\0') {
        memcpy(model->name, name, sizeof name);
    }
    RM_TRY(read_layers(&reader));
    RM_TRY(read_layout(&reader));
    RM_TRY(read_head(&reader));
    RM_TRY(read_base(&reader));
    RM_TRY(read_length(&reader));
    RM_TRY(rm_gguf_scaling_read(&reader));
    if (reader.arch->note != NULL) {
        rm_model_warn(model, "%s", reader.arch->note);
    }
    return warn_unused(&reader);
}

ropemap_status rm_gguf_read(const char *path, const ropemap_model_choice *choice, ropemap_model *model,
                            ropemap_error *error) {
    rm_gguf file;
    RM_TRY(rm_gguf_open(path, &file, error));
    const ropemap_status status = read_model(&file, choice, model, error);
    rm_gguf_close(&file);
    return status;
}
