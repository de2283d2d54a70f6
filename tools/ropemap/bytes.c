/* bytes.c - a count of bytes as people read it: 15.5 GiB */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/bytes.h"

#include <stdio.h>

cli_bytes bytes_shown(uint64_t bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    cli_bytes shown;
    (void)snprintf(shown.text, sizeof shown.text, "%.4g %s", value, units[unit]);
    return shown;
}
