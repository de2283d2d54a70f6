/* fake_cublas.c - stand-in for cuBLAS: handles, and what may be asked of them */
/* SPDX-License-Identifier: MIT */
#include <cublas_v2.h>

#include "tests/emu/fake_product.h"

#include <stdlib.h>

struct cublasContext {
    cudaStream_t stream;
    int device;
    cublasMath_t math;
};

/* The names are those that callers write. */
static cublasStatus_t enter(const char *call, cublasStatus_t usual) {
    return (cublasStatus_t)fake_enter(call, (int)usual);
}

/* A matrix of `rows` x `cols` as it lies there, `count` of them; what of the memory is touched goes to
 * `range`. */
static bool lies_well(const char *call, const char *name, const struct matrix *matrix, int rows, int cols,
                      int count, long long apart, struct fake_range *range) {
    const int down = matrix->transposed ? cols : rows, across = matrix->transposed ? rows : cols;
    const size_t element = fake_element_bytes(matrix->element);
    if (matrix->ld < 1 || matrix->ld < down || apart < 0) {
        fake_complain("%s: %s has columns of %d, %d apart", call, name, down, matrix->ld);
        return false;
    }
    const size_t one = down > 0 && across > 0 ? (size_t)(across - 1) * (size_t)matrix->ld + (size_t)down : 0;
    const size_t all = one > 0 ? (size_t)(count - 1) * (size_t)apart + one : 0;
    range->memory = matrix->data;
    range->bytes = all * element;
    if (all > 0 && !fake_is_device(matrix->data, all * element)) {
        fake_complain("%s: %s does not lie in one allocation of the device", call, name);
        return false;
    }
    return (uintptr_t)matrix->data % element == 0;
}

