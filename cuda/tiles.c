/* tiles.c - the order between the stream that makes tiles and the one that pools them */
/* SPDX-License-Identifier: MIT */
/*
 * Whoever reads a tile waits for what made it, whoever overwrites it for what pooled it. Tiles are known by
 * where they lie; of those that are not known any more, pooling was waited for.
 */
#include "cuda/context.h"

static const char *end_of(rm_view memory) {
    return memory.rows > 0 ? (const char *)(memory.data + (memory.rows - 1) * memory.stride + memory.cols)
                           : (const char *)memory.data;
}

static bool meets(const rm_tile *tile, rm_view memory) {
    return tile->first != NULL && tile->first < end_of(memory) && (const char *)memory.data < tile->end;
}

static ropemap_status wait_for_pooling(rm_context *context, rm_tile *tile, ropemap_error *error) {
    if (tile->pooling) {
        RM_CUDA(context, error, cudaStreamWaitEvent(context->compute, tile->pooled, 0));
        tile->pooling = false;
    }
    return ROPEMAP_OK;
}

ropemap_status rm_tile_overwrite(rm_context *context, rm_view memory, ropemap_error *error) {
    for (int32_t i = 0; i < RM_TILES; i++) {
        rm_tile *tile = &context->tiles[i];
        if (meets(tile, memory)) {
            RM_TRY(wait_for_pooling(context, tile, error));
            tile->first = tile->end = NULL;
        }
    }
    return ROPEMAP_OK;
}

/* A place for a tile: a free one, or the oldest one's, whose pooling is waited for, as it is forgotten. */
static ropemap_status take(rm_context *context, rm_view memory, rm_tile **taken, ropemap_error *error) {
    int32_t at = context->next_tile;
    for (int32_t i = 0; i < RM_TILES; i++) {
        at = context->tiles[i].first == NULL ? i : at;
    }
    rm_tile *tile = &context->tiles[at];
    RM_TRY(wait_for_pooling(context, tile, error));
    context->next_tile = (at + 1) % RM_TILES;
    tile->first = (const char *)memory.data;
    tile->end = end_of(memory);
    tile->fresh = true;
    *taken = tile;
    return ROPEMAP_OK;
}

ropemap_status rm_tile_made(rm_context *context, rm_view memory, ropemap_error *error) {
    rm_tile *tile = NULL;
    return take(context, memory, &tile, error);
}

ropemap_status rm_tile_read(rm_context *context, rm_view memory, rm_tile **read, ropemap_error *error) {
    rm_tile *tile = NULL;
    for (int32_t i = 0; i < RM_TILES && tile == NULL; i++) {
        tile = meets(&context->tiles[i], memory) ? &context->tiles[i] : NULL;
    }
    if (tile == NULL) {
        RM_TRY(take(context, memory, &tile, error));
    }
    if (tile->fresh) {
        RM_CUDA(context, error, cudaEventRecord(context->made, context->compute));
        RM_CUDA(context, error, cudaStreamWaitEvent(context->pooling, context->made, 0));
        tile->fresh = false;
    }
    *read = tile;
    return ROPEMAP_OK;
}

ropemap_status rm_tile_pooled(rm_context *context, rm_tile *read, ropemap_error *error) {
    RM_CUDA(context, error, cudaEventRecord(read->pooled, context->pooling));
    read->pooling = true;
    return ROPEMAP_OK;
}

ropemap_status rm_tile_pause(rm_context *context, ropemap_error *error) {
    RM_CUDA(context, error, cudaEventRecord(context->made, context->pooling));
    RM_CUDA(context, error, cudaStreamWaitEvent(context->compute, context->made, 0));
    return ROPEMAP_OK;
}

ropemap_status rm_tile_go_on(rm_context *context, ropemap_error *error) {
    RM_CUDA(context, error, cudaEventRecord(context->made, context->compute));
    RM_CUDA(context, error, cudaStreamWaitEvent(context->pooling, context->made, 0));
    return ROPEMAP_OK;
}

ropemap_status rm_tile_wait(rm_context *context, ropemap_error *error) {
    RM_CUDA(context, error, cudaStreamSynchronize(context->pooling));
    for (int32_t i = 0; i < RM_TILES; i++) {
        context->tiles[i].pooling = false;
    }
    return ROPEMAP_OK;
}
