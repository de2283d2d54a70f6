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

#include <cmocka.h>

/* A sanitizer makes everything slow: with one, a test that walks over hundreds of cases takes one in seven.
 */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { CASE_STEP = 7 };
#else
enum { CASE_STEP = 1 };
#endif

#endif
