/* fake_order.h - which work of the stand-ins comes before which, whatever the schedule */
/* SPDX-License-Identifier: MIT */
/*
 * Each stream has a lane, in which its work has numbers; a clock says up to which number of each lane work is
 * known to be done. Two pieces of work on the same memory of which one writes must be ordered so: by a
 * stream, by an event that one waits for, or by the host, which waited for the first before it gave the
 * second. That is looked at when work is given, so that a missing order is seen under any schedule. What any
 * thread of the host waited for counts for all. All of this is called with the lock of the streams held.
 */
#ifndef ROPEMAP_EMU_FAKE_ORDER_H
#define ROPEMAP_EMU_FAKE_ORDER_H

#include "tests/emu/fake.h"

enum { FAKE_LANES = 64 };

typedef struct fake_clock {
    long done[FAKE_LANES];
} fake_clock;

/* A lane for a stream, with a clock that has seen what the host has; and back. */
int fake_order_open(fake_clock *clock);
void fake_order_close(int lane);

/* The next piece of work of a lane is given. */
void fake_order_step(int lane, fake_clock *clock);

/* What `from` knows is known to `to`, and to the host. */
void fake_order_join(fake_clock *to, const fake_clock *from);
void fake_order_host(const fake_clock *from);

/* The next piece of work of a lane will touch memory of the device. */
void fake_order_touch(const char *call, int lane, fake_clock *clock, const struct fake_range *range);

/* There is no such memory any more. */
void fake_order_forget(const void *memory, size_t bytes);

#endif
