/* config.c - config.json to a rule */
/* SPDX-License-Identifier: MIT */
#include "host/model/config.h"
#include "host/base/alloc.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const rm_want base_want = {.words = "a number above 1, at most 1e30",
                                  .low = 1.0,
                                  .high = 1e30,
                                  .above = true,
                                  .required = true,
                                  .layered = true};

static const rm_want length_want = {
    .words = "a whole number of tokens from 1 to 2^40", .low = 1.0, .high = 0x1p40, .multiple_of = 1};

static const rm_want size_want = {
    .words = "a whole number from 1 to 2^30", .low = 1.0, .high = 0x1p30, .multiple_of = 1};

static const rm_want dim_want = {
    .words = "an even number from 2 to 4096", .low = 2.0, .high = ROPEMAP_MAX_HEAD_DIM, .multiple_of = 2};

static const rm_want share_want = {
    .words = "a number above 0, at most 1", .low = 0.0, .high = 1.0, .above = true, .layered = true};

/* ---- base */

static const char base_keys[] =
    "rope_theta global_rope_theta rotary_emb_base rotary_base "
    "rope_freq_constant rope_base rope_freq_base rotary_embedding_base rope_embedding_base";

static const char local_keys[] = "rope_local_base_freq local_rope_theta swa_rope_theta "
                                 "compress_rope_theta";

/* ChatGLM: its base is 10000 times this. */
static ropemap_status scale_base(rm_config *config) {
    static const rm_want ratio_want = {
        .words = "a number above 0, at most 1e20", .low = 0.0, .high = 1e20, .above = true};
    rm_found ratio;
    RM_TRY(rm_config_number(config, &config->top, "rope_ratio", &ratio_want, &ratio));
    if (ratio.given) {
        config->model->spec.base *= ratio.value;
        rm_config_note_number(config, "base", config->model->spec.base, "10000 * rope_ratio");
    } else {
        rm_config_note_default(config, "base", config->model->spec.base);
    }
    return ROPEMAP_OK;
}

/* A base next to the dict's, which lost. */
static void warn_beside(const rm_config *config, const rm_found *base) {
    const json_t *other = rm_config_value(&config->top, "rope_theta");
    const double outer = json_number_value(other);
    if (json_is_number(other) && outer != base->value && (config->layer_type == NULL || config->own_rule)) {
        rm_model_warn(config->model,
                      "%s is %.15g, rope_theta next to it %.15g: the former won, as in transformers",
                      base->path, base->value, outer);
    }
}

/* The dict's base wins over one next to it, as in transformers; a list with one for each layer wins over
 * both. */
static ropemap_status find_local_base(rm_config *config, rm_found *base) {
    RM_TRY(rm_config_first(config, &config->top, local_keys, &base_want, base));
    if (!base->given) {
        base->given = true;
        base->value = config->family->local_base;
        (void)snprintf(base->path, sizeof base->path, "default of model_type %s", config->known);
    }
    return ROPEMAP_OK;
}

static ropemap_status find_base(rm_config *config, rm_found *base) {
    const rm_config_dict attention = rm_config_peek(&config->top, "attn_config");
    if (config->local) {
        return rm_config_first(config, &config->top, local_keys, &base_want, base);
    }
    if (json_is_array(rm_config_value(&config->top, "layer_rope_theta"))) {
        RM_TRY(rm_config_number(config, &config->top, "layer_rope_theta", &base_want, base));
    }
    if (!base->given && (config->own_rule && (config->family->flags & RM_FAMILY_BASE_WINS) != 0)) {
        RM_TRY(rm_config_number(config, &config->top, "rope_theta", &base_want, base));
    }
    if (base->given) {
        return ROPEMAP_OK;
    }
    RM_TRY(rm_config_number(config, &config->rope, "rope_theta", &base_want, base));
    if (base->given) {
        warn_beside(config, base);
        return ROPEMAP_OK;
    }
    if (config->layer_type != NULL && strcmp(config->layer_type, "sliding_attention") == 0 &&
        config->family->local_base > 0.0) { /* its own dict, without a base */
        return find_local_base(config, base);
    }
    const bool own_name = (config->family->flags & RM_FAMILY_BASE_NAMED) != 0; /* past "rope_theta" */
    const json_t *unread = own_name ? json_object_get(config->top.object, "rope_theta") : NULL;
    if (json_is_number(unread)) {
        rm_model_warn(config->model,
                      "rope_theta is %.15g and was not used: transformers' class of model_type %s does not "
                      "read it outside of rope_parameters",
                      json_number_value(unread), config->known);
    }
    RM_TRY(rm_config_first(config, &config->top, base_keys + (own_name ? sizeof "rope_theta" : 0), &base_want,
                           base));
    return base->given ? ROPEMAP_OK : rm_config_first(config, &attention, base_keys, &base_want, base);
}

