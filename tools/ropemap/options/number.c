/* number.c - numbers as people write them: 4k, 1.5M, 5e5, 10^6, exactly or not at all */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/options/number.h"

#include "tools/ropemap/failure.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 64 }; /* characters of a number */

/* A decimal number in parts: mantissa * 10^exponent * 2^binary. */
typedef struct decimal {
    bool negative;
    bool too_long; /* more digits than the mantissa holds */
    uint64_t mantissa;
    int exponent;
    int binary;
} decimal;

static bool is_digit(char letter) {
    return letter >= '0' && letter <= '9';
}

/* Appends a digit that stands for 10^exponent. Zeros at the end wait in the exponent. */
static void append_digit(decimal *number, int digit, int exponent, int *zeros) {
    if (digit == 0) {
        *zeros += number->mantissa == 0 ? 0 : 1;
        return;
    }
    for (int shift = 0; shift <= *zeros; shift++) {
        const uint64_t add = shift == *zeros ? (uint64_t)digit : 0;
        if (number->mantissa > (UINT64_MAX - add) / 10) {
            number->too_long = true;
            return;
        }
        number->mantissa = number->mantissa * 10 + add;
    }
    *zeros = 0;
    number->exponent = exponent;
}

/* Reads DIGITS[.DIGITS]; NULL where there is no digit. */
static const char *scan_digits(const char *text, decimal *number) {
    const char *point = text;
    while (is_digit(*point)) {
        point++;
    }
    int zeros = 0;
    int digits = 0;
    for (const char *at = text; at < point; at++, digits++) {
        append_digit(number, *at - '0', (int)(point - at) - 1, &zeros);
    }
    const char *at = point;
    if (*at == '.') {
        for (at++; is_digit(*at); at++, digits++) {
            append_digit(number, *at - '0', (int)(point - at), &zeros);
        }
    }
    return digits > 0 ? at : NULL;
}

/* Reads [e[+-]DIGITS]; NULL where the digits are missing. */
static const char *scan_exponent(const char *text, decimal *number) {
    if (*text != 'e' && *text != 'E') {
        return text;
    }
    text++;
    const bool negative = *text == '-';
    text += *text == '-' || *text == '+' ? 1 : 0;
    if (!is_digit(*text)) {
        return NULL;
    }
    int exponent = 0;
    for (; is_digit(*text); text++) {
        exponent = exponent < 100000 ? exponent * 10 + (*text - '0') : exponent;
    }
    number->exponent += negative ? -exponent : exponent;
    return text;
}

static int binary_suffix(char letter) {
    switch (letter) {
    case 'k':
    case 'K':
        return 10;
    case 'M':
        return 20;
    case 'G':
        return 30;
    default:
        return 0;
    }
}

/* "10^4" as axes have it, as 1e4; any other text as it is. */
static const char *without_caret(const char *text, char copy[static LONGEST + 2]) {
    if (strncmp(text, "10^", 3) != 0) {
        return text;
    }
    (void)snprintf(copy, LONGEST + 2, "1e%s", text + 3);
    return copy;
}

/* False where `text` is no number. */
static bool scan(const char *text, decimal *number) {
    *number = (decimal){.negative = *text == '-'};
    if (strlen(text) > LONGEST) {
        return false;
    }
    const char *at = scan_digits(text + (number->negative ? 1 : 0), number);
    at = at == NULL ? NULL : scan_exponent(at, number);
    if (at == NULL) {
        return false;
    }
    number->binary = binary_suffix(*at);
    return at[number->binary != 0 ? 1 : 0] == '\0';
}

