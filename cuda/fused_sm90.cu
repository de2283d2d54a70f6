/* fused_sm90.cu - products by warpgroups that are pooled where they are made: no tile is written */
/* SPDX-License-Identifier: MIT */
/*
 * For Hopper alone, compiled for sm_90a: wgmma and cp.async. A block is one warpgroup, with 256 queries and
 * tiles of 64 keys. An instruction multiplies 64 queries with 64 keys and leaves 16 of the queries to each
 * warp, two groups of 8: number k of the 8 groups lies at a stride from the first that its operand names.
 * With a stride of 32 queries, product i has those from 8 i on, and four products give a warp 64 neighbours:
 *
 *     queries    0   8  16  24  32  40  48  56 | 64  72  ...    | 128 ...        | 192 ...
 *     product    0   1   2   3   0   1   2   3 |  0   1   2   3 |                |
 *     warp       0                             |  1             |  2             |  3
 *
 * A lane has rows lane / 4 of the groups: of product i, row i of its 8 and row i + 4 (fused.cuh).
 *
 * Products of 16 elements run while the next ones are started, or the next stage is waited for: so a stage is
 * filled again when the one after it has been multiplied.
 */
#include "cuda/fused_block.cuh"

enum {
    RM_GROUP_STAGES = 4, /* one is multiplied still, one next, two are on their way; or 3: one is */
    RM_GROUP_ROWS = RM_FUSED_GROUP / RM_SWIZZLE_ROWS,
    RM_GROUP_BLOCK_BYTES = RM_GROUP_ROWS * RM_FUSED_BLOCK_BYTES, /* of all queries */
    RM_GROUP_EIGHT = 8 * RM_SWIZZLE_ELEMENTS * 2                 /* bytes of 8 rows: a turn of the swizzle */
};

/* What the PTX ISA calls a matrix descriptor: the first byte, and bytes from 8 rows to the next 8, in
 * sixteens, and the swizzle by 128 bytes, which the address itself has, and which leaves its third number
 * unused. */
RM_FUSED uint64_t rm_group_operand(rm_shared first, int32_t stride) {
    return (uint64_t)(first & 0x3ffff) >> 4 | UINT64_C(1) << 16 | (uint64_t)(stride / 16) << 32 |
           UINT64_C(1) << 62;
}

template <ropemap_dtype T>
RM_FUSED void rm_group_multiply_one(float (&top)[8][2], float (&bottom)[8][2], uint64_t a, uint64_t b,
                                    bool add) {
    if constexpr (T == ROPEMAP_DTYPE_FP16) {
        rm_wgmma_fp16(top, bottom, a, b, add);
    } else {
        rm_wgmma_bf16(top, bottom, a, b, add);
    }
}

/* Products of 16 elements of all queries and of a tile's keys. */
template <ropemap_dtype T>
RM_FUSED void rm_group_multiply(rm_shared queries, rm_shared keys, bool add, rm_fused_products &products) {
    const uint64_t a = rm_group_operand(queries, RM_GROUP_ROWS * RM_GROUP_EIGHT),
                   b = rm_group_operand(keys, RM_GROUP_EIGHT);
    rm_wgmma_fence();
    RM_UNROLL
    for (int i = 0; i < RM_GROUP_ROWS; i++) {
        rm_group_multiply_one<T>(products[i], products[i + RM_GROUP_ROWS],
                                 a + (uint64_t)(i * RM_GROUP_EIGHT / 16), b, add);
    }
    rm_wgmma_commit();
}

/* Which 16 elements of a tile are multiplied next: number `step` of a block of keys, with the same of a block
 * of queries. */
struct rm_group_place {
    int32_t block, of, step;

    RM_METHOD bool begins(const rm_fused_task &task) const { /* a block of keys */
        return step == 0 && of == rm_fused_first_of(task, block);
    }
    template <ropemap_dtype T> RM_METHOD void go_on(const rm_fused_task &task) {
        step++;
        if (step * RM_FUSED_STEP == rm_fused_elements(task, block)) {
            const bool last = rm_fused_last_of<T>(task, block, of);
            step = 0;
            block = last ? block + 1 : block;
            of = last ? rm_fused_first_of(task, block) : block;
        }
    }
};

/* Waits for the oldest of the stages that are on their way. */
RM_FUSED void rm_group_wait(const rm_fused_task &task) {
    if (task.stages == RM_GROUP_STAGES) {
        rm_cp_async_wait<RM_GROUP_STAGES - 3>();
    } else {
        rm_cp_async_wait<0>();
    }
    rm_fence_async();
    __syncthreads(); /* for the others' copies; and all have multiplied the stage before the last, which is
                        filled again now */
}

/* The kernel's shared memory, from where the swizzle begins. */
RM_FUSED rm_shared rm_group_memory() {
    const rm_shared first = rm_shared_address(rm_shared_memory());
    return (first + (RM_FUSED_GROUP_ALIGN - 1)) / RM_FUSED_GROUP_ALIGN * RM_FUSED_GROUP_ALIGN;
}