/* rope_theta, max_position_embeddings, head_dim and rotary_dim, under all their names. */
static ropemap_status read_base(rm_config *config) {
    const rm_family *family = config->family;
    rm_found base = {0};
    if (config->choice->base > 0.0) { /* the option wins; the caller reports it */
        rm_found unread = {0};
        (void)find_base(config, &unread);
        rm_config_forget(config);
        config->model->spec.base = config->choice->base;
        return ROPEMAP_OK;
    }
    RM_TRY(find_base(config, &base));
    if (base.given) {
        config->model->spec.base = base.value;
        rm_config_note_number(config, "base", base.value, base.path);
        return ROPEMAP_OK;
    }
    const double own = config->local ? family->local_base : family->base;
    config->model->spec.base = own > 0.0 ? own : 10000.0;
    return scale_base(config);
}

/* ---- length */

static ropemap_status read_length(rm_config *config) {
    static const char keys[] =
        "max_trained_positions max_position_embeddings n_positions max_seq_len "
        "max_sequence_length seq_length model_max_length max_context_length max_seq_length "
        "context_length n_ctx";
    rm_found length;
    RM_TRY(rm_config_first(config, &config->top, keys, &length_want, &length));
    if (length.given) {
        config->model->trained_length = (int64_t)length.value;
        rm_config_note_number(config, "max position embeddings", length.value, length.path);
    } else if (config->family->size.length > 0) {
        config->model->trained_length = config->family->size.length;
        rm_config_note_default(config, "max position embeddings", config->family->size.length);
    }
    return ROPEMAP_OK;
}

/* ---- head_dim */

/* A size under one of its names, or the class's. */
static ropemap_status find_size(rm_config *config, const char *keys, int32_t usual, rm_found *size) {
    RM_TRY(rm_config_first(config, &config->top, keys, &size_want, size));
    if (!size->given && usual > 0) {
        *size = (rm_found){.given = true, .value = usual};
        (void)snprintf(size->path, sizeof size->path, "%.*s (default)", (int)strcspn(keys, " "), keys);
    }
    return ROPEMAP_OK;
}

static void note_quotient(const rm_config *config, const rm_found *hidden, const rm_found *heads) {
    const bool usual[] = {strstr(hidden->path, "(default)") != NULL,
                          strstr(heads->path, "(default)") != NULL};
    char source[240];
    if (usual[0] && usual[1]) {
        (void)snprintf(source, sizeof source, "default of model_type %.40s, %.15g / %.15g", config->known,
                       hidden->value, heads->value);
        rm_model_fact(config->model, "head_dim", source, "%d", (int)config->model->spec.head_dim);
        return;
    }
    (void)snprintf(source, sizeof source, "%.100s / %.100s", hidden->path, heads->path);
    rm_config_note_number(config, "head_dim", config->model->spec.head_dim, source);
}

/* hidden_size / num_attention_heads. */
static ropemap_status divide_heads(rm_config *config) {
    static const char hidden_keys[] = "hidden_size n_embd d_model model_dim dim n_embed embed_dim";
    static const char heads_keys[] = "num_attention_heads n_head n_heads num_heads";
    rm_found hidden, heads;
    RM_TRY(find_size(config, hidden_keys, config->family->size.hidden, &hidden));
    RM_TRY(find_size(config, heads_keys, config->family->size.heads, &heads));
    if (!hidden.given || !heads.given) {
        return rm_config_fail(config, ROPEMAP_DATA,
                              "no head_dim, and no %s to derive it from; give --head-dim",
                              hidden.given ? "num_attention_heads" : "hidden_size");
    }
    const int64_t size = (int64_t)hidden.value, count = (int64_t)heads.value;
    if (size % count != 0 || size / count % 2 != 0 || size / count > ROPEMAP_MAX_HEAD_DIM) {
        return rm_config_fail(
            config, ROPEMAP_DATA,
            "%s is %lld and %s is %lld; their quotient, head_dim, must be an even number up to %d",
            hidden.path, (long long)size, heads.path, (long long)count, ROPEMAP_MAX_HEAD_DIM);
    }
    config->model->spec.head_dim = (int32_t)(size / count);
    note_quotient(config, &hidden, &heads);
    return ROPEMAP_OK;
}

