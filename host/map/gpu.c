/* gpu.c - the GPUs that the driver reports, asked without opening the CUDA backend */
/* SPDX-License-Identifier: MIT */
/*
 * The driver's library is opened at run time: a machine without one loses a failed look-up, and cuBLAS, which
 * takes up to a second to load, is left alone until there is work for it. Names and numbers are those of the
 * CUDA driver API. Where CUDA_VISIBLE_DEVICES hides devices the driver does not report them.
 */
#include "host/map/gpu.h"


#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

enum {
    DRIVER_OK = 0,
    DRIVER_NO_DEVICE = 100,
    ATTRIBUTE_PROCESSORS = 16,
    ATTRIBUTE_CACHE = 38,
    ATTRIBUTE_MAJOR = 75,
    ATTRIBUTE_MINOR = 76,
    TILE_WORKERS = 2,  /* while one reads rows and puts cells together the other multiplies and pools */
    WORKERS = 8,       /* threads that read and convert rows for one GPU */
    BLOCK_MOST = 2048, /* positions: two tiles of two workers take 64 MiB */
};

static const int64_t ROWS_FLOATS = 524288; /* of the rows handed over in one call: 2 MiB */
static const uint64_t TILES_MOST =
    UINT64_C(128) * 1048576; /* bytes of all tiles: half of what a map may take */
static const uint64_t CONTEXT_OWN = UINT64_C(4) * 1048576;  /* cuBLAS's workspace, frequencies */
static const uint64_t CONTEXT_HOST = UINT64_C(1) * 1048576; /* what the driver and cuBLAS keep of a stream */

typedef int (*init_function)(unsigned);
typedef int (*number_function)(int *);
typedef int (*device_function)(int *, int);
typedef int (*name_function)(char *, int, int);
typedef int (*attribute_function)(int *, int, int);
typedef int (*memory_function)(size_t *, int);
typedef int (*text_function)(int, const char **);

struct driver {
    void *handle;
    init_function init;
    number_function version, count;
    device_function device;
    name_function name;
    attribute_function attribute;
    memory_function memory;
    text_function text;
    int devices, supports;
};

/* ISO C has no conversion from an object's address to a function's: the bits are copied. */
static bool find(void *library, const char *name, void *function, size_t size) {
    void *address = dlsym(library, name);
    memcpy(function, &address, size);
    return address != NULL;
}

static bool find_all(struct driver *driver) {
    void *from = driver->handle;
    return find(from, "cuInit", &driver->init, sizeof driver->init) &&
           find(from, "cuDriverGetVersion", &driver->version, sizeof driver->version) &&
           find(from, "cuDeviceGetCount", &driver->count, sizeof driver->count) &&
           find(from, "cuDeviceGet", &driver->device, sizeof driver->device) &&
           find(from, "cuDeviceGetName", &driver->name, sizeof driver->name) &&
           find(from, "cuDeviceGetAttribute", &driver->attribute, sizeof driver->attribute) &&
           find(from, "cuDeviceTotalMem_v2", &driver->memory, sizeof driver->memory) &&
           find(from, "cuGetErrorString", &driver->text, sizeof driver->text);
}

static ropemap_status refuse(const struct driver *driver, const char *call, int code, ropemap_error *error) {
    const char *text = NULL;
    if (driver->text(code, &text) != DRIVER_OK || text == NULL) {
        text = "unknown error";
    }
    return rm_fail(error, ROPEMAP_RESOURCES, "no GPU: %s: %s (%d)", call, text, code);
}

static ropemap_status no_device(ropemap_error *error) {
    return rm_fail(error, ROPEMAP_RESOURCES,
                   "no GPU: the driver reports no device (is CUDA_VISIBLE_DEVICES empty?)");
}

static ropemap_status ask(struct driver *driver, ropemap_error *error) {
    if (!find_all(driver)) {
        return rm_fail(error, ROPEMAP_RESOURCES,
                       "no GPU: libcuda.so.1 lacks functions: the driver is too old");
    }
    int code = driver->init(0);
    if (code == DRIVER_NO_DEVICE) {
        return no_device(error);
    }
    if (code != DRIVER_OK) {
        return refuse(driver, "cuInit", code, error);
    }
    code = driver->version(&driver->supports);
    if (code != DRIVER_OK) {
        return refuse(driver, "cuDriverGetVersion", code, error);
    }
    code = driver->count(&driver->devices);
    if (code != DRIVER_OK) {
        return refuse(driver, "cuDeviceGetCount", code, error);
    }
    return driver->devices > 0 ? ROPEMAP_OK : no_device(error);
}

