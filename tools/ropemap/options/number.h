/* number.h - numbers as people write them: 4k, 1.5M, 5e5, exactly or not at all */
/* SPDX-License-Identifier: MIT */
/*
 * A number is [-]DIGITS[.DIGITS][e[+-]DIGITS][k|K|M|G]. Of what is counted (tokens, elements, bytes, pixels)
 * the letters stand for 2^10, 2^20 and 2^30, of all else (a base, a factor, a limit) for 10^3, 10^6 and 10^9.
 * `subject` is what a message names ("--base"), `text` the number. Everything else is refused with
 * ROPEMAP_USAGE. The locale plays no part: the program never leaves the C locale.
 */
#ifndef ROPEMAP_TOOLS_NUMBER_H
#define ROPEMAP_TOOLS_NUMBER_H

#include "host/ropemap_figure.h"

/* A count from `low` to `high`; 1.5k is 1536, 0.3 is refused. */
ropemap_status number_integer(const char *subject, const char *text, uint64_t low, uint64_t high,
                              uint64_t *value, ropemap_error *error);

/* A finite number, 500k being 500000; may be negative. */
ropemap_status number_real(const char *subject, const char *text, double *value, ropemap_error *error);

/* LOW:HIGH, two finite numbers, the first below the second. */
ropemap_status number_interval(const char *subject, const char *text, double *low, double *high,
                               ropemap_error *error);

/* COUNT, FIRST:COUNT or FIRST:COUNT:STEP, every position below 2^40; `first` where it is not written. */
ropemap_status number_range(const char *subject, const char *text, int64_t first, ropemap_range *range,
                            ropemap_error *error);

/* A number in a sentence or a table: "500,000". */
typedef struct number_words {
    char text[ROPEMAP_NUMBER_TEXT];
} number_words;

number_words number_in_words(double value);

/* The first or the last number of a window of bases or factors, above 0, as text: whole, or below 10,000 of
 * six digits, and rounded into the window; twelve digits where it is too narrow for that. */
number_words number_end(double low, double high, bool first);

/* WIDTHxHEIGHT, or one number for both; each from 1 to `most`. */
ropemap_status number_size(const char *subject, const char *text, uint64_t most, int64_t *width,
                           int64_t *height, ropemap_error *error);

#endif