static ropemap_status read_head_dim(rm_config *config) {
    static const char keys[] = "head_dim attention_head_dim kv_channels head_size attn_head_dim d_head "
                               "dim_head";
    const rm_family *family = config->family;
    const bool is_full = config->layer_type != NULL && strcmp(config->layer_type, "full_attention") == 0;
    const bool is_sliding =
        config->layer_type != NULL && strcmp(config->layer_type, "sliding_attention") == 0;
    const char *own = is_full ? "global_head_dim" : is_sliding ? "swa_head_dim" : "head_dim";
    rm_found dim;
    RM_TRY(rm_config_number(config, &config->top, own, &dim_want, &dim));
    if (!dim.given && !(is_full && family->full_head_dim > 0)) {
        RM_TRY(rm_config_first(config, &config->top, keys, &dim_want, &dim));
    }
    if (dim.given && (family->flags & RM_FAMILY_DIVIDED) != 0) {
        RM_TRY(divide_heads(config));
        if (config->model->spec.head_dim != (int32_t)dim.value) {
            rm_model_warn(config->model,
                          "%s is %.15g and was not applied: transformers' class of model_type %s "
                          "divides hidden_size by num_attention_heads",
                          dim.path, dim.value, config->known);
        }
        return ROPEMAP_OK;
    }
    if (dim.given) {
        config->model->spec.head_dim = (int32_t)dim.value;
        rm_config_note_number(config, "head_dim", dim.value, dim.path);
        return ROPEMAP_OK;
    }
    const int32_t usual = is_full && family->full_head_dim > 0 ? family->full_head_dim : family->head_dim;
    if (usual == 0 || json_is_null(rm_config_value(&config->top, "head_dim"))) {
        return divide_heads(config);
    }
    config->model->spec.head_dim = usual;
    rm_config_note_default(config, "head_dim", usual);
    return ROPEMAP_OK;
}

/* ---- rotary_dim */

ropemap_status rm_config_partial(const rm_config *config, rm_found *partial) {
    static const char all[] = "partial_rotary_factor partial_rotary_factors rotary_pct "
                              "rotary_emb_fraction rope_pct rotary_percent rotary_percentage";
    const bool named = (config->family->flags & RM_FAMILY_BASE_NAMED) != 0; /* as its base is */
    const char *keys = named ? strstr(all, "rotary_pct") : all;
    RM_TRY(rm_config_number(config, &config->rope, "partial_rotary_factor", &share_want, partial));
    if (partial->given) {
        rm_config_mark_same(&config->top, keys, partial->value);
        return ROPEMAP_OK;
    }
    return rm_config_first(config, &config->top, keys, &share_want, partial);
}

/* Python's int(head_dim * share). */
static ropemap_status apply_share(rm_config *config, double share, const char *path) {
    ropemap_spec *spec = &config->model->spec;
    const int32_t dim = (int32_t)((double)spec->head_dim * share);
    if (dim < 2 || dim % 2 != 0) {
        return rm_config_fail(
            config, ROPEMAP_DATA,
            "%s is %.15g, so int(%d * %.15g) = %d elements rotate; it must be an even number of at least 2",
            path, share, (int)spec->head_dim, share, (int)dim);
    }
    spec->rotary_dim = dim;
    return ROPEMAP_OK;
}

static void note_share(const rm_config *config, const char *path) {
    char source[180];
    (void)snprintf(source, sizeof source, "head_dim * %s", path);
    rm_config_note_number(config, "rotary_dim", config->model->spec.rotary_dim, source);
}

/* Most classes rotate the whole head with rope_type default and ignore the share; other rules use it. */
static bool takes_share(const rm_config *config) {
    const rm_family *family = config->family;
    return config->kind->read != NULL || (family->flags & RM_FAMILY_SHARE) != 0 || family->partial > 0.0 ||
           (family->rule != NULL && strstr(family->rule, "partial_rotary_factor") != NULL &&
            strstr(family->rule, "proportional") == NULL);
}

