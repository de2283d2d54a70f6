/* models.h - models and tensors that the page was given */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SERVE_MODELS_H
#define ROPEMAP_TOOLS_SERVE_MODELS_H

#include "tools/ropemap/options/rule_options.h"
#include "tools/ropemap/options/tensor_options.h"

enum { MODEL_ID_BYTES = 17 };

typedef struct serve_models serve_models;

/* NULL: no memory. Every function may be called from several threads. */
serve_models *models_new(void);

void models_free(serve_models *models);

/*
 * Keeps the text of a config.json, a copy of it; the same text has the same id. Where there are too many the
 * one that was used longest ago goes, unless it `stays`. ROPEMAP_RESOURCES.
 */
ropemap_status models_post(serve_models *models, const char *text, size_t bytes, bool stays,
                           char id[MODEL_ID_BYTES], ropemap_error *error);

/* Keeps the name of a file of this machine, borrowed, for good. One model may be kept so, or stay. */
void models_keep_path(serve_models *models, const char *path, char id[MODEL_ID_BYTES]);

/*
 * Makes `rule` name the model of that id, and *text a copy that it borrows, for the caller to free (NULL of a
 * file). ROPEMAP_USAGE where there is none.
 */
ropemap_status models_use(serve_models *models, const char *id, rule_options *rule, char **text,
                          ropemap_error *error);

typedef struct serve_tensors serve_tensors;

/* Nothing is opened yet. NULL: no memory. */
serve_tensors *tensors_new(void);

void tensors_free(serve_tensors *tensors);

/*
 * Opens the head and batch that the options name, or finds them open, and lends them to the options; of the
 * many heads of a large model only the first ones that were requested. Without queries does nothing. From any
 * thread. ROPEMAP_USAGE, ROPEMAP_DATA, ROPEMAP_IO, ROPEMAP_RESOURCES.
 */
ropemap_status tensors_lend(serve_tensors *tensors, tensor_options *options, ropemap_error *error);

#endif
