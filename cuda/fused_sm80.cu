/* fused_sm80.cu - products by tensor cores that are pooled where they are made: no tile is written */
/* SPDX-License-Identifier: MIT */
/*
 * For GPUs since Ampere: mma.sync, ldmatrix and cp.async. A block of 4 warps takes 128 queries by tiles of
 * 128 keys; shared memory has 64 rows x 128 bytes a block of elements:
 *
 *        keys     |  warp 0  |  warp 1  |
 *     queries     +----------+----------+         queries  [elements / 64][2]
 *       0 -  63   | 64 x 64  | 64 x 64  |         stages   [STAGES][2]
 *      64 - 127   |  warp 2  |  warp 3  |
 *                 +----------+----------+
 */
#include "cuda/fused_block.cuh"

enum {
    RM_FUSED_STAGES = 3, /* of keys: two on their way while one is multiplied; 2 where memory is short */
    RM_FUSED_STAGE_BYTES = 2 * RM_FUSED_BLOCK_BYTES /* a tile's rows of 64 elements */
};

/* Waits for the oldest of the stages that are on their way. */
RM_FUSED void rm_fused_wait(const rm_fused_task &task) {
    if (task.stages == RM_FUSED_STAGES) {
        rm_cp_async_wait<RM_FUSED_STAGES - 2>();
    } else {
        rm_cp_async_wait<0>();
    }
    __syncthreads(); /* for the others' copies; and all have read the stage before, which is filled again now
                      */
}

/* ---- products */

template <ropemap_dtype T>
RM_FUSED void rm_fused_multiply_one(float (&top)[2], float (&bottom)[2], const uint32_t (&a)[4], uint32_t b0,
                                    uint32_t b1) {
    if constexpr (T == ROPEMAP_DTYPE_FP16) {
        rm_mma_fp16(top, bottom, a, b0, b1);
    } else {
        rm_mma_bf16(top, bottom, a, b0, b1);
    }
}

/*
 * Adds the products of 16 elements, number `step` of a block of 64, of the warp's queries and keys. ldmatrix
 * takes 8 x 8 elements at each 8 lanes' addresses: of 16 queries
 *     matrix 0: rows 0-7, elements 0-7    1: rows 8-15    2: rows 0-7, elements 8-15    3: rows 8-15
 * and of 16 keys, which are the columns of b, two instructions' worth,
 *     matrix 0: rows 0-7, elements 0-7    1: elements 8-15    2: rows 8-15, elements 0-7    3: elements 8-15
 */
template <ropemap_dtype T>
RM_FUSED void rm_fused_multiply(rm_shared queries, rm_shared keys, int32_t step,
                                rm_fused_products &products) {
    const int32_t lane = (int32_t)threadIdx.x % 32, turn = lane % 8;
    const rm_shared a_at = queries + lane % 16 * 128 + ((2 * step + lane / 16) ^ turn) * 16;
    const rm_shared b_at = keys + (turn + lane / 16 * 8) * 128 + ((2 * step + lane / 8 % 2) ^ turn) * 16;
    uint32_t a[RM_FUSED_ROWS / 2][4], b[RM_FUSED_ACROSS / 2][4];
    RM_UNROLL
    for (int i = 0; i < RM_FUSED_ROWS / 2; i++) {
        rm_ldmatrix(a[i], a_at + i * 16 * 128);
    }
    RM_UNROLL
    for (int j = 0; j < RM_FUSED_ACROSS / 2; j++) {
        rm_ldmatrix(b[j], b_at + j * 16 * 128);
    }
    RM_UNROLL
    for (int i = 0; i < RM_FUSED_ROWS / 2; i++) {
        RM_UNROLL
        for (int j = 0; j < RM_FUSED_ACROSS; j++) {
            rm_fused_multiply_one<T>(products[2 * i][j], products[2 * i + 1][j], a[i], b[j / 2][j % 2 * 2],
                                     b[j / 2][j % 2 * 2 + 1]);
        }
    }
}

/* The same of a whole block of elements, or of what the last one has. For standard deviations, of which most
 * is kept, there are registers for two steps at a time. */
template <ropemap_dtype T, ropemap_pool POOL>
RM_FUSED void rm_fused_multiply_block(rm_shared queries, rm_shared keys, int32_t elements,
                                      rm_fused_products &products) {
    constexpr int TURNS = POOL == ROPEMAP_POOL_STD ? 2 : RM_SWIZZLE_ELEMENTS / RM_FUSED_STEP;
    (void)TURNS; /* not every compiler takes the hint */
    if (elements >= RM_SWIZZLE_ELEMENTS) {
        RM_UNROLL_TURNS
        for (int step = 0; step < RM_SWIZZLE_ELEMENTS / RM_FUSED_STEP; step++) {
            rm_fused_multiply<T>(queries, keys, step, products);
        }
    } else {
        for (int step = 0; step < elements / RM_FUSED_STEP; step++) {
            rm_fused_multiply<T>(queries, keys, step, products);
        }
    }
}