static ropemap_status find_share(const rm_config *config, rm_found *partial) {
    RM_TRY(rm_config_partial(config, partial));
    if (partial->given && partial->value != 1.0 && !takes_share(config)) {
        rm_model_warn(config->model,
                      "%s is %.15g and was not applied: transformers' class of model_type %s rotates the "
                      "whole head with rope_type default",
                      partial->path, partial->value, config->known);
        partial->given = false;
    }
    return ROPEMAP_OK;
}

static ropemap_status read_rotary_dim(rm_config *config) {
    static const char dim_keys[] = "rotary_dim rotary_embedding_dim rope_dim rotary_ndims";
    ropemap_spec *spec = &config->model->spec;
    const rm_family *family = config->family;
    rm_found partial, dim;
    RM_TRY(find_share(config, &partial));
    RM_TRY(rm_config_first(config, &config->top, dim_keys, &dim_want, &dim));
    if (dim.given && dim.value > spec->head_dim) {
        return rm_config_fail(config, ROPEMAP_DATA, "%s is %.15g, expected at most the head_dim, %d",
                              dim.path, dim.value, (int)spec->head_dim);
    }
    if (partial.given) {
        RM_TRY(apply_share(config, partial.value, partial.path));
        note_share(config, partial.path);
        if (dim.given && dim.value != spec->rotary_dim) {
            rm_model_warn(config->model,
                          "rotary_dim is %.15g, but %s makes it %d, which won, as in transformers", dim.value,
                          partial.path, (int)spec->rotary_dim);
        }
    } else if (dim.given) {
        spec->rotary_dim = (int32_t)dim.value;
        rm_config_note_number(config, "rotary_dim", dim.value, dim.path);
    } else if (family->partial > 0.0) {
        RM_TRY(apply_share(config, family->partial, "partial_rotary_factor of the model_type"));
        rm_config_note_default(config, "rotary_dim", spec->rotary_dim);
    } else if (family->rotary_dim > 0 && family->rotary_dim <= spec->head_dim) {
        spec->rotary_dim = family->rotary_dim;
        rm_config_note_default(config, "rotary_dim", spec->rotary_dim);
    } else {
        spec->rotary_dim = spec->head_dim;
        rm_model_fact(config->model, "rotary_dim", "head_dim", "%d", (int)spec->rotary_dim);
    }
    return ROPEMAP_OK;
}

/* ---- both */

/* Multi-head latent attention: one part of the head rotates, all of it, and that part is what RoPE sees. */
static ropemap_status read_mla(rm_config *config, const rm_found *part) {
    ropemap_spec *spec = &config->model->spec;
    rm_found partial;
    spec->head_dim = spec->rotary_dim = part->given ? (int32_t)part->value : config->family->mla;
    if (part->given) {
        rm_config_note_number(config, "head_dim", part->value, part->path);
    } else {
        rm_config_note_default(config, "head_dim", spec->head_dim);
    }
    rm_model_fact(config->model, "rotary_dim", "head_dim", "%d", (int)spec->rotary_dim);
    RM_TRY(rm_config_partial(config, &partial));
    if (partial.given) {
        rm_config_note_number(config, "not applied", partial.value, partial.path);
        rm_model_warn(config->model,
                      "%s is %.15g and was not applied: all %d elements of the rotating part of the head "
                      "(qk_rope_head_dim) rotate",
                      partial.path, partial.value, (int)spec->head_dim);
    }
    return ROPEMAP_OK;
}

/* Options replace what the file lacks. */
static ropemap_status read_head(rm_config *config) {
    const int32_t given = config->choice->head_dim;
    const ropemap_status status = read_head_dim(config);
    if (status != ROPEMAP_DATA || given == 0) {
        return status;
    }
    rm_config_forget(config);
    config->model->spec.head_dim = given;
    return ROPEMAP_OK;
}

static ropemap_status read_rotary(rm_config *config) {
    const int32_t given = config->choice->rotary_dim;
    const ropemap_status status = read_rotary_dim(config);
    if (status != ROPEMAP_DATA || given == 0 || given > config->model->spec.head_dim) {
        return status;
    }
    rm_config_forget(config);
    config->model->spec.rotary_dim = given;
    return ROPEMAP_OK;
}

