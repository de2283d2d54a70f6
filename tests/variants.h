/* variants.h - the copies of the CPU loops for each level of x86-64, forced one after another */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_VARIANTS_H
#define ROPEMAP_TESTS_VARIANTS_H

#include "host/device/backend.h"

/* "baseline", "v3", "v4"; NULL past the last. */
const char *variant_name(int index);

/*
 * Forces a variant for contexts opened from now on. False, with a line on the test's output, if this
 * CPU lacks what the variant needs; a variant that the CPU supports must open.
 */
bool variant_force(const char *name);

/* Back to the variant that the library picks. */
void variant_release(void);

#endif
