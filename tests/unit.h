/* unit.h - cmocka, and the headers that it and nearly every unit test need */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_UNIT_H
#define ROPEMAP_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif
#include <cmocka.h>
#ifdef __cplusplus
}
#endif

/* Few tests look at the state that cmocka hands to all. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* Fails unless a message has `words`. */
static inline void assert_says(const char *message, const char *words) {
    if (strstr(message, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", message, words);
    }
}

/* A number below 2^40, the next of the sequence that *state is a place in. */
static inline uint64_t chance_bits(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 24;
}

/* One of 0 to `below` - 1. */
static inline int chance(uint64_t *state, int below) {
    return (int)(chance_bits(state) % (uint64_t)below);
}

/*
 * A sanitizer makes everything slow: with one, a test that walks over hundreds of cases takes one in
 * CASE_STEP, and of whole maps and figures, all of which a plain build makes, one in WHOLE_STEP. What races
 * does so whatever the size: ThreadSanitizer sees one in RACE_STEP of the sizes that others see all of.
 */
#if defined(__SANITIZE_THREAD__)
enum { CASE_STEP = 7, WHOLE_STEP = 5, RACE_STEP = 7 };
#elif defined(__SANITIZE_ADDRESS__)
enum { CASE_STEP = 7, WHOLE_STEP = 5, RACE_STEP = 1 };
#else
enum { CASE_STEP = 1, WHOLE_STEP = 1, RACE_STEP = 1 };
#endif

#endif