static ropemap_status read_dims(rm_config *config) {
    bool use = true;
    rm_found part = {0};
    RM_TRY(rm_config_flag(config, &config->top, "use_mla", &use));
    if (use) {
        RM_TRY(rm_config_number(config, &config->top, "qk_rope_head_dim", &dim_want, &part));
    }
    config->mla = use && (part.given || config->family->mla > 0);
    (void)rm_config_value(&config->top, "qk_nope_head_dim"); /* the part that does not rotate */
    (void)rm_config_value(&config->top, "qk_rope_head_dim");
    if (config->mla) {
        return read_mla(config, &part);
    }
    RM_TRY(read_head(config));
    if (strcmp(config->kind->word, "proportional") == 0) {
        config->model->spec.rotary_dim = config->model->spec.head_dim;
        rm_model_fact(config->model, "rotary_dim", "head_dim", "%d", (int)config->model->spec.head_dim);
        return ROPEMAP_OK;
    }
    return read_rotary(config);
}

/* ---- who wrote it */

/*
 * Mistral's and Meta's params.json have the fields of ModelArgs (github.com/mistralai/mistral-inference,
 * github.com/meta-llama/llama-models), TensorRT-LLM's files those of PretrainedConfig, in an engine one level
 * down (github.com/NVIDIA/TensorRT-LLM, tensorrt_llm/models/modeling_utils.py).
 */
static rm_config_origin find_origin(const rm_config_dict *dict) {
    static const char trtllm[] = "position_embedding_type rotary_base rotary_scaling head_size";
    const bool named = json_is_string(json_object_get(dict->object, "model_type"));
    if (!named && json_object_get(dict->object, "dim") != NULL &&
        json_object_get(dict->object, "n_layers") != NULL && rm_config_has(dict, "n_heads head_dim")) {
        return RM_CONFIG_PARAMS;
    }
    return !named && json_is_string(json_object_get(dict->object, "architecture")) &&
                   rm_config_has(dict, trtllm)
               ? RM_CONFIG_TRTLLM
               : RM_CONFIG_TRANSFORMERS;
}

/* ---- the language model of a model with several parts */

/* A part without sizes is not the dict to read. */
static bool has_sizes(const rm_config_dict *dict) {
    static const char keys[] = "hidden_size n_embd d_model head_dim qk_rope_head_dim";
    return rm_config_has(dict, keys);
}

static void descend(rm_config *config) {
    static const char parts[] = "text_config llm_config language_config language_model thinker_config llm "
                                "pretrained_config text_model decoder_config lm_config decoder";
    enum { DEEPEST = 4 };
    for (int depth = 0; depth < DEEPEST; depth++) {
        const rm_config_dict part = rm_config_peek_first(&config->top, parts);
        if (part.object == NULL || (has_sizes(&config->top) && !has_sizes(&part))) {
            return;
        }
        config->top = part;
    }
}

static ropemap_status find_family(rm_config *config) {
    const char *whole = NULL;
    RM_TRY(rm_config_word(config, &config->top, "model_type", &config->type));
    RM_TRY(rm_config_word(config, &config->whole, "model_type", &whole));
    config->type = config->type != NULL ? config->type : whole;
    if (config->type != NULL) {
        rm_config_note(config, "model_type", config->type, "model_type");
    }
    if (rm_family_part(config->type, config->part, sizeof config->part, &config->own_part)) {
        char source[80];
        (void)snprintf(source, sizeof source, "default of model_type %.40s", config->type);
        rm_model_fact(config->model, "language model", source, "%s", config->part);
    }
    static const rm_family unknown = {.flags = RM_FAMILY_SHARE};
    const char *type = config->part[0] != '\0' ? config->part : config->type;
    config->family = rm_family_find(type);
    config->known = config->family != NULL ? type : "";
    config->family = config->family != NULL ? config->family : &unknown;
    return ROPEMAP_OK;
}

/* Which part of the file is the language model, who wrote it, and its model type. */
static ropemap_status find_part(rm_config *config) {
    descend(config);
    config->origin = find_origin(&config->top);
    if (config->origin == RM_CONFIG_PARAMS) {
        rm_model_fact(config->model, "format", "dim, n_layers", "params.json");
    } else if (config->origin == RM_CONFIG_TRTLLM) {
        rm_model_fact(config->model, "format", "architecture", "TensorRT-LLM");
    }
    return find_family(config);
}

enum { CONFIG_UNUSED_DEEPEST = 5, KEY_BYTES = 80 };

