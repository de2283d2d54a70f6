/* fake_cublas.c - stand-in for cuBLAS: handles, and products as column-major loops on host memory */
/* SPDX-License-Identifier: MIT */
/*
 * c = alpha op(a) op(b) + beta c, [m, n] of [m, k] and [k, n], columns `ld` elements apart. The k products of
 * an element are added one after another, rounded each time: in float for GemmEx, in double for Dgemm.
 */
#include <cublas_v2.h>

#include "tests/emu/fake.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct cublasContext {
    cudaStream_t stream;
    int device;
    cublasMath_t math;
};

/* What a matrix is read as. */
enum element { FLOAT, TF32, HALF, BFLOAT, DOUBLE };

struct matrix {
    const void *data;
    enum element element;
    bool transposed;
    int ld;
};

struct product {
    struct matrix a, b;
    void *c;
    int m, n, k, ldc;
    double alpha, beta;
};

/* ---- numbers ---- */

static float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float from_half(uint16_t half) {
    const int exponent = half >> 10 & 31, fraction = half & 1023;
    const float magnitude = exponent == 31  ? (fraction == 0 ? INFINITY : NAN)
                            : exponent == 0 ? ldexpf((float)fraction, -24)
                                            : ldexpf((float)(fraction + 1024), exponent - 25);
    return half >> 15 != 0 ? -magnitude : magnitude;
}

/* Tensor cores take the upper 19 bits of a float. */
static float from_tf32(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return from_bits(bits & 0xffffe000u);
}

static float element_at(const struct matrix *matrix, size_t at) {
    switch (matrix->element) {
    case FLOAT:
        return ((const float *)matrix->data)[at];
    case TF32:
        return from_tf32(((const float *)matrix->data)[at]);
    case HALF:
        return from_half(((const uint16_t *)matrix->data)[at]);
    case BFLOAT:
        return from_bits((uint32_t)((const uint16_t *)matrix->data)[at] << 16);
    case DOUBLE:
        break;
    }
    return NAN;
}

static size_t element_bytes(enum element element) {
    return element == DOUBLE ? 8 : element == HALF || element == BFLOAT ? 2 : 4;
}

/* ---- products ---- */

static size_t place(const struct matrix *matrix, int row, int col) {
    return matrix->transposed ? (size_t)row * (size_t)matrix->ld + (size_t)col
                              : (size_t)col * (size_t)matrix->ld + (size_t)row;
}

/* op(a) as [k][m], op(b) as [n][k]: each product then runs along rows of a. */
static void *make_room(size_t bytes) {
    void *made = malloc(bytes > 0 ? bytes : 1);
    if (made == NULL) {
        abort();
    }
    return made;
}

static float *unpack(const struct matrix *matrix, int outer, int inner, bool outer_is_row) {
    float *made = make_room((size_t)outer * (size_t)inner * sizeof *made);
    for (int i = 0; i < outer; i++) {
        for (int j = 0; j < inner; j++) {
            const size_t at = outer_is_row ? place(matrix, i, j) : place(matrix, j, i);
            made[(size_t)i * (size_t)inner + (size_t)j] = element_at(matrix, at);
        }
    }
    return made;
}

static cudaError_t multiply_floats(const void *arguments) {
    const struct product *work = arguments;
    const size_t m = (size_t)work->m, n = (size_t)work->n, k = (size_t)work->k;
    float *a = unpack(&work->a, work->k, work->m, false), *b = unpack(&work->b, work->n, work->k, false);
    float *column = make_room(m * sizeof *column), *c = work->c;
    const float alpha = (float)work->alpha, beta = (float)work->beta;
    for (size_t j = 0; j < n; j++) {
        memset(column, 0, m * sizeof *column);
        for (size_t l = 0; l < k; l++) {
            const float factor = b[j * k + l];
            for (size_t i = 0; i < m; i++) {
                column[i] += a[l * m + i] * factor;
            }
        }
        for (size_t i = 0; i < m; i++) { /* beta = 0: what was there is not read */
            float *cell = &c[j * (size_t)work->ldc + i];
            *cell = beta == 0.0f ? alpha * column[i] : alpha * column[i] + beta * *cell;
        }
    }
    free(a);
    free(b);
    free(column);
    return cudaSuccess;
}

static cudaError_t multiply_doubles(const void *arguments) {
    const struct product *work = arguments;
    const double *a = work->a.data, *b = work->b.data;
    double *c = work->c;
    for (int j = 0; j < work->n; j++) {
        for (int i = 0; i < work->m; i++) {
            double sum = 0.0;
            for (int l = 0; l < work->k; l++) {
                sum += a[place(&work->a, i, l)] * b[place(&work->b, l, j)];
            }
            double *cell = &c[(size_t)j * (size_t)work->ldc + (size_t)i];
            *cell = work->beta == 0.0 ? work->alpha * sum : work->alpha * sum + work->beta * *cell;
        }
    }
    return cudaSuccess;
}

/* ---- what is asked ---- */

/* The names are those that callers write. */
static cublasStatus_t enter(const char *call, cublasStatus_t usual) {
    return (cublasStatus_t)fake_enter(call, (int)usual);
}

/* A matrix of `rows` x `cols` as it lies there. */
static bool lies_well(const char *call, const char *name, const void *data, enum element element, int rows,
                      int cols, int ld) {
    if (ld < 1 || ld < rows) {
        fake_complain("%s: %s has columns of %d, %d apart", call, name, rows, ld);
        return false;
    }
    const size_t count = rows > 0 && cols > 0 ? (size_t)(cols - 1) * (size_t)ld + (size_t)rows : 0;
    if (count > 0 && !fake_is_device(data, count * element_bytes(element))) {
        fake_complain("%s: %s does not lie in one allocation of the device", call, name);
        return false;
    }
    return (uintptr_t)data % element_bytes(element) == 0;
}

static bool matrix_lies_well(const char *call, const char *name, const struct matrix *matrix, int rows,
                             int cols) {
    return lies_well(call, name, matrix->data, matrix->element, matrix->transposed ? cols : rows,
                     matrix->transposed ? rows : cols, matrix->ld);
}

static cublasStatus_t submit(const char *call, cublasHandle_t handle, const struct product *work,
                             fake_work multiply) {
    if (handle->device != fake_current_device()) {
        fake_complain("%s: a handle of device %d while device %d is the thread's", call, handle->device,
                      fake_current_device());
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    const enum element c = work->a.element == DOUBLE ? DOUBLE : FLOAT;
    if (work->m < 0 || work->n < 0 || work->k < 0 ||
        !matrix_lies_well(call, "a", &work->a, work->m, work->k) ||
        !matrix_lies_well(call, "b", &work->b, work->k, work->n) ||
        !lies_well(call, "c", work->c, c, work->m, work->n, work->ldc)) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
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
                           .beta = (double)*(const float *)beta};
    if (a_type != b_type || c_type != CUDA_R_32F ||
        (algo != CUBLAS_GEMM_DEFAULT && algo != CUBLAS_GEMM_DEFAULT_TENSOR_OP) ||
        !element_of(a_type, compute, handle->math, &work.a.element)) {
        fake_complain("cublasGemmEx: types %d and %d to %d, compute %d", (int)a_type, (int)b_type,
                      (int)c_type, (int)compute);
        return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    work.b.element = work.a.element;
    return submit("cublasGemmEx", handle, &work, multiply_floats);
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
        .beta = *beta};
    return submit("cublasDgemm", handle, &work, multiply_doubles);
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