/* mantissa * 10^exponent * 2^binary where that is whole and fits in 64 bits. */
static bool exact_integer(const decimal *number, bool *whole, uint64_t *value) {
    uint64_t result = number->mantissa;
    int twos = number->binary + number->exponent;
    *whole = true;
    for (int power = number->exponent; power < 0 && result != 0; power++) {
        *whole = *whole && result % 5 == 0;
        result /= 5;
    }
    for (int power = 0; power < number->exponent && result != 0; power++) {
        if (result > UINT64_MAX / 5) {
            return false;
        }
        result *= 5;
    }
    for (; twos < 0 && result != 0; twos++) {
        *whole = *whole && result % 2 == 0;
        result /= 2;
    }
    for (; twos > 0 && result != 0; twos--) {
        if (result > UINT64_MAX / 2) {
            return false;
        }
        result *= 2;
    }
    *value = result;
    return true;
}

ropemap_status number_integer(const char *subject, const char *text, uint64_t low, uint64_t high,
                              uint64_t *value, ropemap_error *error) {
    decimal number;
    const char *wrong = NULL;
    char copy[LONGEST + 2];
    bool whole = false;
    if (!scan(without_caret(text, copy), &number)) {
        wrong = "not a number";
    } else if (number.negative && number.mantissa != 0) {
        wrong = "negative";
    } else if (number.too_long || !exact_integer(&number, &whole, value)) {
        wrong = "too large";
    } else if (!whole) {
        wrong = "not a whole number";
    } else if (*value < low) {
        wrong = "too small";
    } else if (*value > high) {
        wrong = "too large";
    }
    if (wrong == NULL) {
        return ROPEMAP_OK;
    }
    return fail(error, ROPEMAP_USAGE,
                "%s: '%.64s' is %s; give a whole number from %" PRIu64 " to %" PRIu64
                ", such as 4096, 4k or 1e5",
                subject, text, wrong, low, high);
}

/* The number nearest to a text that scan() takes, with a letter for thousands. */
static double nearest_real(const char *text, int thousands) {
    char plain[2 * LONGEST];
    const size_t digits = strcspn(text, "eE");
    const long exponent = text[digits] != '\0' ? strtol(text + digits + 1, NULL, 10) : 0;
    const size_t kept = digits < strlen(text) || thousands == 0 ? digits : digits - 1;
    (void)snprintf(plain, sizeof plain, "%.*se%ld", (int)kept, text, exponent + 3 * thousands);
    return strtod(plain, NULL);
}

ropemap_status number_real(const char *subject, const char *text, double *value, ropemap_error *error) {
    decimal number;
    char copy[LONGEST + 2];
    const char *plain = without_caret(text, copy);
    if (!scan(plain, &number)) {
        return fail(error, ROPEMAP_USAGE, "%s: '%.64s' is not a number; give one such as 1.5, 10000 or 5e5",
                    subject, text);
    }
    *value = nearest_real(plain, number.binary / 10);
    if (!isfinite(*value)) {
        return fail(error, ROPEMAP_USAGE, "%s: '%.64s' is too large; give a number below 1e308", subject,
                    text);
    }
    return ROPEMAP_OK;
}

number_words number_in_words(double value) {
    number_words words;
    ropemap_number_text(words.text, value);
    return words;
}

static double inward(double edge, bool up) {
    const double unit = edge < 1e4 ? pow(10.0, floor(log10(edge)) - 5.0) : 1.0, units = edge / unit;
    return edge == floor(edge) ? edge : (up ? ceil(units) : floor(units)) * unit;
}

number_words number_end(double low, double high, bool first) {
    number_words words = number_in_words(inward(first ? low : high, first));
    if (inward(low, true) > inward(high, false)) {
        (void)snprintf(words.text, sizeof words.text, "%.12g", first ? low : high);
    }
    return words;
}

ropemap_status number_interval(const char *subject, const char *text, double *low, double *high,
                               ropemap_error *error) {
    char first[LONGEST + 2]; /* one more than a number may have, so that number_real refuses it */
    const char *colon = strchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof first) {
        return fail(error, ROPEMAP_USAGE, "%s: '%.64s' is not two limits; write LOW:HIGH, such as -1:1",
                    subject, text);
    }
    (void)snprintf(first, sizeof first, "%.*s", (int)(colon - text), text);
    ropemap_status status = number_real(subject, first, low, error);
    if (status == ROPEMAP_OK) {
        status = number_real(subject, colon + 1, high, error);
    }
    if (status == ROPEMAP_OK && !(*low < *high)) {
        return fail(error, ROPEMAP_USAGE, "%s: '%.64s' is out of order; LOW must be below HIGH", subject,
                    text);
    }
    return status;
}

