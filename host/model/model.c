/* model.c - a model, from a file or a preset */
/* SPDX-License-Identifier: MIT */
#include "host/model/model.h"
#include "host/base/alloc.h"
#include "host/base/input.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Texts from files are shown as they are, except that characters unsafe for a terminal become '?'. */
static void make_plain(char *text) {
    bool plain = false;
    char *to = text;
    for (size_t bytes = 0; (bytes = ropemap_text_next(text, &plain)) > 0; text += bytes) {
        memmove(to, plain ? text : "?", plain ? bytes : 1);
        to += plain ? bytes : 1;
    }
    *to = '\0';
}

void rm_model_fact(ropemap_model *model, const char *name, const char *source, const char *format, ...) {
    if (model->fact_count >= RM_FACTS_MOST) {
        return;
    }
    ropemap_fact *fact = &model->facts[model->fact_count++];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(fact->value, sizeof fact->value, format, list);
    va_end(list);
    make_plain(fact->value);
    (void)snprintf(fact->name, sizeof fact->name, "%s", name);
    (void)snprintf(fact->source, sizeof fact->source, "%s", source);
    make_plain(fact->source);
}

void rm_model_warn(ropemap_model *model, const char *format, ...) {
    if (model->warning_count >= RM_WARNINGS_MOST) {
        return;
    }
    va_list list;
    char *warning = model->warnings[model->warning_count++];
    va_start(list, format);
    (void)vsnprintf(warning, RM_WARNING_BYTES, format, list);
    va_end(list);
    make_plain(warning);
}

void rm_model_warn_unused(ropemap_model *model, const char *names) {
    char listed[200];
    rm_label_make(listed, sizeof listed, names);
    if (names[0] != '\0') {
        rm_model_warn(model, "not used, so the rule may differ: %s", listed);
    }
}

/* ---- models that do not rotate */

bool rm_model_is_given(const ropemap_model_choice *choice) {
    return choice->base > 0.0 && choice->head_dim > 0;
}

ropemap_status rm_model_refuse(ropemap_model *model, const ropemap_model_choice *choice, const char *file,
                               const char *why, ropemap_error *error) {
    if (rm_model_is_given(choice)) {
        rm_model_warn(model, "this model does not rotate: %s; the options define the rule", why);
        return ROPEMAP_OK;
    }
    return rm_fail(error, ROPEMAP_DATA, "%s: this model does not rotate: %s", file, why);
}

/* ---- layers */

int32_t rm_model_layer(const char *words) {
    char *end = NULL;
    if (words == NULL || words[0] < '0' || words[0] > '9') {
        return -1;
    }
    const long number = strtol(words, &end, 10);
    return *end != '\0' ? -1 : number > INT32_MAX ? INT32_MAX : (int32_t)number;
}

void rm_model_layer_list(const bool *in, int32_t count, char *text, size_t size) {
    enum { LISTED_MOST = 44 };
    char listed[90] = "";
    int held = 0;
    for (int32_t i = 0; i < count; i++) {
        int32_t end = i;
        if (!in[i]) {
            continue;
        }
        while (end + 1 < count && in[end + 1]) {
            end++;
        }
        const size_t length = strlen(listed);
        held += end - i + 1;
        if (length < LISTED_MOST) {
            (void)snprintf(listed + length, sizeof listed - length, end > i ? "%s%d-%d" : "%s%d",
                           length == 0 ? "" : ", ", (int)i, (int)end);
        } else if (listed[length - 1] != '.') {
            (void)snprintf(listed + length, sizeof listed - length, ", ...");
        }
        i = end;
    }
    (void)snprintf(text, size, "%s (%d of %d)", listed, held, (int)count);
}

/* ---- opening */

static ropemap_status start(const char *name, ropemap_model **model, ropemap_error *error) {
    *model = rm_alloc(1, sizeof **model);
    if (*model == NULL) {
        return rm_fail_memory(error, "model", sizeof **model);
    }
    (*model)->spec = ropemap_spec_default();
    (*model)->spec.head_dim = 0;
    (void)snprintf((*model)->name, sizeof(*model)->name, "%s", name);
    make_plain((*model)->name);
    return ROPEMAP_OK;
}

/* An invalid rule is the file's fault: the check's message, with the file's name before it. */
static ropemap_status finish(ropemap_status status, const char *name, ropemap_model **model,
                             ropemap_error *error) {
    ropemap_error reason = {0};
    if (status == ROPEMAP_OK && ropemap_spec_check(&(*model)->spec, &reason) != ROPEMAP_OK) {
        status = rm_fail(error, ROPEMAP_DATA, "%.200s: %.290s", name, reason.text);
    }
    if (status != ROPEMAP_OK) {
        ropemap_model_free(*model);
        *model = NULL;
    }
    return status;
}

