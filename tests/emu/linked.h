/* linked.h - the CUDA backend linked into a test, in place of its plugin and of the driver */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_EMU_LINKED_H
#define ROPEMAP_EMU_LINKED_H

#include "host/device/plugin.h"

/* What rm_gpu_find answers; a test may change sizes. */
extern rm_device linked_gpu;

/* Sizes that make every loop of a small map turn more than once: two tiles a worker, of two blocks of
 * queries. */
void linked_gpu_small(void);

/*
 * Maps of tests are too small for "auto" to take a GPU. A request that asks for "cuda" and is named here asks
 * for "auto" from the moment when the backend opens, so that it may fall back to the processors.
 */
extern ropemap_request *linked_turns_auto;

/* Fails the test where a map left something behind on the device, or a stand-in has a complaint. */
void linked_check_clean(const char *name);

#endif