/* The products of a block of keys with all that it is multiplied with. */
template <ropemap_dtype T, ropemap_pool POOL>
RM_FUSED void rm_fused_multiply_parts(const rm_fused_task &task, rm_shared queries, rm_shared keys,
                                      int32_t block, rm_fused_products &products) {
    const int32_t elements = rm_fused_elements(task, block);
    for (int32_t of = rm_fused_first_of(task, block);; of = block) {
        rm_fused_multiply_block<T, POOL>(queries + of * RM_FUSED_STAGE_BYTES, keys, elements, products);
        if (rm_fused_last_of<T>(task, block, of)) {
            return;
        }
    }
}

RM_FUSED void rm_fused_clear(rm_fused_products &products) {
    RM_UNROLL
    for (int i = 0; i < RM_FUSED_ROWS * RM_FUSED_EACH; i++) {
        products[i / RM_FUSED_EACH][i % RM_FUSED_EACH / 2][i % 2] = 0.0f;
    }
}

/* ---- the kernel */

/* Queries are on their way to shared memory. */
template <ropemap_dtype T, ropemap_pool POOL>
RM_FUSED void rm_fused_go(const rm_fused_task &task, const rm_fused_queries<RM_FUSED_TILE> &queries,
                          rm_fused_run run) {
    const int32_t warp = (int32_t)threadIdx.x / 32, down = warp / 2, across = warp % 2;
    const rm_shared memory = rm_shared_address(rm_shared_memory());
    const rm_shared stages = memory + task.blocks * RM_FUSED_STAGE_BYTES;
    rm_fused_stream next = rm_fused_stream_of(task, run);
    for (int32_t i = 0; i < task.stages - 1; i++) {
        rm_fused_fetch<2>(task, stages, &next);
    }
    rm_fused_warp<POOL> own;
    own.start(task, queries, run, down, across);
    int32_t stage = 0;
    for (int32_t tile = 0;; tile++) {
        const bool ended = tile == run.tiles;
        rm_fused_products products;
        rm_fused_clear(products);
        for (int32_t block = 0; !ended && block < task.blocks; block++) {
            rm_fused_wait(task);
            rm_fused_fetch<2>(task, stages, &next);
            const rm_shared keys = stages + stage * RM_FUSED_STAGE_BYTES + across * RM_FUSED_BLOCK_BYTES;
            rm_fused_multiply_parts<T, POOL>(task, memory + down * RM_FUSED_BLOCK_BYTES, keys, block,
                                             products);
            stage = stage + 1 == task.stages ? 0 : stage + 1;
        }
        own.template take<RM_FUSED_TILE, T>(task, run, ended, products);
        if (ended) {
            return;
        }
    }
}

template <ropemap_dtype T, ropemap_pool POOL>
__global__ void __launch_bounds__(RM_FUSED_THREADS, RM_FUSED_BLOCKS)
    rm_fused_kernel(const rm_fused_task task) {
    __shared__ rm_fused_queries<RM_FUSED_TILE> queries;
    if (!RM_HAS_INSTRUCTIONS) {
        __trap();
        return;
    }
    const rm_fused_run run = rm_fused_look<RM_FUSED_TILE, RM_FUSED_TILE>(task, &queries);
    if (run.tiles == 0) {
        return; /* all threads do */
    }
    for (int32_t block = 0; block < task.blocks; block++) {
        rm_fused_copy<2>(task, task.work.queries, 2 * (int64_t)blockIdx.x, block,
                         rm_shared_address(rm_shared_memory()) + block * RM_FUSED_STAGE_BYTES);
    }
    rm_fused_go<T, POOL>(task, queries, run);
}

template <ropemap_dtype T, ropemap_pool POOL> struct rm_fused_of_warps {
    static constexpr rm_fused_entry *entry = rm_fused_kernel<T, POOL>;
};

cudaError_t rm_fused_sm80_start(rm_fused_task task, size_t shared_most, cudaStream_t stream) {
    const size_t own = sizeof(rm_fused_queries<RM_FUSED_TILE>);
    task.stages = RM_FUSED_STAGES;
    while (task.stages > 2 &&
           (size_t)(task.blocks + task.stages) * RM_FUSED_STAGE_BYTES + own > shared_most) {
        task.stages--;
    }
    return rm_fused_start(rm_fused_pick<rm_fused_of_warps>(task.work.dtype, task.work.cells.pool), task,
                          RM_FUSED_TILE, (size_t)(task.blocks + task.stages) * RM_FUSED_STAGE_BYTES, stream);
}
