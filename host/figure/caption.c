/* caption.c - the words of a figure: title, subtitle, labels and footnote */
/* SPDX-License-Identifier: MIT */
#include "host/base/status.h"
#include "host/figure/heatmap.h"
#include "host/figure/lettering.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A line of parts with something between them. */
typedef struct line {
    char *text;
    size_t size;
    const char *between;
} line;

/* Adds a part; one that does not fit whole is left out. */
static void append(line to, const char *format, ...) RM_PRINTF(2, 3);

static void append(line to, const char *format, ...) {
    char part[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(part, sizeof part, format, arguments);
    va_end(arguments);
    const size_t end = strlen(to.text), bytes = strlen(part), apart = end > 0 ? strlen(to.between) : 0;
    if (end + apart + bytes < to.size) {
        memcpy(to.text + end, to.between, apart);
        memcpy(to.text + end + apart, part, bytes + 1);
    }
}

/* ---- the footnote ---- */

/* "contours at 0, 0.25 and 0.5" */
static void describe_contours(line note, const ropemap_figure *figure) {
    char text[sizeof figure->contours / sizeof *figure->contours * RM_NUMBER_TEXT] = "";
    const int32_t count = figure->contour_count;
    for (int32_t at = 0; at < count; at++) {
        char value[RM_NUMBER_TEXT];
        ropemap_number_text(value, figure->contours[at]);
        append((line){.text = text, .size = sizeof text, .between = at == count - 1 ? " and " : ", "}, "%s",
               value);
    }
    if (count > 0) {
        append(note, "contour%s at %s", count == 1 ? "" : "s", text);
    }
}

void rm_footnote_write(char text[RM_TEXT_BYTES], const ropemap_figure *figure, int64_t trained) {
    const line note = {.text = text, .size = RM_TEXT_BYTES, .between = "; "};
    char number[RM_NUMBER_TEXT];
    text[0] = '\0';
    describe_contours(note, figure);
    if (figure->percentile > 0.0) {
        ropemap_number_text(number, 100.0 * figure->percentile);
        append(note, "%s %% of the cells beyond each end of the colours", number);
    }
    if (trained > 0) {
        rm_number_grouped(number, trained);
        append(note, "dashed: trained %s", number);
    }
}

/* ---- title, subtitle and labels ---- */

void ropemap_scaling_title(char text[ROPEMAP_SCALING_TITLE], const ropemap_scaling *scaling) {
    static const char *const proper[] = {[ROPEMAP_SCALING_NTK] = "NTK",
                                         [ROPEMAP_SCALING_DYNAMIC] = "dynamic NTK",
                                         [ROPEMAP_SCALING_YARN] = "YaRN",
                                         [ROPEMAP_SCALING_LONGROPE] = "LongRoPE",
                                         [ROPEMAP_SCALING_LLAMA3] = "Llama 3"};
    const char *own = (size_t)scaling->rule < sizeof proper / sizeof *proper ? proper[scaling->rule] : NULL;
    const char *name = own != NULL ? own : ropemap_scaling_name(scaling->rule);
    const double numbers[] = {scaling->factor, scaling->alpha, scaling->max_length / scaling->original_length,
                              scaling->freq_scale > 0.0 ? 1.0 / scaling->freq_scale : 0.0};
    text[0] = '\0';
    if (scaling->rule == ROPEMAP_SCALING_NONE) {
        return;
    }
    if (scaling->rule == ROPEMAP_SCALING_GGML && scaling->list_count > 0) {
        (void)snprintf(text, ROPEMAP_SCALING_TITLE, "a divisor per pair");
        return;
    }
    (void)snprintf(text, ROPEMAP_SCALING_TITLE, "%.40s scaling", name == NULL ? "unknown" : name);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (numbers[i] > 0.0 && numbers[i] < 1e12) {
            char number[RM_NUMBER_TEXT];
            ropemap_number_text(number, numbers[i]);
            append((line){.text = text, .size = ROPEMAP_SCALING_TITLE, .between = " by "}, "%s", number);
            break;
        }
    }
    if (scaling->rotated > 0.0) { /* a share, which nothing is scaled by */
        char share[RM_NUMBER_TEXT];
        ropemap_number_text(share, scaling->rotated);
        append((line){.text = text, .size = ROPEMAP_SCALING_TITLE, .between = " "}, "of %s of the pairs",
               share);
    }
}