ropemap_status number_size(const char *subject, const char *text, uint64_t most, int64_t *width,
                           int64_t *height, ropemap_error *error) {
    char first[LONGEST + 1], part[128]; /* what a message about a part names */
    const size_t length = strcspn(text, "x");
    const char *second = text[length] == 'x' ? text + length + 1 : text;
    if (length == 0 || length > LONGEST || second[0] == '\0') {
        return fail(error, ROPEMAP_USAGE,
                    "%s: '%.64s' is not a size; write WIDTHxHEIGHT, or one number for both", subject, text);
    }
    (void)snprintf(first, sizeof first, "%.*s", (int)length, text);
    (void)snprintf(part, sizeof part, "%.40s%s%.64s", subject, second != text ? " " : "",
                   second != text ? text : "");
    uint64_t sides[2] = {0, 0};
    ropemap_status status = number_integer(part, first, 1, most, &sides[0], error);
    status = status == ROPEMAP_OK ? number_integer(part, second, 1, most, &sides[1], error) : status;
    *width = (int64_t)sides[0];
    *height = (int64_t)sides[1];
    return status;
}

static ropemap_status refuse_range(const char *subject, const char *text, ropemap_error *error) {
    return fail(error, ROPEMAP_USAGE,
                "%s: '%.64s' is not a range; write COUNT, FIRST:COUNT or FIRST:COUNT:STEP", subject, text);
}

/* Cuts `text` at its colons into at most three parts; 0 where there are more or it is too long. */
static int split(const char *text, char copy[static 3 * LONGEST + 3], const char *parts[static 3]) {
    if (strlen(text) > 3 * LONGEST + 2) {
        return 0;
    }
    memcpy(copy, text, strlen(text) + 1);
    int count = 1;
    parts[0] = copy;
    for (char *at = strchr(copy, ':'); at != NULL; at = strchr(at + 1, ':')) {
        if (count == 3) {
            return 0;
        }
        *at = '\0';
        parts[count++] = at + 1;
    }
    return count;
}

ropemap_status number_range(const char *subject, const char *text, int64_t first, ropemap_range *range,
                            ropemap_error *error) {
    const uint64_t end = (uint64_t)ROPEMAP_POSITION_END;
    char copy[3 * LONGEST + 3];
    const char *parts[3] = {NULL, NULL, NULL};
    const int count = split(text, copy, parts);
    if (count == 0) {
        return refuse_range(subject, text, error);
    }
    char part[128]; /* what a message about a part names */
    (void)snprintf(part, sizeof part, "%.40s%s%.64s", subject, count > 1 ? " " : "", count > 1 ? text : "");
    uint64_t begin = (uint64_t)first;
    uint64_t positions = 0;
    uint64_t step = 1;
    ropemap_status status = ROPEMAP_OK;
    if (count > 1) {
        status = number_integer(part, parts[0], 0, end - 1, &begin, error);
    }
    if (status == ROPEMAP_OK) {
        status = number_integer(part, parts[count > 1 ? 1 : 0], 1, end, &positions, error);
    }
    if (status == ROPEMAP_OK && count > 2) {
        status = number_integer(part, parts[2], 1, end, &step, error);
    }
    if (status == ROPEMAP_OK && positions - 1 > (end - 1 - begin) / step) {
        status = fail(error, ROPEMAP_USAGE,
                      "%s: '%.64s' from %" PRIu64 " has positions past the last one; all are below 2^40",
                      subject, text, begin);
    }
    *range = (ropemap_range){.first = (int64_t)begin, .count = (int64_t)positions, .step = (int64_t)step};
    return status;
}
