/* captures.h - what a capture states, and what the options say: which of the two holds */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_CAPTURES_H
#define ROPEMAP_TOOLS_ROPEMAP_CAPTURES_H

#include "tools/ropemap/options/rule_options.h"
#include "tools/ropemap/options/tensor_options.h"
#include "tools/ropemap/options/vary.h"

/* Before rule_options_resolve: unless a model is named, the rule is that of the captured layer in the model's
 * config.json. Nothing without a capture, or where its rows are rotated by now and no rule is needed. */
void capture_take_rule(const tensor_pair *pair, rule_options *rule);

/*
 * After it: the layout and the rotating part are the capture's, with a warning where a named model has
 * another layout. ROPEMAP_DATA, with both values, where an option or the rule contradicts what was captured.
 */
ropemap_status capture_settle_rule(const tensor_pair *pair, const rule_options *rule, bool quiet,
                                   ropemap_spec *spec, ropemap_error *error);

/* What the captured layer does with the scores of its head, as far as the request's measure takes it, where
 * no option says otherwise. Nothing without a capture. */
void capture_take_attention(const tensor_pair *pair, ropemap_request *request);

/* Puts their numbers in the place of --vary head=all and layer=all. ROPEMAP_USAGE, ROPEMAP_DATA, ROPEMAP_IO.
 */
ropemap_status heads_number_all(vary_set *vary, const tensor_options *tensors, ropemap_error *error);

#endif
