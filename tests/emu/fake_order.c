/* fake_order.c - which work of the stand-ins comes before which, whatever the schedule */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/fake_order.h"

#include <stdlib.h>

enum { ACCESSES = 1024 }; /* that are remembered: beyond so many, one after another is forgotten */

static fake_clock host;
static long given[FAKE_LANES]; /* goes on where a lane is taken again */
static bool taken[FAKE_LANES];
static int lanes; /* that were ever taken: the first ones */

static struct access {
    const char *call, *first, *end;
    bool writes;
    int lane;
    long number;
} accesses[ACCESSES];
static int count, oldest;

int fake_order_open(fake_clock *clock) {
    int lane = 0;
    while (lane < FAKE_LANES && taken[lane]) {
        lane++;
    }
    if (lane == FAKE_LANES) {
        abort();
    }
    taken[lane] = true;
    lanes = lane < lanes ? lanes : lane + 1;
    *clock = host;
    clock->done[lane] = given[lane];
    return lane;
}

void fake_order_close(int lane) {
    int kept = 0;
    for (int i = 0; i < count; i++) {
        if (accesses[i].lane != lane) {
            accesses[kept++] = accesses[i];
        }
    }
    count = kept;
    taken[lane] = false;
}

void fake_order_join(fake_clock *to, const fake_clock *from) {
    for (int lane = 0; lane < lanes; lane++) {
        to->done[lane] = from->done[lane] > to->done[lane] ? from->done[lane] : to->done[lane];
    }
}

void fake_order_host(const fake_clock *from) {
    fake_order_join(&host, from);
}

void fake_order_step(int lane, fake_clock *clock) {
    fake_order_join(clock, &host);
    clock->done[lane] = ++given[lane];
}

/* What came before on the same lane and touched the same, as it does: whoever waits for this waits for that.
 */
static struct access *place_of(const struct access *made) {
    for (int i = 0; i < count; i++) {
        struct access *other = &accesses[i];
        if (other->lane == made->lane && other->first == made->first && other->end == made->end &&
            other->writes == made->writes) {
            return other;
        }
    }
    if (count < ACCESSES) {
        return &accesses[count++];
    }
    oldest = (oldest + 1) % ACCESSES;
    return &accesses[oldest];
}

void fake_order_touch(const char *call, int lane, fake_clock *clock, const struct fake_range *range) {
    const char *first = range->memory, *end = first + range->bytes;
    if (range->memory == NULL || range->bytes == 0) {
        return;
    }
    fake_order_join(clock, &host);
    for (int i = 0; i < count; i++) {
        const struct access *other = &accesses[i];
        const bool meets = other->lane != lane && other->first < end && first < other->end;
        if (meets && (other->writes || range->writes) && clock->done[other->lane] < other->number) {
            fake_complain("%s %s what %s of another stream %s, and neither waits for the other", call,
                          range->writes ? "writes" : "reads", other->call,
                          other->writes ? "writes" : "reads");
        }
    }
    const struct access made = {.call = call,
                                .first = first,
                                .end = end,
                                .writes = range->writes,
                                .lane = lane,
                                .number = given[lane] + 1};
    *place_of(&made) = made;
}

void fake_order_forget(const void *memory, size_t bytes) {
    const char *first = memory, *end = first + bytes;
    int kept = 0;
    for (int i = 0; i < count; i++) {
        if (accesses[i].first >= end || first >= accesses[i].end) {
            accesses[kept++] = accesses[i];
        }
    }
    count = kept;
}
