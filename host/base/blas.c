/* blas.c - OpenBLAS, loaded when something is first multiplied, with room for its buffers */
/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS and MAP_NORESERVE; in this file alone */

#include "host/base/blas.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *rm_address_space_hold(size_t bytes) {
    void *held = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return held == MAP_FAILED ? NULL : held;
}

void rm_address_space_give(void *held, size_t bytes) {
    if (held != NULL) {
        (void)munmap(held, bytes);
    }
}

/* Addresses, in MiB: the library and those it needs, and a buffer for each processor of the machine, of at
 * most as many as distributions build it for. Version 0.3.21 takes 295 MiB where there are two. */
enum { LIBRARY_ROOM = 48, BUFFER_ROOM = 128, BUFFERS_MOST = 64, MEBIBYTE = 1048576 };

/* The OpenMP build where it was when ropemap was built; elsewhere what the system's search finds, as in a
 * folder that LD_LIBRARY_PATH names. */
static const char *const places[] = {RM_OPENBLAS, "libopenblas.so.0"};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static rm_blas loaded; /* complete once sgemm is set */

static ropemap_status check_room(ropemap_error *error) {
    const long processors = sysconf(_SC_NPROCESSORS_CONF);
    const long buffers = processors < 1 ? 1 : processors < BUFFERS_MOST ? processors : BUFFERS_MOST;
    const size_t mebibytes = LIBRARY_ROOM + (size_t)BUFFER_ROOM * (size_t)buffers;
    void *held = rm_address_space_hold(mebibytes * MEBIBYTE);
    if (held == NULL) {
        return rm_fail(error, ROPEMAP_RESOURCES,
                       "no room for the %zu MiB of addresses that OpenBLAS takes to multiply (ulimit -v); "
                       "fewer --threads need less",
                       mebibytes);
    }
    rm_address_space_give(held, mebibytes * MEBIBYTE);
    return ROPEMAP_OK;
}

static void *open_library(void) {
    void *library = NULL;
    for (size_t i = 0; i < sizeof places / sizeof places[0] && library == NULL; i++) {
        library = dlopen(places[i], RTLD_NOW | RTLD_LOCAL);
    }
    return library;
}

/* ISO C converts no object's address to a function's, but their bytes are the same. */
static bool find(void *library, const char *name, void *function, size_t size) {
    void *address = dlsym(library, name);
    memcpy(function, &address, size);
    return address != NULL;
}

static ropemap_status load(ropemap_error *error) {
    rm_blas found;
    RM_TRY(check_room(error));
    void *library = open_library();
    if (library == NULL) {
        const char *reason = dlerror();
        return rm_fail(error, ROPEMAP_RESOURCES,
                       "OpenBLAS cannot be loaded: %.300s; install libopenblas0-openmp",
                       reason != NULL ? reason : RM_OPENBLAS);
    }
    if (!find(library, "cblas_sgemm", &found.sgemm, sizeof found.sgemm) ||
        !find(library, "openblas_get_corename", &found.get_corename, sizeof found.get_corename) ||
        !find(library, "openblas_get_config", &found.get_config, sizeof found.get_config)) {
        (void)dlclose(library);
        return rm_fail(error, ROPEMAP_RESOURCES,
                       "the library found for OpenBLAS is another; install "
                       "libopenblas0-openmp");
    }
    if (!find(library, "omp_get_max_threads", &found.get_max_threads, sizeof found.get_max_threads) ||
        !find(library, "omp_set_num_threads", &found.set_num_threads, sizeof found.set_num_threads)) {
        found.get_max_threads = NULL;
    }
    loaded = found;
    return ROPEMAP_OK;
}

ropemap_status rm_blas_check_room(ropemap_error *error) {
    (void)pthread_mutex_lock(&lock);
    const ropemap_status status = loaded.sgemm != NULL ? ROPEMAP_OK : check_room(error);
    (void)pthread_mutex_unlock(&lock);
    return status;
}

ropemap_status rm_blas_load(const rm_blas **blas, ropemap_error *error) {
    (void)pthread_mutex_lock(&lock);
    const ropemap_status status = loaded.sgemm != NULL ? ROPEMAP_OK : load(error);
    (void)pthread_mutex_unlock(&lock);
    *blas = status == ROPEMAP_OK ? &loaded : NULL;
    return status;
}
