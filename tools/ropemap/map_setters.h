/* map_setters.h - what the options of `ropemap map` do with their values; map_options.c refers to them */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_MAP_SETTERS_H
#define ROPEMAP_TOOLS_MAP_SETTERS_H

#include "tools/ropemap/command.h"

/* Names of values, in the order of their enumerations; NULL past the last. */
const char *content_choice(int index);
const char *order_choice(int index);
const char *state_choice(int index);
const char *measure_choice(int index);
const char *pool_choice(int index);
const char *backend_choice(int index);
const char *method_choice(int index);
const char *dtype_choice(int index);
const char *colormap_choice(int index);
const char *phase_choice(int index);
const char *encoding_choice(int index);

/* Setters; `into` is a map_options. */
ropemap_status set_range(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_content(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_order(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_heads(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_index(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_state(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_first_position(void *into, const cli_option *option, const char *text,
                                  ropemap_error *error);
ropemap_status set_phase(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_diff(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_encoding(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_slope(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_tokens(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_shift(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_sections(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_measure(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_pool(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_size(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_backend(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_method(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_dtype(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_device(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_threads(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_memory(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_output(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_colormap(void *into, const cli_option *option, const char *text, ropemap_error *error);
ropemap_status set_limits(void *into, const cli_option *option, const char *text, ropemap_error *error);

#endif
