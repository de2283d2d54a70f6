/* number.h - numbers as a reader sees them; no locale changes them */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_NUMBER_H
#define ROPEMAP_HOST_FIGURE_NUMBER_H

#include <stdint.h>

enum { RM_NUMBER_TEXT = 64 }; /* bytes that hold any of these */

#define RM_MINUS "\u2212"

/* "131,072" */
void rm_number_grouped(char text[RM_NUMBER_TEXT], int64_t value);

/* value * 10^-digits as "\u22120.25", digits in [0, 24]. */
void rm_number_decimal(char text[RM_NUMBER_TEXT], int64_t value, int digits);

/* value * 10^-digits * 10^power as "2.5×10⁻⁹"; plain "0" for 0. */
void rm_number_scientific(char text[RM_NUMBER_TEXT], int64_t value, int digits, int power);

/* A position >= 0, exactly: "96k", "1.5M" (k = 1024) where that takes at most two decimals, else "1,000". */
void rm_number_position(char text[RM_NUMBER_TEXT], int64_t position);

/* To one decimal, halves away from zero: "0.3", "\u22121.0"; "2.5×10⁶" from a million on; "∞"; "NaN". */
void rm_number_cell(char text[RM_NUMBER_TEXT], double value);

/* A parameter, to six digits where it is no whole number: "10,000", "12345.7", "1e+30". */
void rm_number_parameter(char text[RM_NUMBER_TEXT], double value);

/* A value, to six digits: "0.5", "\u22120.25", "1.5×10⁻⁵". */
void rm_number_value(char text[RM_NUMBER_TEXT], double value);

#endif
