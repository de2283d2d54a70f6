/* length.h - lengths on paper, in the units that people write */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_LENGTH_H
#define ROPEMAP_TOOLS_LENGTH_H

#include "tools/ropemap/command.h"

/* "180mm", "18cm", "3.5in", "255pt", "1024px" → millimetres, 1 to 5080 (200 inches). ROPEMAP_USAGE names the
 * option.
 */
ropemap_status length_parse(const cli_option *option, const char *text, double *millimetres,
                            ropemap_error *error);

#endif