const char *ropemap_encoding_title(ropemap_encoding encoding) {
    static const char *const titles[] = {
        "RoPE similarity", "Sinusoidal similarity",        "ALiBi score",
        "xPos similarity", "Similarity without positions", "RoPE similarity, dual chunks"};
    return (size_t)encoding < sizeof titles / sizeof titles[0] ? titles[encoding] : "Similarity";
}

static void describe_rule(line title, const ropemap_request *request) {
    const ropemap_spec *spec = &request->spec;
    char base[RM_NUMBER_TEXT], scaling[ROPEMAP_SCALING_TITLE];
    ropemap_number_text(base, spec->base);
    ropemap_scaling_title(scaling, &spec->scaling);
    const bool softmax = request->measure == ROPEMAP_MEASURE_SOFTMAX;
    const bool logits = request->measure == ROPEMAP_MEASURE_SCALED && request->queries != NULL;
    if (request->already_rotated) {
        append(title, "%s of rotated vectors",
               softmax  ? "Attention"
               : logits ? "Attention logits"
                        : "Similarity");
        append(title, "d = %" PRId32, spec->head_dim);
        return;
    }
    append(title, "%s",
           softmax && request->encoding.kind == ROPEMAP_ENCODING_NOPE ? "Attention without positions"
           : softmax                                                  ? "Attention with RoPE"
           : logits && request->encoding.kind == ROPEMAP_ENCODING_ROPE
               ? "Attention logits with RoPE"
               : ropemap_encoding_title(request->encoding.kind));
    if (request->encoding.kind == ROPEMAP_ENCODING_ALIBI) {
        char slope[RM_NUMBER_TEXT];
        ropemap_number_text(slope, request->encoding.slope != 0.0 ? request->encoding.slope : ROPEMAP_SLOPE);
        append(title, "slope %s", slope);
    }
    if (request->encoding.kind == ROPEMAP_ENCODING_ALIBI || request->encoding.kind == ROPEMAP_ENCODING_NOPE) {
        append(title, "d = %" PRId32, spec->head_dim);
        return;
    }
    if (spec->frequencies != NULL) {
        append(title, "frequencies of %s",
               spec->frequencies->name != NULL ? spec->frequencies->name : "a table");
    } else {
        append(title, "base %s", base);
    }
    if (scaling[0] != '\0') {
        append(title, "%s", scaling);
    }
    append(title, "d = %" PRId32, spec->head_dim);
    if (ropemap_axes_apart(&spec->axes)) {
        char axes[80];
        ropemap_axes_format(&spec->axes, axes, sizeof axes);
        append(title, "axes %s", axes);
    }
    if (spec->rotary_dim != 0 && spec->rotary_dim != spec->head_dim) {
        append(title, "%" PRId32 " rotated", spec->rotary_dim);
    }
    if (spec->layout == ROPEMAP_LAYOUT_INTERLEAVED &&
        request->queries != NULL) { /* else it changes nothing */
        append(title, "interleaved");
    }
}

static void describe_positions(line subtitle, const ropemap_range *rows, const ropemap_range *cols) {
    char down[RM_NUMBER_TEXT], across[RM_NUMBER_TEXT], first[RM_NUMBER_TEXT], step[RM_NUMBER_TEXT];
    rm_number_grouped(down, rows->count);
    rm_number_grouped(across, cols->count);
    rm_number_grouped(first, rows->first);
    rm_number_grouped(step, rows->step);
    const bool same_grid = rows->first == cols->first && rows->step == cols->step;
    if (same_grid && rows->count == cols->count) {
        append(subtitle, "%s position%s%s%s%s%s", down, rows->count == 1 ? "" : "s",
               rows->first == 0 ? "" : " from ", rows->first == 0 ? "" : first,
               rows->step == 1 ? "" : " in steps of ", rows->step == 1 ? "" : step);
    } else { /* where they differ the axes show it */
        append(subtitle, "%s query × %s key positions", down, across);
    }
}

