/* tensors.h - the command line's tensors, which stay open between requests */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SERVE_TENSORS_H
#define ROPEMAP_TOOLS_SERVE_TENSORS_H

#include "tools/ropemap/map_options.h"

typedef struct serve_tensors serve_tensors;

/* Of FILE[:TENSOR], borrowed; NULL: there are none. Nothing is opened yet. NULL: no memory. */
serve_tensors *tensors_new(const char *queries, const char *keys, tensor_heads heads);
void tensors_free(serve_tensors *tensors);

/*
 * Opens a head and batch, as `like` says, or finds them open, and lends them; of the many heads of a large
 * model the first ones asked for, and else NULL. From any thread. ROPEMAP_USAGE, ROPEMAP_DATA, ROPEMAP_IO,
 * ROPEMAP_RESOURCES.
 */
ropemap_status tensors_lend(serve_tensors *tensors, const ropemap_tensor *like, ropemap_vectors **queries,
                            ropemap_vectors **keys, ropemap_error *error);

#endif
