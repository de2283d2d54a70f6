/* config_image.c - a config of a model of images or video: its axes, and the frequencies of each */
/* SPDX-License-Identifier: MIT */
#include "host/model/config.h"

#include <stdio.h>
#include <string.h>

enum {
    DIFFUSERS = 1 << 0,  /* a class of diffusers: the type is under _class_name */
    PAIRS = 1 << 1,      /* elements 2i and 2i + 1 form a pair */
    HALVES = 1 << 2,     /* height and width have half of the head each */
    THIRDS = 1 << 3,     /* time, height and width have a third each, rounded down to pairs; the rest stays */
    WAN = 1 << 4,        /* height and width have a sixth of the head in pairs each, time the rest */
    COG = 1 << 5,        /* time has a quarter, height and width three eighths each */
    BASE_FIXED = 1 << 6, /* the class has no key for the base */
    OPTIONAL_KEY = 1 << 7 /* rotates only with use_rotary_positional_embeddings */
};

enum { FLUX = DIFFUSERS | PAIRS | BASE_FIXED };

/* What model types of transformers 5.24 or classes of diffusers do (the commit of 2026-08-23). */
typedef struct image_row {
    const char *types; /* words */
    unsigned flags;
    double base;
    const char *axes_key; /* elements of each axis; NULL: by the flags */
    int32_t axes[ROPEMAP_MAX_AXES];
    ropemap_deal deal;
    int32_t head, pixels; /* what the class assumes where the file is silent; 0: nothing */
    const char *unread;   /* why it is not read; NULL: it is */
} image_row;

