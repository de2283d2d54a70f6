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

#endif