static cublasStatus_t submit(const char *call, cublasHandle_t handle, const struct product *work,
                             fake_work multiply) {
    if (handle->device != fake_current_device()) {
        fake_complain("%s: a handle of device %d while device %d is the thread's", call, handle->device,
                      fake_current_device());
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    const struct matrix c = {
        .data = work->c, .element = work->a.element == DOUBLE ? DOUBLE : FLOAT, .ld = work->ldc};
    struct fake_range ranges[3] = {{.writes = false}, {.writes = false}, {.writes = true}};
    if (work->m < 0 || work->n < 0 || work->k < 0 || work->count < 1 ||
        !lies_well(call, "a", &work->a, work->m, work->k, work->count, work->a_apart, &ranges[0]) ||
        !lies_well(call, "b", &work->b, work->k, work->n, work->count, work->b_apart, &ranges[1]) ||
        !lies_well(call, "c", &c, work->m, work->n, work->count, work->c_apart, &ranges[2])) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    fake_touch(call, handle->stream, ranges, 3);
    return fake_submit(call, handle->stream, multiply, work, sizeof *work) == cudaSuccess
               ? CUBLAS_STATUS_SUCCESS
               : CUBLAS_STATUS_EXECUTION_FAILED;
}

/* What elements of the type are multiplied as; false where cuBLAS does not compute so. */
static bool element_of(cudaDataType type, cublasComputeType_t compute, cublasMath_t math,
                       enum element *element) {
    const bool tf32 = compute == CUBLAS_COMPUTE_32F_FAST_TF32 ||
                      (compute == CUBLAS_COMPUTE_32F && math == CUBLAS_TF32_TENSOR_OP_MATH);
    switch (type) {
    case CUDA_R_32F:
        *element = tf32 ? TF32 : FLOAT;
        return tf32 || compute == CUBLAS_COMPUTE_32F || compute == CUBLAS_COMPUTE_32F_PEDANTIC;
    case CUDA_R_16F:
    case CUDA_R_16BF:
        *element = type == CUDA_R_16F ? HALF : BFLOAT;
        return compute == CUBLAS_COMPUTE_32F || compute == CUBLAS_COMPUTE_32F_PEDANTIC;
    case CUDA_R_64F:
        break;
    }
    return false;
}

/* The types of one product or of many; submits it. */
static cublasStatus_t submit_typed(const char *call, cublasHandle_t handle, struct product *work,
                                   const cudaDataType types[3], cublasComputeType_t compute,
                                   cublasGemmAlgo_t algo) {
    if (types[0] != types[1] || types[2] != CUDA_R_32F ||
        (algo != CUBLAS_GEMM_DEFAULT && algo != CUBLAS_GEMM_DEFAULT_TENSOR_OP) ||
        !element_of(types[0], compute, handle->math, &work->a.element)) {
        fake_complain("%s: types %d and %d to %d, compute %d", call, (int)types[0], (int)types[1],
                      (int)types[2], (int)compute);
        return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    work->b.element = work->a.element;
    return submit(call, handle, work, fake_multiply_floats);
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m,
                            int n, int k, const void *alpha, const void *a, cudaDataType a_type, int lda,
                            const void *b, cudaDataType b_type, int ldb, const void *beta, void *c,
                            cudaDataType c_type, int ldc, cublasComputeType_t compute,
                            cublasGemmAlgo_t algo) {
    const cublasStatus_t status = enter("cublasGemmEx", CUBLAS_STATUS_EXECUTION_FAILED);
    if (status != CUBLAS_STATUS_SUCCESS || handle == NULL) {
        return handle == NULL ? CUBLAS_STATUS_NOT_INITIALIZED : status;
    }
    struct product work = {.a = {.data = a, .transposed = transa != CUBLAS_OP_N, .ld = lda},
                           .b = {.data = b, .transposed = transb != CUBLAS_OP_N, .ld = ldb},
                           .c = c,
                           .m = m,
                           .n = n,
                           .k = k,
                           .ldc = ldc,
                           .alpha = (double)*(const float *)alpha,
                           .beta = (double)*(const float *)beta,
                           .count = 1};
    const cudaDataType types[] = {a_type, b_type, c_type};
    return submit_typed("cublasGemmEx", handle, &work, types, compute, algo);
}

/* Results that overlap would depend on which product is last. */
cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t transa,
                                          cublasOperation_t transb, int m, int n, int k, const void *alpha,
                                          const void *a, cudaDataType a_type, int lda, long long stride_a,
                                          const void *b, cudaDataType b_type, int ldb, long long stride_b,
                                          const void *beta, void *c, cudaDataType c_type, int ldc,
                                          long long stride_c, int count, cublasComputeType_t compute,
                                          cublasGemmAlgo_t algo) {
    const cublasStatus_t status = enter("cublasGemmStridedBatchedEx", CUBLAS_STATUS_EXECUTION_FAILED);
    if (status != CUBLAS_STATUS_SUCCESS || handle == NULL) {
        return handle == NULL ? CUBLAS_STATUS_NOT_INITIALIZED : status;
    }
    struct product work = {.a = {.data = a, .transposed = transa != CUBLAS_OP_N, .ld = lda},
                           .b = {.data = b, .transposed = transb != CUBLAS_OP_N, .ld = ldb},
                           .c = c,
                           .m = m,
                           .n = n,
                           .k = k,
                           .ldc = ldc,
                           .alpha = (double)*(const float *)alpha,
                           .beta = (double)*(const float *)beta,
                           .count = count,
                           .a_apart = stride_a,
                           .b_apart = stride_b,
                           .c_apart = stride_c};
    if (count > 1 && stride_c < (long long)ldc * (n - 1) + m) {
        fake_complain("cublasGemmStridedBatchedEx: results of %d x %d, %lld apart", m, n, stride_c);
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    const cudaDataType types[] = {a_type, b_type, c_type};
    return submit_typed("cublasGemmStridedBatchedEx", handle, &work, types, compute, algo);
}

cublasStatus_t cublasDgemm_v2(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb,
                              int m, int n, int k, const double *alpha, const double *a, int lda,
                              const double *b, int ldb, const double *beta, double *c, int ldc) {
    const cublasStatus_t status = enter("cublasDgemm", CUBLAS_STATUS_EXECUTION_FAILED);
    if (status != CUBLAS_STATUS_SUCCESS || handle == NULL) {
        return handle == NULL ? CUBLAS_STATUS_NOT_INITIALIZED : status;
    }
    const struct product work = {
        .a = {.data = a, .element = DOUBLE, .transposed = transa != CUBLAS_OP_N, .ld = lda},
        .b = {.data = b, .element = DOUBLE, .transposed = transb != CUBLAS_OP_N, .ld = ldb},
        .c = c,
        .m = m,
        .n = n,
        .k = k,
        .ldc = ldc,
        .alpha = *alpha,
        .beta = *beta,
        .count = 1};
    return submit("cublasDgemm", handle, &work, fake_multiply_doubles);
}

/* ---- handles ---- */

cublasStatus_t cublasCreate_v2(cublasHandle_t *handle) {
    const cublasStatus_t status = enter("cublasCreate", CUBLAS_STATUS_ALLOC_FAILED);
    if (status != CUBLAS_STATUS_SUCCESS) {
        return status;
    }
    cublasHandle_t made = calloc(1, sizeof *made);
    if (made == NULL) {
        return CUBLAS_STATUS_ALLOC_FAILED;
    }
    made->device = fake_current_device();
    fake_count_handle(1);
    *handle = made;
    return CUBLAS_STATUS_SUCCESS;
}

/* As the real one, waits for the device. */
cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
    const cublasStatus_t status = enter("cublasDestroy", CUBLAS_STATUS_EXECUTION_FAILED);
    fake_drain_all();
    fake_count_handle(handle != NULL ? -1 : 0);
    free(handle);
    return handle != NULL ? status : CUBLAS_STATUS_NOT_INITIALIZED;
}

/* Setting a stream takes a workspace of the caller's back. */
cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
    const cublasStatus_t status = enter("cublasSetStream", CUBLAS_STATUS_NOT_INITIALIZED);
    handle->stream = status == CUBLAS_STATUS_SUCCESS ? stream : handle->stream;
    return status;
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void *workspace, size_t bytes) {
    const cublasStatus_t status = enter("cublasSetWorkspace", CUBLAS_STATUS_INVALID_VALUE);
    if (handle == NULL ||
        (bytes > 0 && ((uintptr_t)workspace % 256 != 0 || !fake_is_device(workspace, bytes)))) {
        fake_complain("cublasSetWorkspace: %zu bytes that are not the device's, or not aligned to 256",
                      bytes);
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    return status;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
    const cublasStatus_t status = enter("cublasSetMathMode", CUBLAS_STATUS_INVALID_VALUE);
    handle->math = status == CUBLAS_STATUS_SUCCESS ? mode : handle->math;
    return status;
}

cublasStatus_t cublasGetVersion_v2(cublasHandle_t handle, int *version) {
    (void)handle;
    *version = 130000;
    return enter("cublasGetVersion", CUBLAS_STATUS_NOT_INITIALIZED);
}

cublasStatus_t cublasGetProperty(libraryPropertyType type, int *value) {
    *value = type == MAJOR_VERSION ? 13 : 0;
    return enter("cublasGetProperty", CUBLAS_STATUS_INVALID_VALUE);
}

const char *cublasGetStatusName(cublasStatus_t status) {
    switch (status) {
    case CUBLAS_STATUS_SUCCESS:
        return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
        return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED:
        return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
        return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_ARCH_MISMATCH:
        return "CUBLAS_STATUS_ARCH_MISMATCH";
    case CUBLAS_STATUS_MAPPING_ERROR:
        return "CUBLAS_STATUS_MAPPING_ERROR";
    case CUBLAS_STATUS_EXECUTION_FAILED:
        return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_INTERNAL_ERROR:
        return "CUBLAS_STATUS_INTERNAL_ERROR";
    case CUBLAS_STATUS_NOT_SUPPORTED:
        return "CUBLAS_STATUS_NOT_SUPPORTED";
    case CUBLAS_STATUS_LICENSE_ERROR:
        return "CUBLAS_STATUS_LICENSE_ERROR";
    }
    return "unknown cuBLAS status";
}

const char *cublasGetStatusString(cublasStatus_t status) {
    return cublasGetStatusName(status);
}