static const ropemap_model_choice none = {.layer_type = NULL};

ropemap_status ropemap_model_parse(const char *text, size_t bytes, const char *name,
                                   const ropemap_model_choice *choice, ropemap_model **model,
                                   ropemap_error *error) {
    RM_TRY(start(name, model, error));
    return finish(rm_config_read(text, bytes, name, choice != NULL ? choice : &none, *model, error), name,
                  model, error);
}

static ropemap_status parse_file(const rm_input *input, const ropemap_model_choice *choice,
                                 ropemap_model **model, ropemap_error *error) {
    if (input->size > RM_CONFIG_MAX) {
        return rm_fail(error, ROPEMAP_DATA, "%s: %" PRIu64 " bytes; a config.json has at most %d",
                       input->name, input->size, RM_CONFIG_MAX);
    }
    char *text = rm_alloc_raw(input->size + 1, 1);
    if (text == NULL) {
        return rm_fail_memory(error, "config", input->size);
    }
    ropemap_status status = rm_input_read(input, 0, input->size, text, error);
    if (status == ROPEMAP_OK) {
        status = ropemap_model_parse(text, (size_t)input->size, input->name, choice, model, error);
    }
    rm_free(text);
    return status;
}

static ropemap_status open_gguf(const char *path, const ropemap_model_choice *choice, ropemap_model **model,
                                ropemap_error *error) {
    RM_TRY(start(path, model, error));
    return finish(rm_gguf_read(path, choice != NULL ? choice : &none, *model, error), path, model, error);
}

/* GGUF by name or by first bytes, so that a broken file gets GGUF's errors. */
static ropemap_status is_gguf(const rm_input *input, const char *path, bool *gguf, ropemap_error *error) {
    const size_t length = strlen(path);
    char magic[4] = {0};
    *gguf = length >= 5 && strcmp(path + length - 5, ".gguf") == 0;
    if (!*gguf && input->size >= sizeof magic) {
        RM_TRY(rm_input_read(input, 0, sizeof magic, magic, error));
        *gguf = memcmp(magic, "GGUF", sizeof magic) == 0;
    }
    return ROPEMAP_OK;
}

static ropemap_status open_file(const char *path, const ropemap_model_choice *choice, ropemap_model **model,
                                ropemap_error *error) {
    rm_input input;
    bool gguf = false;
    RM_TRY(rm_input_open(path, &input, error));
    ropemap_status status = is_gguf(&input, path, &gguf, error);
    if (status == ROPEMAP_OK && !gguf) {
        status = parse_file(&input, choice, model, error);
    }
    rm_input_close(&input);
    return status == ROPEMAP_OK && gguf ? open_gguf(path, choice, model, error) : status;
}

/* A folder's config.json, or its params.json where it has no other. */
static ropemap_status open_folder(const char *path, const ropemap_model_choice *choice, ropemap_model **model,
                                  ropemap_error *error) {
    struct stat found;
    const uint64_t bytes = strlen(path) + sizeof "/config.json";
    char *file = rm_alloc_raw(bytes, 1);
    if (file == NULL) {
        return rm_fail_memory(error, "name", bytes);
    }
    (void)snprintf(file, bytes, "%s/params.json", path);
    const bool params = stat(file, &found) == 0;
    (void)snprintf(file, bytes, "%s/config.json", path);
    if (params && stat(file, &found) != 0) {
        (void)snprintf(file, bytes, "%s/params.json", path);
    }
    const ropemap_status status = open_file(file, choice, model, error);
    rm_free(file);
    return status;
}

ropemap_status ropemap_model_open(const char *path, const ropemap_model_choice *choice, ropemap_model **model,
                                  ropemap_error *error) {
    struct stat found;
    *model = NULL;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode) ? open_folder(path, choice, model, error)
                                                             : open_file(path, choice, model, error);
}

void ropemap_model_free(ropemap_model *model) {
    rm_free(model);
}

/* ---- accessors */

const ropemap_spec *ropemap_model_spec(const ropemap_model *model) {
    return &model->spec;
}

const char *ropemap_model_name(const ropemap_model *model) {
    return model->name;
}

int64_t ropemap_model_trained_length(const ropemap_model *model) {
    return model->trained_length;
}

const ropemap_fact *ropemap_model_fact(const ropemap_model *model, int32_t index) {
    return index >= 0 && index < model->fact_count ? &model->facts[index] : NULL;
}

const char *ropemap_model_warning(const ropemap_model *model, int32_t index) {
    return index >= 0 && index < model->warning_count ? model->warnings[index] : NULL;
}