/* Whether a cell is one pair, which mean, mass, minimum and maximum leave as it is. */
static bool is_plain(const ropemap_request *request, const ropemap_map *map) {
    const ropemap_pool pool = request->pool;
    const bool keeps = pool == ROPEMAP_POOL_MASS || pool == ROPEMAP_POOL_MEAN || pool == ROPEMAP_POOL_MIN ||
                       pool == ROPEMAP_POOL_MAX;
    return keeps && map->height == request->rows.count && map->width == request->cols.count;
}

/* "mean of 128 × 128 dot products": how many, where every cell has as many. */
static void describe_cells(line subtitle, const ropemap_request *request, const ropemap_map *map) {
    static const char *const words[] = {
        [ROPEMAP_MEASURE_DOT] = "dot products",
        [ROPEMAP_MEASURE_SCALED] = "scaled dot products",
        [ROPEMAP_MEASURE_COSINE] = "cosines",
        [ROPEMAP_MEASURE_SOFTMAX] = "attention weights",
    };
    const bool known = (size_t)request->measure < sizeof words / sizeof *words;
    const char *measure = known ? words[request->measure] : "similarities";
    if (is_plain(request, map)) {
        append(subtitle, "%s", measure);
        return;
    }
    const bool mass = request->pool == ROPEMAP_POOL_MASS;
    const char *pool = ropemap_pool_words(request->pool);
    const bool single = map->height == request->rows.count && map->width == request->cols.count;
    const bool even = !single && map->height > 0 && map->width > 0 &&
                      request->rows.count % map->height == 0 && request->cols.count % map->width == 0;
    if (!even) {
        append(subtitle, "%s%s%s", mass ? "" : pool, mass ? "" : " of ", mass ? "mass on keys" : measure);
        return;
    }
    char down[RM_NUMBER_TEXT], across[RM_NUMBER_TEXT];
    rm_number_grouped(down, request->rows.count / map->height);
    rm_number_grouped(across, request->cols.count / map->width);
    if (request->pool == ROPEMAP_POOL_MASS) {
        append(subtitle, "mass on %s keys, mean of %s queries", across, down);
        return;
    }
    append(subtitle, "%s of %s × %s %s", pool, down, across, measure);
}

/* The end of a label, which distinguishes files and tensors, of at most `most` bytes and a sign before it. */
static void shorten(char out[80], const char *label, size_t most) {
    const size_t length = strlen(label);
    const char *tail = length <= most ? label : label + length - most + 2;
    while (((unsigned char)*tail & 0xc0) == 0x80) {
        tail++;
    }
    (void)snprintf(out, 80, "%s%s", length <= most ? "" : "…", tail);
}

static void describe_content(line subtitle, const ropemap_request *request, bool constant) {
    const char *of_queries = request->queries == NULL ? "ones" : ropemap_vectors_label(request->queries);
    const char *of_keys = request->keys == NULL ? "ones" : ropemap_vectors_label(request->keys);
    char queries[80], keys[80];
    const bool same = strcmp(of_queries, of_keys) == 0;
    shorten(queries, of_queries, same ? 60 : 30);
    shorten(keys, of_keys, 30);
    if (request->queries == NULL && request->keys == NULL) {
        if (constant) {
            append(subtitle, "constant vectors");
        }
    } else if (same) {
        append(subtitle, "vectors %s", queries);
    } else if (strcmp(of_queries, "queries") != 0 || strcmp(of_keys, "keys") != 0) { /* of memory, unnamed */
        append(subtitle, "queries %s, keys %s", queries, keys);
    }
}

static void describe_chunks(line subtitle, const ropemap_request *request) {
    char chunk[RM_NUMBER_TEXT], local[RM_NUMBER_TEXT];
    rm_number_grouped(chunk, request->encoding.chunk != 0 ? request->encoding.chunk : ROPEMAP_CHUNK);
    rm_number_grouped(local, request->encoding.local != 0 ? request->encoding.local : ROPEMAP_LOCAL);
    append(subtitle, "chunks of %s, %s local", chunk, local);
}

