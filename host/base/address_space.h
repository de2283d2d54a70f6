/* address_space.h - room held free for a library that does not bear to find none */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BASE_ADDRESS_SPACE_H
#define ROPEMAP_HOST_BASE_ADDRESS_SPACE_H

#include <stddef.h>

/* Addresses without memory behind them: they count only against a limit as `ulimit -v` sets it. NULL: no
 * room. */
void *rm_address_space_hold(size_t bytes);
void rm_address_space_give(void *held, size_t bytes); /* NULL is fine */

#endif
