/* bytes.h - a count of bytes as people read it: 15.5 GiB */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_BYTES_H
#define ROPEMAP_TOOLS_BYTES_H

#include <stdint.h>

typedef struct cli_bytes {
    char text[24];
} cli_bytes;

/* In the unit that leaves one to four digits. */
cli_bytes bytes_shown(uint64_t bytes);

#endif