static bool holds(const char *key, const char *words) {
    char lower[KEY_BYTES], word[RM_WORD_BYTES];
    size_t length = 0;
    for (; key[length] != '\0' && length + 1 < sizeof lower; length++) {
        lower[length] = (char)tolower((unsigned char)key[length]);
    }
    lower[length] = '\0';
    while (rm_words_next(&words, word, sizeof word)) {
        const char *found = strstr(lower, word);
        /* not "property" */
        if (found != NULL && !(found > lower && found[-1] == 'p' && strncmp(found, "rope", 4) == 0)) {
            return true;
        }
    }
    return false;
}

/* Not of the language model's rule: other parts, and lists of names. */
static bool is_elsewhere(const char *key) {
    static const char words[] =
        "vision visual vit image video audio speech talker encoder codec "
        "token2wav code2wav quant lora id2label label2id generation projector depth build plugin "
        "mapping task_specific";
    return holds(key, words);
}

/* Read, or a choice between implementations of one rule (ChatGLM, Phi's first files, Megatron). */
static bool was_read(const rm_config *config, const char *key) {
    static const char same[] = "original_rope flash_rotary apply_rope_fusion";
    bool read = rm_words_have(same, key);
    for (int i = 0; i < config->used.count && !read; i++) {
        read = config->used.keys[i] == key;
    }
    return read;
}

static void list_unused(const rm_config *config, json_t *object, const char *path, int depth, char *names,
                        size_t size) {
    static const char words[] = "rope rotary yarn ntk nope dual_chunk";
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        const char *key = json_object_iter_key(at);
        json_t *value = json_object_iter_value(at);
        char whole[2 * KEY_BYTES];
        (void)snprintf(whole, sizeof whole, "%.70s%s%.70s", path, path[0] == '\0' ? "" : ".", key);
        if (holds(key, words)) {
            const size_t length = strlen(names);
            const bool empty = json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0);
            if (!empty && !was_read(config, key)) {
                (void)snprintf(names + length, size - length, "%s%s", length == 0 ? "" : ", ", whole);
            }
        } else if (rm_config_is_dict(value) && depth < CONFIG_UNUSED_DEEPEST && !is_elsewhere(key) &&
                   value != config->rope.object) {
            list_unused(config, value, whole, depth + 1, names, size);
        }
    }
}

/* Warns of keys that were not read although their names are about RoPE. */
static void warn_unused(const rm_config *config) {
    char names[400] = "";
    list_unused(config, config->whole.object, "", 0, names, sizeof names);
    rm_model_warn_unused(config->model, names);
}

/* ---- layout */

/* The layout in TensorRT-LLM's position_embedding_type; -1: none. */
static int layout_word(const rm_config *config) {
    const char *word = json_string_value(rm_config_value(&config->top, "position_embedding_type"));
    if (word == NULL) {
        return -1;
    }
    return strcmp(word, "rope_gptj") == 0 || strcmp(word, "chatglm") == 0 ? ROPEMAP_LAYOUT_INTERLEAVED
           : strcmp(word, "rope_gpt_neox") == 0 || strcmp(word, "long_rope") == 0 ||
                   strcmp(word, "mrope") == 0
               ? ROPEMAP_LAYOUT_HALF
               : -1;
}

static void note_layout(const rm_config *config, const char *key) {
    const char *name = ropemap_layout_name(config->model->spec.layout);
    if (key[0] != '\0') {
        rm_config_note(config, "layout", name, key);
    } else if (config->origin == RM_CONFIG_PARAMS) {
        rm_model_fact(config->model, "layout", "Mistral's and Meta's own code", "%s", name);
        rm_model_warn(config->model, "these weights have interleaved pairs; converted to Hugging Face's "
                                     "format they have the half layout");
    } else if (config->known[0] != '\0') {
        rm_model_fact(config->model, "layout", "transformers' class", "%s", name);
    } else {
        rm_model_fact(config->model, "layout", "default", "%s", name);
        rm_model_warn(config->model,
                      "unknown model_type: the layout is assumed to be that of most models, %s", name);
    }
}

