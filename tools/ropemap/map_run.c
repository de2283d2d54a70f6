/* map_run.c - the map that the options ask for */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/map_run.h"

#include "tools/ropemap/map_turning.h"

/* Takes the exact map away from `map`. */
static ropemap_status take_exact(const map_options *options, const map_inputs *inputs,
                                 const ropemap_request *like, ropemap_map *map, ropemap_error *error) {
    ropemap_map exact = {.cells = NULL};
    ropemap_request request = map_exact_request(options, inputs);
    request.progress = like->progress;
    request.progress_user = like->progress_user;
    ropemap_status status = ropemap_map_compute(&request, &exact, error);
    if (status == ROPEMAP_OK) {
        status = ropemap_map_subtract(map, &exact, error);
    }
    ropemap_map_free(&exact);
    return status;
}

ropemap_status map_run(const map_options *options, const map_inputs *inputs, ropemap_progress progress,
                       void *progress_user, ropemap_map *map, ropemap_error *error) {
    ropemap_request request = options->request;
    request.progress = progress;
    request.progress_user = progress_user;
    const ropemap_status status = ropemap_map_compute(&request, map, error);
    return status == ROPEMAP_OK && options->diff ? take_exact(options, inputs, &request, map, error) : status;
}
