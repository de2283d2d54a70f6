/* grid.c - the cells of a map: which positions each holds */
/* SPDX-License-Identifier: MIT */
#include "host/map/grid.h"
#include "host/base/status.h"

#include <inttypes.h>

ropemap_status rm_range_check(const char *name, ropemap_range range, bool both_ways, ropemap_error *error) {
    const int64_t least = both_ways ? 1 - ROPEMAP_POSITION_END : 0;
    if (range.first < least || range.first >= ROPEMAP_POSITION_END) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: the first is %" PRId64 "; give %s2^40 - 1", name,
                       range.first, both_ways ? "at most +-" : "0 to ");
    }
    if (range.count < 1) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: count is %" PRId64 "; give 1 or more", name, range.count);
    }
    if (range.step < 1 || range.step > ROPEMAP_POSITION_END) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: step is %" PRId64 "; give 1 to 2^40", name, range.step);
    }
    const int64_t room = ROPEMAP_POSITION_END - 1 - range.first; /* last - first may be this much */
    if (range.count - 1 > room / range.step) {
        return rm_fail(error, ROPEMAP_USAGE,
                       "%s: %" PRId64 " from %" PRId64 " in steps of %" PRId64
                       " pass 2^40; all must be below it",
                       name, range.count, range.first, range.step);
    }
    return ROPEMAP_OK;
}
