/* number.c - numbers as a reader sees them; no locale changes them */
/* SPDX-License-Identifier: MIT */
#include "host/figure/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *sign_of(int64_t value) {
    return value < 0 ? RM_MINUS : "";
}

static uint64_t magnitude_of(int64_t value) {
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

void rm_number_grouped(char text[RM_NUMBER_TEXT], int64_t value) {
    char digits[24];
    const int count = snprintf(digits, sizeof digits, "%" PRIu64, magnitude_of(value));
    int end = snprintf(text, RM_NUMBER_TEXT, "%s", sign_of(value));
    for (int digit = 0; digit < count; digit++) {
        if (digit > 0 && (count - digit) % 3 == 0) {
            text[end++] = ',';
        }
        text[end++] = digits[digit];
    }
    text[end] = '\0';
}

void rm_number_decimal(char text[RM_NUMBER_TEXT], int64_t value, int digits) {
    char all[32]; /* a digit before the point at least */
    const int count = snprintf(all, sizeof all, "%0*" PRIu64, digits + 1, magnitude_of(value));
    const int whole = count - digits;
    (void)snprintf(text, RM_NUMBER_TEXT, "%s%.*s%s%s", sign_of(value), whole, all, digits > 0 ? "." : "",
                   all + whole);
}

/* Adds "×10⁻⁹". */
static void add_power(char text[RM_NUMBER_TEXT], int power) {
    static const char *const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char exponent[8];
    const int count = snprintf(exponent, sizeof exponent, "%d", abs(power) % 1000);
    size_t end = strlen(text);
    end += (size_t)snprintf(text + end, RM_NUMBER_TEXT - end, "×10%s", power < 0 ? "⁻" : "");
    for (int digit = 0; digit < count && end < RM_NUMBER_TEXT; digit++) {
        end += (size_t)snprintf(text + end, RM_NUMBER_TEXT - end, "%s", raised[exponent[digit] - '0']);
    }
}

void rm_number_scientific(char text[RM_NUMBER_TEXT], int64_t value, int digits, int power) {
    if (value == 0) {
        (void)snprintf(text, RM_NUMBER_TEXT, "0");
        return;
    }
    rm_number_decimal(text, value, digits);
    add_power(text, power);
}

void rm_number_position(char text[RM_NUMBER_TEXT], int64_t position) {
    static const char suffix[] = {'k', 'M', 'G'};
    for (int unit = 2; unit >= 0; unit--) {
        const int bits = 10 * (unit + 1);
        const int64_t quarters = position >> (bits - 2);
        if (position >> bits == 0 || quarters << (bits - 2) != position) {
            continue;
        }
        if (quarters % 4 == 0) {
            rm_number_grouped(text, quarters / 4);
        } else {
            rm_number_decimal(text, quarters % 2 == 0 ? quarters / 2 * 5 : quarters * 25,
                              quarters % 2 == 0 ? 1 : 2);
        }
        const size_t end = strlen(text);
        text[end] = suffix[unit];
        text[end + 1] = '\0';
        return;
    }
    rm_number_grouped(text, position);
}

void rm_number_cell(char text[RM_NUMBER_TEXT], double value) {
    if (isnan(value)) {
        (void)snprintf(text, RM_NUMBER_TEXT, "NaN");
    } else if (isinf(value)) {
        (void)snprintf(text, RM_NUMBER_TEXT, "%s∞", value < 0.0 ? RM_MINUS : "");
    } else if (fabs(value) < 999999.95) {
        rm_number_decimal(text, (int64_t)llround(value * 10.0), 1);
    } else {
        int power = (int)floor(log10(fabs(value)));
        int64_t tenths = (int64_t)llround(value / pow(10.0, power) * 10.0);
        if (tenths >= 100 || tenths <= -100) {
            tenths /= 10;
            power++;
        }
        rm_number_scientific(text, tenths, 1, power);
    }
}

void rm_number_parameter(char text[RM_NUMBER_TEXT], double value) {
    if (fabs(value) < 1e12 && value == floor(value)) {
        rm_number_grouped(text, (int64_t)value);
        return;
    }
    char printed[RM_NUMBER_TEXT];
    (void)snprintf(printed, sizeof printed, "%.6g", value);
    /* The one run of bytes that no number is written with is the locale's decimal point. */
    size_t end = 0;
    bool point = false;
    for (const char *byte = printed; *byte != '\0'; byte++) {
        const bool plain = !isfinite(value) || strchr("0123456789+-e", *byte) != NULL;
        if (plain || !point) {
            text[end++] = plain ? *byte : '.';
        }
        point = !plain;
    }
    text[end] = '\0';
}

void rm_number_value(char text[RM_NUMBER_TEXT], double value) {
    char printed[RM_NUMBER_TEXT];
    rm_number_parameter(printed, value);
    const bool negative = printed[0] == '-';
    char *exponent = isfinite(value) ? strchr(printed, 'e') : NULL;
    if (exponent != NULL) {
        *exponent = '\0';
    }
    (void)snprintf(text, RM_NUMBER_TEXT, "%s%.32s", negative ? RM_MINUS : "", printed + (negative ? 1 : 0));
    if (exponent != NULL) {
        add_power(text, (int)strtol(exponent + 1, NULL, 10));
    }
}