/* DeepSeek's heads without MLA are Llama's. A key wins over the class. */
static ropemap_status read_layout(rm_config *config) {
    const char *keys = "rope_interleave rotary_emb_interleaved rope_interleaved "
                       "rotary_interleaved";
    const rm_family *family = config->family;
    char key[RM_WORD_BYTES], read[RM_WORD_BYTES] = "";
    const int word = layout_word(config);
    bool interleaved = config->origin == RM_CONFIG_PARAMS ||
                       ((family->flags & RM_FAMILY_INTERLEAVED) != 0 && (config->mla || family->mla == 0));
    if (word >= 0) {
        interleaved = word == ROPEMAP_LAYOUT_INTERLEAVED;
        (void)snprintf(read, sizeof read, "position_embedding_type");
    }
    while (rm_words_next(&keys, key, sizeof key)) {
        RM_TRY(rm_config_flag(config, &config->top, key, &interleaved));
        if (json_is_boolean(rm_config_value(&config->top, key))) {
            memcpy(read, key, sizeof read);
        }
    }
    config->model->spec.layout = interleaved ? ROPEMAP_LAYOUT_INTERLEAVED : ROPEMAP_LAYOUT_HALF;
    note_layout(config, read);
    return ROPEMAP_OK;
}

/* ---- what else to know */

static void warn_layers(const rm_config *config) {
    const rm_config_layers *layers = &config->layers;
    int32_t plain = 0;
    for (int32_t i = 0; i < layers->count; i++) {
        plain += layers->plain[i];
    }
    if (plain > 0 && layers->wanted < 0) {
        rm_model_warn(config->model, "%d of %d layers do not rotate (%s): this is the rule of the others",
                      (int)plain, (int)layers->count, layers->source);
    } else if (layers->count == 0 && (config->family->flags & RM_FAMILY_SOME_PLAIN) != 0) {
        rm_model_warn(config->model,
                      "some layers do not rotate (no_rope_layers): this is the rule of the others");
    }
    if (json_is_true(rm_config_value(&config->top, "use_dynamic_ntk"))) {
        rm_model_warn(
            config->model,
            "use_dynamic_ntk: the base grows beyond the trained length, which this rule leaves out");
    }
    if (json_is_true(rm_config_value(&config->top, "use_mrope"))) {
        rm_model_warn(config->model, "use_mrope: all pairs rotate by one position here, as for text");
    }
    if (rm_config_value(&config->top, "llama_4_scaling") != NULL ||
        rm_config_value(&config->rope, "llama_4_scaling_beta") != NULL) {
        rm_model_warn(
            config->model,
            "llama_4_scaling: queries are also multiplied by 1 + beta * ln(1 + floor(position / original)), "
            "which is not in the map");
    }
}

/* ---- all of it */

static ropemap_status read_rule(rm_config *config) {
    static ropemap_status (*const stages[])(rm_config * config) = {
        find_part, rm_config_layers_read, rm_config_rotates, rm_config_choose, rm_config_kind,
        read_base, read_length,           read_dims,         read_layout,      rm_config_scaling};
    bool is_image = false;
    RM_TRY(rm_config_image(config, config->choice->layer_type, &is_image));
    for (size_t i = 0; i < sizeof stages / sizeof stages[0] && !is_image; i++) {
        RM_TRY(stages[i](config));
    }
    if (is_image) {
        return ROPEMAP_OK;
    }
    RM_TRY(rm_config_sections(config));
    warn_layers(config);
    warn_unused(config);
    return ROPEMAP_OK;
}

static ropemap_status read_tree(json_t *tree, rm_config *config, const char *name) {
    const char *slash = strrchr(name, '/');
    rm_label_make(config->file, sizeof config->file, slash == NULL ? name : slash + 1);
    config->whole.object = config->top.object = tree;
    config->whole.used = config->top.used = &config->used;
    const ropemap_status status = read_rule(config);
    json_decref(config->made);
    return status;
}

ropemap_status rm_config_read(const char *text, size_t bytes, const char *name,
                              const ropemap_model_choice *choice, ropemap_model *model,
                              ropemap_error *error) {
    json_t *tree = NULL;
    rm_config *config = rm_alloc(1, sizeof *config);
    if (config == NULL) {
        return rm_fail_memory(error, "config", sizeof *config);
    }
    config->model = model;
    config->choice = choice;
    config->error = error;
    rm_label_make(config->label, sizeof config->label, name);
    ropemap_status status = rm_config_tree(text, bytes, config->label, &tree, error);
    if (status == ROPEMAP_OK) {
        status = read_tree(tree, config, name);
    }
    json_decref(tree);
    rm_free(config);
    return status;
}
