/* map.h - a map, from request to cells */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_MAP_H
#define ROPEMAP_HOST_MAP_MAP_H

#include "host/base/limits.h"
#include "host/base/status.h"
#include "host/data/vectors.h"
#include "host/map/grid.h"

/* ROPEMAP_USAGE, with the field, its value and the rule, where a request is out of range. */
ropemap_status rm_request_check(const ropemap_request *request, ropemap_error *error);

#endif