static const image_row rows[] = {
    {"dinov3_vit", HALVES, .base = 100.0, .deal = ROPEMAP_DEAL_UNIT, .head = 64, .pixels = 224},
    {"eomt_dinov3", HALVES, .base = 100.0, .deal = ROPEMAP_DEAL_UNIT, .head = 64, .pixels = 640},
    {"sapiens2", HALVES, .base = 100.0, .deal = ROPEMAP_DEAL_UNIT},
    {"pixtral", HALVES, .base = 1e4, .deal = ROPEMAP_DEAL_STRIDED, .head = 64, .pixels = 1024},
    {"sam3_vit_model", HALVES | PAIRS, .base = 1e4},
    {"lfm3_vl_vision", HALVES, .base = 1e6},
    {"minimax_m3_vl_vision", THIRDS, .base = 1e4},
    {"cohere_compass_vision dots3_note_vision_encoder ernie4_5_vl_moe_vision exaone4_5_vision glm4v_vision "
     "glm4v_moe_vision glm5_next_vision glm_ocr_vision mlcd_vision_model muse_glimmer_vision "
     "muse_spark_vision paddleocr_vl_vision qwen2_vl_vision qwen2_5_vl_vision qwen2_5_omni_vision_encoder "
     "qwen3_vl_vision qwen3_vl_moe_vision qwen3_omni_moe_vision_encoder qwen3_5_vision qwen3_5_moe_vision "
     "qwen4_exp_vision video_llama_3_vision",
     HALVES, .base = 1e4},
    {"gemma4_vision", .unread = "each half of the head pairs its own halves"},
    {"kimi_k25_vision", .unread = "width and height alternate, each with its own ladder of frequencies"},
    {"step3p5_vision inkling2_vision", .unread = "width comes before height"},
    {"llama4_vision_model",
     .unread = "width comes before height; --scaling vision-2d --grid SIDE has its rule"},
    {"sam2_video sam3_tracker_video edgetam_video", .unread = "only its memory attention rotates"},
    {"vjepa2", .unread = "each axis repeats its angles in an order of its own"},
    {"FluxTransformer2DModel ChromaTransformer2DModel LongCatImageTransformer2DModel "
     "QwenImageTransformer2DModel",
     FLUX, .base = 1e4, .axes_key = "axes_dims_rope", .axes = {16, 56, 56}},
    {"BriaTransformer2DModel", DIFFUSERS | PAIRS, .base = 1e4, .axes_key = "axes_dims_rope",
     .axes = {16, 56, 56}},
    {"Flux2Transformer2DModel", DIFFUSERS | PAIRS, .base = 2e3, .axes_key = "axes_dims_rope",
     .axes = {32, 32, 32, 32}},
    {"Krea2Transformer2DModel", DIFFUSERS | PAIRS, .base = 1e3, .axes_key = "axes_dims_rope",
     .axes = {32, 48, 48}},
    {"HunyuanVideoTransformer3DModel HunyuanVideo15Transformer3DModel", DIFFUSERS | PAIRS, .base = 256.0,
     .axes_key = "rope_axes_dim", .axes = {16, 56, 56}},
    {"HunyuanImageTransformer2DModel", DIFFUSERS | PAIRS, .base = 256.0, .axes_key = "rope_axes_dim",
     .axes = {64, 64}},
    {"Lumina2Transformer2DModel", FLUX, .base = 1e4, .axes_key = "axes_dim_rope", .axes = {32, 32, 32}},
    {"ZImageTransformer2DModel", DIFFUSERS | PAIRS, .base = 256.0, .axes_key = "axes_dims",
     .axes = {32, 48, 48}},
    {"HiDreamImageTransformer2DModel", FLUX, .base = 1e4, .axes_key = "axes_dims_rope", .axes = {32, 32}},
    {"WanTransformer3DModel WanVACETransformer3DModel WanAnimateTransformer3DModel", FLUX | WAN, .base = 1e4},
    {"CogVideoXTransformer3DModel", FLUX | COG | OPTIONAL_KEY, .base = 1e4},
    {"LTXVideoTransformer3DModel", DIFFUSERS,
     .unread = "positions are fractions of a largest size, and exponents are evenly spaced"},
    {"CosmosTransformer3DModel", DIFFUSERS, .unread = "each axis has a base of its own"},
    {"MochiTransformer3DModel", DIFFUSERS, .unread = "its frequencies are trained weights"},
    {"CogView4Transformer2DModel", DIFFUSERS, .unread = "positions are scaled to the side of a table"},
    {"EasyAnimateTransformer3DModel", DIFFUSERS, .unread = "positions are resized to those of a sample"},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

static const double CLASS_PATCH = 16.0; /* pixels a side, of every class that has pixels */

static const rm_want even_want = {
    .words = "an even number from 2 to 4096", .low = 2.0, .high = ROPEMAP_MAX_HEAD_DIM, .multiple_of = 2};

static const rm_want size_want = {
    .words = "a whole number from 1 to 2^30", .low = 1.0, .high = 0x1p30, .multiple_of = 1};

static const rm_want base_want = {
    .words = "a number above 1, at most 1e30", .low = 1.0, .high = 1e30, .above = true};

static const image_row *find_row(const char *type, bool diffusers) {
    for (int i = 0; i < ROWS && type != NULL; i++) {
        if (rm_words_have(rows[i].types, type) && ((rows[i].flags & DIFFUSERS) != 0) == diffusers) {
            return &rows[i];
        }
    }
    return NULL;
}

/* ---- models that are not read ---- */

static ropemap_status refuse(const rm_config *config, const char *key, const char *why) {
    char shown[80];
    rm_config_show(rm_config_value(&config->top, key), shown, sizeof shown);
    return rm_config_fail(
        config, ROPEMAP_DATA,
        "this model has several axes: %s is %s; %s; --axes, --base and --grid describe a rule "
        "by hand",
        key, shown, why);
}

/* A list of sizes of axes, or patches where there are no words, with a rule that rotates. */
static ropemap_status refuse_unknown(const rm_config *config, const char *class_name) {
    static const char lists[] = "axes_dims_rope rope_axes_dim axes_dim_rope axes_dims axes_dim "
                                "rope_dim_list";
    char key[RM_WORD_BYTES];
    const char *why =
        class_name != NULL ? "its class is not one that is read" : "its model_type is not one that is read";
    for (const char *keys = lists; rm_words_next(&keys, key, sizeof key);) {
        if (json_is_array(rm_config_value(&config->top, key))) {
            return refuse(config, key, why);
        }
    }
    if (class_name != NULL && strstr(class_name, "Transformer") != NULL) {
        return rm_config_fail(
            config, ROPEMAP_DATA,
            "cannot tell whether and how this model rotates: _class_name is %.80s, a class that "
            "is not read; --axes, --base and --grid describe a rule by hand",
            class_name);
    }
    const bool patches = rm_config_value(&config->top, "patch_size") != NULL &&
                         rm_config_value(&config->top, "vocab_size") == NULL &&
                         rm_config_peek(&config->top, "text_config").object == NULL;
    return patches && rm_config_has(&config->top, "rope_theta rope_parameters rope_scaling")
               ? refuse(config, "patch_size", why)
               : ROPEMAP_OK;
}

/* ---- sizes ---- */

/* One number, or the `index`-th of a list. */
static ropemap_status read_size(const rm_config *config, const char *key, size_t index, double *size) {
    json_t *value = rm_config_value(&config->top, key);
    rm_found found;
    if (json_is_array(value)) {
        return json_array_size(value) > index
                   ? rm_config_check(config, key, json_array_get(value, index), &size_want, size)
                   : rm_config_wrong(config, key, value, "a number for each axis");
    }
    RM_TRY(rm_config_number(config, &config->top, key, &size_want, &found));
    *size = found.given ? found.value : 0.0;
    return ROPEMAP_OK;
}

static ropemap_status read_head(rm_config *config, const image_row *row) {
    static const char own[] = "head_dim attention_head_dim";
    static const char widths[] = "embed_dim hidden_size dim";
    static const char heads[] = "num_attention_heads num_heads n_heads";
    rm_found head, width, count;
    RM_TRY(rm_config_first(config, &config->top, own, &even_want, &head));
    if (!head.given) {
        RM_TRY(rm_config_first(config, &config->top, widths, &size_want, &width));
        RM_TRY(rm_config_first(config, &config->top, heads, &size_want, &count));
        const double quotient = width.given && count.given ? width.value / count.value : 0.0;
        if (!width.given && !count.given && row->head > 0) {
            config->model->spec.head_dim = row->head;
            rm_model_fact(config->model, "head_dim", "the class's default", "%d", (int)row->head);
            return ROPEMAP_OK;
        }
        if (!(quotient >= 2.0 && quotient <= ROPEMAP_MAX_HEAD_DIM &&
              (double)((int)quotient / 2 * 2) == quotient)) {
            return rm_config_fail(config, ROPEMAP_DATA,
                                  "no head_dim, and no width and number of heads to derive it from");
        }
        head.value = quotient;
        (void)snprintf(head.path, sizeof head.path, "%.50s / %.50s", width.path, count.path);
    }
    config->model->spec.head_dim = (int32_t)head.value;
    rm_config_note_number(config, "head_dim", head.value, head.path);
    return ROPEMAP_OK;
}

static ropemap_status read_base(rm_config *config, const image_row *row) {
    rm_found base = {0};
    config->model->spec.base = row->base;
    if ((row->flags & BASE_FIXED) == 0) {
        const rm_config_dict rope = rm_config_peek(&config->top, "rope_parameters");
        RM_TRY(rm_config_number(config, &rope, "rope_theta", &base_want, &base));
        if (!base.given) {
            RM_TRY(rm_config_number(config, &config->top, "rope_theta", &base_want, &base));
        }
    }
    if ((row->flags & BASE_FIXED) != 0 && rm_config_value(&config->top, "rope_theta") != NULL) {
        rm_model_warn(config->model, "rope_theta is ignored: the base of %s is always %.15g", config->type,
                      row->base);
    }
    if (!base.given) {
        rm_model_fact(config->model, "base", "the class's default", "%.15g", row->base);
        return ROPEMAP_OK;
    }
    config->model->spec.base = base.value;
    rm_config_note_number(config, "base", base.value, base.path);
    return ROPEMAP_OK;
}

/* ---- axes ---- */

static void divide_head(const image_row *row, int32_t head, int32_t elements[ROPEMAP_MAX_AXES]) {
    if ((row->flags & HALVES) != 0) {
        elements[0] = elements[1] = head / 2;
    } else if ((row->flags & THIRDS) != 0) {
        elements[0] = elements[1] = elements[2] = 2 * (head / 3 / 2);
    } else if ((row->flags & WAN) != 0) {
        elements[1] = elements[2] = 2 * (head / 6);
        elements[0] = head - elements[1] - elements[2];
    } else if ((row->flags & COG) != 0) {
        elements[0] = head / 4;
        elements[1] = elements[2] = head / 8 * 3;
    } else {
        memcpy(elements, row->axes, sizeof row->axes);
    }
}

static ropemap_status read_axes(rm_config *config, const image_row *row) {
    ropemap_spec *spec = &config->model->spec;
    int32_t elements[ROPEMAP_MAX_AXES] = {0};
    char text[80];
    json_t *list = row->axes_key == NULL ? NULL : rm_config_value(&config->top, row->axes_key);
    divide_head(row, spec->head_dim, elements);
    if (list != NULL && !json_is_null(list)) {
        if (!json_is_array(list) || json_array_size(list) < 2 || json_array_size(list) > ROPEMAP_MAX_AXES) {
            return rm_config_wrong(config, row->axes_key, list, "a list of 2 to 4 numbers");
        }
        memset(elements, 0, sizeof elements);
        for (size_t i = 0; i < json_array_size(list); i++) {
            double size = 0.0;
            RM_TRY(rm_config_check(config, row->axes_key, json_array_get(list, i), &even_want, &size));
            elements[i] = (int32_t)size;
        }
    }
    spec->axes.deal = row->deal;
    spec->rotary_dim = 0;
    for (int32_t axis = 0; axis < ROPEMAP_MAX_AXES && elements[axis] > 0; axis++) {
        spec->axes.pairs[axis] = elements[axis] / 2;
        spec->axes.count++;
        spec->rotary_dim += elements[axis];
    }
    ropemap_axes_format(&spec->axes, text, sizeof text);
    if (list != NULL && !json_is_null(list)) {
        rm_config_note(config, "axes", text, row->axes_key);
    } else {
        rm_model_fact(config->model, "axes", "the class's default", "%s", text);
    }
    return ROPEMAP_OK;
}

static void note_grid(const rm_config *config, const char *source) {
    const ropemap_axes *axes = &config->model->spec.axes;
    char text[60] = "";
    for (int32_t axis = 0; axis < axes->count; axis++) {
        const size_t length = strlen(text);
        (void)snprintf(text + length, sizeof text - length, "%s%d", axis == 0 ? "" : " x ",
                       (int)axes->grid[axis]);
    }
    rm_config_note(config, "grid", text, source);
}

/* Whole patches in pixels; 0 where there are none, or too many for a grid. */
static int32_t patches(double pixels, double patch) {
    const double count = patch > 0.0 ? pixels / patch : 0.0;
    return count >= 1.0 && count < ROPEMAP_MAX_GRID + 1.0 ? (int32_t)count : 0;
}

static ropemap_status read_image_grid(rm_config *config, const image_row *row) {
    ropemap_axes *axes = &config->model->spec.axes;
    for (size_t side = 0; side < 2; side++) {
        double pixels = 0.0, patch = 0.0;
        RM_TRY(read_size(config, "image_size", side, &pixels));
        RM_TRY(read_size(config, "patch_size", side, &patch));
        pixels = pixels == 0.0 ? (double)row->pixels : pixels;
        patch = patch == 0.0 && row->pixels > 0 ? CLASS_PATCH : patch;
        axes->grid[(size_t)axes->count - 2 + side] = patches(pixels, patch);
    }
    if (axes->grid[axes->count - 1] > 0 && axes->grid[axes->count - 2] > 0) {
        axes->grid[0] = axes->count == 3 ? 1 : axes->grid[0];
        note_grid(config, "image_size / patch_size");
    }
    return ROPEMAP_OK;
}

/* Frames are compressed by a factor, the first one alone. */
static ropemap_status read_sample_grid(rm_config *config) {
    ropemap_axes *axes = &config->model->spec.axes;
    double frames = 0.0, factor = 0.0, height = 0.0, width = 0.0, patch = 0.0, patch_t = 0.0;
    RM_TRY(read_size(config, "sample_frames", 0, &frames));
    RM_TRY(read_size(config, "temporal_compression_ratio", 0, &factor));
    RM_TRY(read_size(config, "sample_height", 0, &height));
    RM_TRY(read_size(config, "sample_width", 0, &width));
    RM_TRY(read_size(config, "patch_size", 0, &patch));
    RM_TRY(read_size(config, "patch_size_t", 0, &patch_t));
    if (frames < 1.0 || factor < 1.0) {
        return ROPEMAP_OK;
    }
    axes->grid[0] =
        patches((double)(int64_t)((frames - 1.0) / factor) + patch_t, patch_t > 0.0 ? patch_t : 1.0);
    axes->grid[0] += patch_t > 0.0 ? 0 : 1;
    axes->grid[1] = patches(height, patch);
    axes->grid[2] = patches(width, patch);
    note_grid(config, "sample_frames, sample_height, sample_width");
    if (patch_t == 0.0) {
        rm_model_warn(config->model, "if height or width differ from the sample's, positions are not whole "
                                     "(CogVideoX 1.0), which --grid does not do");
    }
    return ROPEMAP_OK;
}

static ropemap_status read_rotates(const rm_config *config, const image_row *row) {
    bool rotates = false;
    if ((row->flags & OPTIONAL_KEY) == 0) {
        return ROPEMAP_OK;
    }
    RM_TRY(rm_config_flag(config, &config->top, "use_rotary_positional_embeddings", &rotates));
    return rotates
               ? ROPEMAP_OK
               : rm_config_fail(config, ROPEMAP_DATA,
                                "this model does not rotate: use_rotary_positional_embeddings is not true");
}

static ropemap_status read_image(rm_config *config, const image_row *row) {
    ropemap_spec *spec = &config->model->spec;
    RM_TRY(read_rotates(config, row));
    RM_TRY(read_base(config, row));
    RM_TRY(read_head(config, row));
    RM_TRY(read_axes(config, row));
    rm_config_note_number(config, "rotary_dim", spec->rotary_dim, "the axes");
    spec->layout = (row->flags & PAIRS) != 0 ? ROPEMAP_LAYOUT_INTERLEAVED : ROPEMAP_LAYOUT_HALF;
    rm_model_fact(config->model, "layout", "the class", "%s", ropemap_layout_name(spec->layout));
    if ((row->flags & COG) != 0) {
        return read_sample_grid(config);
    }
    return (row->flags & DIFFUSERS) != 0 ? ROPEMAP_OK : read_image_grid(config, row);
}

ropemap_status rm_config_image(rm_config *config, const char *layer_type, bool *is_image) {
    const char *class_name = NULL, *model_type = NULL;
    *is_image = false;
    RM_TRY(rm_config_word(config, &config->top, "_class_name", &class_name));
    RM_TRY(rm_config_word(config, &config->top, "model_type", &model_type));
    const image_row *row = class_name != NULL ? find_row(class_name, true) : find_row(model_type, false);
    if (row == NULL) {
        return refuse_unknown(config, class_name);
    }
    *is_image = true;
    config->type = class_name != NULL ? class_name : model_type;
    if (layer_type != NULL) {
        return rm_config_fail(config, ROPEMAP_USAGE, "no layer types: all layers of %s share one rule",
                              config->type);
    }
    if (row->unread != NULL) {
        return refuse(config, class_name != NULL ? "_class_name" : "model_type", row->unread);
    }
    rm_config_note(config, class_name != NULL ? "_class_name" : "model_type", config->type,
                   class_name != NULL ? "_class_name" : "model_type");
    return read_image(config, row);
}

/* ---- language models of images ---- */

/* Ernie's list is of height, width and time; older files have the pairs of time alone, or the class's. */
static void read_ernie(const rm_config *config, const json_t *list, ropemap_axes *axes) {
    const int32_t pairs = config->model->spec.rotary_dim / 2;
    const json_t *time = rm_config_value(&config->top, "freq_allocation");
    const double last = json_is_number(json_array_get(list, 2)) ? json_number_value(json_array_get(list, 2))
                        : json_is_number(time)                  ? json_number_value(time)
                                                                : 20.0;
    const int32_t of_time = last >= 0.0 && last <= (double)pairs ? (int32_t)last : pairs;
    const int32_t of_each = (pairs - of_time) / 2;
    *axes = (ropemap_axes){
        .count = 3, .deal = ROPEMAP_DEAL_TIME_LAST, .pairs = {of_time, of_each, pairs - of_time - of_each}};
}

static ropemap_status read_list(const rm_config *config, const json_t *list, ropemap_axes *axes) {
    bool interleaved = false;
    RM_TRY(rm_config_flag(config, &config->rope, "mrope_interleaved", &interleaved));
    *axes = (ropemap_axes){.deal = interleaved ? ROPEMAP_DEAL_INTERLEAVED : ROPEMAP_DEAL_SECTIONS};
    for (size_t i = 0; i < json_array_size(list) && i < ROPEMAP_MAX_AXES; i++) {
        const double pairs = json_number_value(json_array_get(list, i));
        axes->pairs[i] = pairs >= 0.0 && pairs <= ROPEMAP_MAX_PAIRS ? (int32_t)pairs : -1;
    }
    axes->count = json_array_size(list) <= ROPEMAP_MAX_AXES ? (int32_t)json_array_size(list) : 0;
    return ROPEMAP_OK;
}

ropemap_status rm_config_sections(rm_config *config) {
    const bool ernie =
        strncmp(config->known, "ernie4_5_vl", 11) == 0 || strncmp(config->known, "ernie4_5_moe_vl", 15) == 0;
    const json_t *list = rm_config_value(&config->rope, "mrope_section");
    ropemap_spec made = config->model->spec;
    if (!json_is_array(list)) {
        list = rm_config_value(&config->rope, "xdrope_section");
    }
    if (!ernie && !json_is_array(list)) {
        return ROPEMAP_OK;
    }
    if (ernie) {
        read_ernie(config, list, &made.axes);
    } else {
        RM_TRY(read_list(config, list, &made.axes));
    }
    /* Lists that do not add up are warned of where they are noted: text has its rule all the same. */
    if (ropemap_spec_check(&made, NULL) == ROPEMAP_OK) {
        config->model->spec.axes = made.axes;
    }
    if (strcmp(config->known, "hunyuan_vl_text") == 0) {
        rm_model_warn(config->model, "axes are dealt as vLLM and Tencent do it; transformers 5.24 gives the "
                                     "two elements of a pair different axes");
    }
    return ROPEMAP_OK;
}
