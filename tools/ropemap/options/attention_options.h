/* attention_options.h - the options of attention: scores, and which keys a query sees */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_ATTENTION_OPTIONS_H
#define ROPEMAP_TOOLS_ROPEMAP_ATTENTION_OPTIONS_H

#include "tools/ropemap/command.h"

/* They fill a ropemap_request: its scale, softmax and mask. */
extern const cli_option attention_rows[];

#endif