/* NODELETE: the driver's library keeps threads of its own and is not made to be unloaded. */
static ropemap_status driver_open(struct driver *driver, ropemap_error *error) {
    *driver = (struct driver){.handle = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)};
    if (driver->handle == NULL) {
        return rm_fail(error, ROPEMAP_RESOURCES, "no GPU: there is no NVIDIA driver (%.200s)", dlerror());
    }
    const ropemap_status status = ask(driver, error);
    if (status != ROPEMAP_OK) {
        (void)dlclose(driver->handle);
    }
    return status;
}

ropemap_status ropemap_driver_describe(ropemap_driver *described, ropemap_error *error) {
    *described = (ropemap_driver){0};
    struct driver driver;
    RM_TRY(driver_open(&driver, error));
    described->version = driver.supports;
    described->devices = driver.devices;
    (void)dlclose(driver.handle);
    return ROPEMAP_OK;
}

static ropemap_status describe(const struct driver *driver, int32_t index, ropemap_gpu *gpu,
                               ropemap_error *error) {
    if (index < 0 || index >= driver->devices) {
        return rm_fail(error, ROPEMAP_RESOURCES, "device: there is no GPU %d, expected 0 to %d", index,
                       driver->devices - 1);
    }
    int device = 0, processors = 0, cache = 0, major = 0, minor = 0;
    size_t memory = 0;
    int code = driver->device(&device, index);
    code = code != DRIVER_OK ? code : driver->name(gpu->name, (int)sizeof gpu->name, device);
    code = code != DRIVER_OK ? code : driver->memory(&memory, device);
    code = code != DRIVER_OK ? code : driver->attribute(&processors, ATTRIBUTE_PROCESSORS, device);
    code = code != DRIVER_OK ? code : driver->attribute(&cache, ATTRIBUTE_CACHE, device);
    code = code != DRIVER_OK ? code : driver->attribute(&major, ATTRIBUTE_MAJOR, device);
    code = code != DRIVER_OK ? code : driver->attribute(&minor, ATTRIBUTE_MINOR, device);
    if (code != DRIVER_OK) {
        return refuse(driver, "cuDeviceGetAttribute", code, error);
    }
    gpu->index = index;
    gpu->major = major;
    gpu->minor = minor;
    gpu->processors = processors;
    gpu->memory = memory;
    gpu->cache = cache > 0 ? (uint64_t)cache : 0;
    return ROPEMAP_OK;
}

ropemap_status ropemap_gpu_describe(int32_t index, ropemap_gpu *gpu, ropemap_error *error) {
    *gpu = (ropemap_gpu){0};
    struct driver driver;
    RM_TRY(driver_open(&driver, error));
    const ropemap_status status = describe(&driver, index, gpu, error);
    (void)dlclose(driver.handle);
    return status;
}

/* Three quarters of the second-level cache: rows and pieces take the rest. */
static uint64_t tile_bytes_of(const ropemap_gpu *gpu) {
    const uint64_t share = gpu->cache / 4 * 3;
    return share < TILES_MOST ? share : TILES_MOST;
}

/*
 * The largest tile of which one a worker stays in cache: a launch costs the host some microseconds, in which
 * a GPU makes millions of numbers. A second tile for each worker, or a batch, takes what is left of the cache
 * then; where one worker has all the work, the other's share.
 */
static int32_t block_of(const ropemap_gpu *gpu) {
    int32_t block = BLOCK_MOST;
    while (block > RM_BLOCK_LEAST &&
           (uint64_t)block * (uint64_t)block * sizeof(float) * TILE_WORKERS > tile_bytes_of(gpu)) {
        block /= 2;
    }
    return block;
}

ropemap_status rm_gpu_find(int32_t index, int64_t head_dim, rm_device *device, ropemap_error *error) {
    ropemap_gpu gpu;
    RM_TRY(ropemap_gpu_describe(index, &gpu, error));
    const int64_t rows = ROWS_FLOATS / head_dim;
    *device = (rm_device){.backend = "cuda",
                          .index = index,
                          .block = block_of(&gpu),
                          .workers = WORKERS,
                          .tile_workers = TILE_WORKERS,
                          .tile_bytes = tile_bytes_of(&gpu),
                          .rows_at_once = rows,
                          .memory = gpu.memory / 10 * 9,
                          .context_host = CONTEXT_HOST,
                          .context_own = CONTEXT_OWN};
    (void)snprintf(device->name, sizeof device->name, "%s", gpu.name);
    return ROPEMAP_OK;
}
