/* length.c - lengths on paper, in the units that people write */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/length.h"

#include "tools/ropemap/failure.h"
#include "tools/ropemap/number.h"
#include "tools/ropemap/options.h"

#include <stdio.h>
#include <string.h>

/* What the library takes; a point is 1/72 inch and a pixel 1/96 inch, as in CSS. */
#define LEAST 1.0
#define MOST  5080.0
static const struct {
    const char *name;
    double millimetres;
} units[] = {{"mm", 1.0}, {"cm", 10.0}, {"in", 25.4}, {"pt", 25.4 / 72.0}, {"px", 25.4 / 96.0}};

ropemap_status length_parse(const cli_option *option, const char *text, double *millimetres,
                            ropemap_error *error) {
    const size_t length = strlen(text);
    for (size_t unit = 0; unit < sizeof units / sizeof units[0]; unit++) {
        char number[80];
        if (length < 3 || length > sizeof number || strcmp(text + length - 2, units[unit].name) != 0) {
            continue;
        }
        (void)snprintf(number, sizeof number, "%.*s", (int)length - 2, text);
        double value = 0.0;
        const ropemap_status status =
            number_real(option_subject_of(option, text).text, number, &value, error);
        *millimetres = value * units[unit].millimetres;
        const bool fits = *millimetres >= LEAST && *millimetres <= MOST;
        return status != ROPEMAP_OK || fits
                   ? status
                   : fail(error, ROPEMAP_USAGE, "--%s: '%.64s', expected %.0f mm to %.0f mm (200 inches)",
                          option->name, text, LEAST, MOST);
    }
    return fail(error, ROPEMAP_USAGE,
                "--%s: '%.64s', expected a number with its unit: mm, cm, in, pt or px, such as 180mm",
                option->name, text);
}