/* "causal, window 4,096, first 4 tokens, scores capped at 50" */
static void describe_mask(line subtitle, const ropemap_request *request) {
    const ropemap_mask *mask = &request->mask;
    char number[RM_NUMBER_TEXT];
    if (mask->causal) {
        append(subtitle, "causal");
    }
    const struct {
        int64_t tokens;
        const char *before, *after;
    } parts[] = {{mask->window, "window of ", ""},
                 {mask->chunk, "chunks of ", ""},
                 {mask->sink_tokens, "first ", mask->sink_tokens == 1 ? " token" : " tokens"}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].tokens != 0) {
            rm_number_grouped(number, parts[i].tokens);
            append(subtitle, "%s%s%s", parts[i].before, number, parts[i].after);
        }
    }
    const double numbers[] = {request->scale, request->softmax.softcap, request->softmax.sink_logit};
    const bool shown[] = {request->scale != 0.0, request->softmax.softcap != 0.0, request->softmax.has_sink};
    static const char *const words[] = {"scale ", "scores capped at ", "sink logit "};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (shown[i]) {
            ropemap_number_text(number, numbers[i]);
            append(subtitle, "%s%s", words[i], number);
        }
    }
}

static void describe_value(char *label, size_t size, const ropemap_request *request, const ropemap_map *map) {
    static const char *const symbols[] = {
        [ROPEMAP_MEASURE_DOT] = "q · k",
        [ROPEMAP_MEASURE_SCALED] = "q · k / √d",
        [ROPEMAP_MEASURE_COSINE] = "cosine of q and k",
        [ROPEMAP_MEASURE_SOFTMAX] = "attention weight",
    };
    const bool known = (size_t)request->measure < sizeof symbols / sizeof *symbols;
    const bool plain = is_plain(request, map), alibi = request->encoding.kind == ROPEMAP_ENCODING_ALIBI;
    if (!plain && request->pool == ROPEMAP_POOL_MASS) {
        (void)snprintf(label, size, "attention mass per cell");
        return;
    }
    (void)snprintf(label, size, "%s%s%s%s", plain ? "" : ropemap_pool_words(request->pool),
                   plain ? "" : " of ", known ? symbols[request->measure] : "similarity",
                   alibi && request->measure != ROPEMAP_MEASURE_SOFTMAX ? " − slope × distance" : "");
}

ropemap_figure ropemap_figure_default(const ropemap_request *request, const ropemap_map *map) {
    ropemap_figure figure = {
        .row_label = "query position (tokens)",
        .col_label = "key position (tokens)",
        .panel = {.map = map, .rows = request->rows, .cols = request->cols},
        .colormap = ROPEMAP_COLORMAP_AUTO,
    };
    const line title = {.text = figure.title, .size = sizeof figure.title, .between = ", "};
    const line subtitle = {.text = figure.subtitle, .size = sizeof figure.subtitle, .between = ", "};
    const line all = {.text = figure.description, .size = sizeof figure.description, .between = ", "};
    describe_rule(title, request);
    describe_positions(all, &request->rows, &request->cols);
    describe_cells(all, request, map);
    if (request->rows.step != 1 || request->cols.step != 1) { /* what neither axes nor labels show */
        describe_positions(subtitle, &request->rows, &request->cols);
    }
    for (int both = 0; both < 2; both++) {
        const line to = both == 0 ? subtitle : all;
        describe_mask(to, request);
        if (request->encoding.kind == ROPEMAP_ENCODING_XPOS && !request->mask.causal) {
            append(to, "shrinking both ways"); /* above the diagonal the formula itself would grow */
        }
        if (request->encoding.kind == ROPEMAP_ENCODING_DUAL_CHUNK) {
            describe_chunks(to, request);
        }
        describe_content(to, request, both == 1);
    }
    const char *method =
        map->plan.method == ROPEMAP_METHOD_AUTO ? NULL : ropemap_method_name(map->plan.method);
    if (method != NULL && request->measure != ROPEMAP_MEASURE_SOFTMAX) { /* which has one */
        append(all, "%s method", method);
    }
    describe_value(figure.value_label, sizeof figure.value_label, request, map);
    return figure;
}