/* Queries are on their way to shared memory. */
template <ropemap_dtype T, ropemap_pool POOL>
RM_FUSED void rm_group_go(const rm_fused_task &task, const rm_fused_queries<RM_FUSED_GROUP> &queries,
                          rm_fused_run run) {
    const rm_shared memory = rm_group_memory(), stages = memory + task.blocks * RM_GROUP_BLOCK_BYTES;
    rm_fused_stream next = rm_fused_stream_of(task, run);
    for (int32_t i = 0; i < task.stages - 2; i++) {
        rm_fused_fetch<1>(task, stages, &next);
    }
    rm_fused_warp<POOL> own;
    own.start(task, queries, run, (int32_t)threadIdx.x / 32, 0);
    int32_t stage = task.stages - 1; /* before the first */
    for (int32_t tile = 0;; tile++) {
        const bool ended = tile == run.tiles;
        rm_fused_products products; /* the first product fills them */
        rm_group_place at = {0, rm_fused_first_of(task, 0), 0};
        bool add = false;
        while (!ended && at.block < task.blocks) { /* in a loop within, ptxas would wait after each product */
            if (at.begins(task)) {
                rm_group_wait(task);
                rm_fused_fetch<1>(task, stages, &next);
                stage = stage + 1 == task.stages ? 0 : stage + 1;
            }
            const int32_t first = at.step * RM_FUSED_STEP * 2; /* byte of a row of 128 */
            rm_group_multiply<T>(memory + at.of * RM_GROUP_BLOCK_BYTES + first,
                                 stages + stage * RM_FUSED_BLOCK_BYTES + first, add, products);
            rm_wgmma_wait<1>();
            add = true;
            at.go_on<T>(task);
        }
        rm_wgmma_wait<0>();
        RM_UNROLL
        for (int i = 0; i < RM_FUSED_ROWS * RM_FUSED_EACH; i++) {
            rm_wgmma_done(products[i / RM_FUSED_EACH][i % RM_FUSED_EACH / 2][i % 2]);
        }
        own.template take<RM_FUSED_SIDE, T>(task, run, ended, products);
        if (ended) {
            return;
        }
    }
}

template <ropemap_dtype T, ropemap_pool POOL>
__global__ void __launch_bounds__(RM_FUSED_THREADS, RM_FUSED_BLOCKS)
    rm_fused_group_kernel(const rm_fused_task task) {
    __shared__ rm_fused_queries<RM_FUSED_GROUP> queries;
    if (!RM_HAS_WARPGROUPS) {
        __trap();
        return;
    }
    const rm_fused_run run = rm_fused_look<RM_FUSED_GROUP, RM_FUSED_SIDE>(task, &queries);
    if (run.tiles == 0) {
        return; /* all threads do */
    }
    const int64_t first = (int64_t)blockIdx.x * RM_GROUP_ROWS;
    for (int32_t block = 0; block < task.blocks; block++) {
        const rm_shared to = rm_group_memory() + block * RM_GROUP_BLOCK_BYTES;
        for (int32_t i = 0; i < RM_GROUP_ROWS && (first + i) * RM_SWIZZLE_ROWS < task.work.query_rows; i++) {
            rm_fused_copy<1>(task, task.work.queries, first + i, block, to + i * RM_FUSED_BLOCK_BYTES);
        }
    }
    rm_group_go<T, POOL>(task, queries, run);
}

template <ropemap_dtype T, ropemap_pool POOL> struct rm_fused_of_warpgroups {
    static constexpr rm_fused_entry *entry = rm_fused_group_kernel<T, POOL>;
};

cudaError_t rm_fused_sm90_start(rm_fused_task task, size_t shared_most, cudaStream_t stream) {
    const ropemap_dtype dtype = task.work.dtype;
    const bool more = (size_t)rm_fused_group_bytes(dtype, task.work.head_dim, RM_GROUP_STAGES) <= shared_most;
    task.stages = more ? (int32_t)RM_GROUP_STAGES : (int32_t)RM_FUSED_GROUP_STAGES;
    const size_t own = sizeof(rm_fused_queries<RM_FUSED_GROUP>),
                 all = (size_t)rm_fused_group_bytes(dtype, task.work.head_dim, task.stages);
    return rm_fused_start(rm_fused_pick<rm_fused_of_warpgroups>(dtype, task.work.cells.pool), task,
                          RM_FUSED_GROUP, all - own, stream);
}

/* A build without sm_90a has other machine code of the kernel, or none. */
extern "C" cudaError_t rm_fused_warpgroups_load(void) {
#ifdef RM_WARPGROUPS
    return cudaFuncSetAttribute(
        reinterpret_cast<const void *>(rm_fused_group_kernel<ROPEMAP_DTYPE_FP16, ROPEMAP_POOL_MAX>),
        cudaFuncAttributeMaxDynamicSharedMemorySize, RM_FUSED_GROUP_ALIGN);
#else
    return cudaErrorNoKernelImageForDevice;
#endif
}
