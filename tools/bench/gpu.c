/* gpu.c - a GPU that is timed: its context, numbers in its memory, its ceilings, clocks and heat */
/* SPDX-License-Identifier: MIT */
#include "tools/bench/gpu.h"

#include "tools/bench/check.h"

#include <dlfcn.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- NVML */

/* The library is opened at run time and no header of it is used: these are its numbers. */
enum {
    DONE = 0,
    CLOCK_PROCESSORS = 1, /* NVML_CLOCK_SM */
    CLOCK_MEMORY = 2,     /* NVML_CLOCK_MEM */
    SENSOR_GPU = 0,       /* NVML_TEMPERATURE_GPU */
    BUS_NAME = 32         /* bytes of a name such as 00000000:3B:00.0 */
};

/* nvmlClocksEventReasons */
static const struct {
    uint64_t bit;
    const char *words;
} held_back[] = {
    {0x04, "power cap"}, {0x08, "hardware slowdown"}, {0x10, "kept in step with others"},
    {0x20, "heat"},      {0x40, "heat (hardware)"},   {0x80, "power brake"},
};

#define SYMBOL(member) offsetof(bench_nvml, member)

static const struct {
    const char *name;
    size_t offset;
} symbols[] = {
    {"nvmlInit_v2", SYMBOL(init)},
    {"nvmlShutdown", SYMBOL(shutdown)},
    {"nvmlSystemGetDriverVersion", SYMBOL(version)},
    {"nvmlDeviceGetCount_v2", SYMBOL(count)},
    {"nvmlDeviceGetHandleByPciBusId_v2", SYMBOL(by_bus)},
    {"nvmlDeviceGetHandleByIndex_v2", SYMBOL(by_index)},
    {"nvmlDeviceGetClockInfo", SYMBOL(clock)},
    {"nvmlDeviceGetTemperature", SYMBOL(temperature)},
    {"nvmlDeviceGetPowerUsage", SYMBOL(power)},
    {"nvmlDeviceGetCurrentClocksThrottleReasons", SYMBOL(reasons)}, /* of drivers before 535 */
    {"nvmlDeviceGetCurrentClocksEventReasons", SYMBOL(reasons)},
};

/* ISO C has no conversion from an object's address to a function's: the bits are copied. */
static bool find(void *library, const char *name, void *function) {
    void *address = dlsym(library, name);
    if (address != NULL) {
        memcpy(function, &address, sizeof address);
    }
    return address != NULL;
}

/* GPUs of the library have an order of their own, so one is named by its place on the bus, which the driver's
 * library knows; false where it does not report it. */
static bool find_bus(int32_t index, char bus[BUS_NAME]) {
    int (*device)(int *, int) = NULL;
    int (*place)(char *, int, int) = NULL;
    void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    int number = 0;
    const bool found = driver != NULL && find(driver, "cuDeviceGet", &device) &&
                       find(driver, "cuDeviceGetPCIBusId", &place) && device(&number, index) == DONE &&
                       place(bus, BUS_NAME, number) == DONE;
    if (driver != NULL) {
        (void)dlclose(driver);
    }
    return found;
}

/* By its PCI address; if that is unknown, the only one there is. */
static void find_device(bench_nvml *nvml, int32_t index) {
    char bus[BUS_NAME] = "";
    unsigned all = 0;
    const bool found = find_bus(index, bus)
                           ? nvml->by_bus != NULL && nvml->by_bus(bus, &nvml->device) == DONE
                           : nvml->count != NULL && nvml->by_index != NULL && nvml->count(&all) == DONE &&
                                 all == 1 && nvml->by_index(0, &nvml->device) == DONE;
    nvml->device = found ? nvml->device : NULL;
}

/* Opens the library, if there is one, for the GPU that the driver numbers `index`. */
static void nvml_open(bench_nvml *nvml, int32_t index) {
    *nvml = (bench_nvml){.handle = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)};
    if (nvml->handle == NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        (void)find(nvml->handle, symbols[i].name, (char *)nvml + symbols[i].offset);
    }
    if (nvml->init == NULL || nvml->init() != DONE) {
        (void)dlclose(nvml->handle);
        *nvml = (bench_nvml){.handle = NULL};
        return;
    }
    find_device(nvml, index);
}

static void nvml_close(bench_nvml *nvml) {
    if (nvml->handle != NULL) {
        if (nvml->shutdown != NULL) {
            (void)nvml->shutdown();
        }
        (void)dlclose(nvml->handle);
    }
    *nvml = (bench_nvml){.handle = NULL};
}

/* The driver's version; "" where it is not known. */
static void nvml_driver(const bench_nvml *nvml, char *version, size_t size) {
    if (nvml->version == NULL || nvml->version(version, (unsigned)size) != DONE) {
        version[0] = '\0';
    }
}

bench_gpu_state nvml_look(const bench_nvml *nvml) {
    bench_gpu_state state = {.known = nvml->device != NULL};
    unsigned number = 0;
    unsigned long long reasons = 0;
    if (!state.known) {
        return state;
    }
    if (nvml->clock != NULL && nvml->clock(nvml->device, CLOCK_PROCESSORS, &number) == DONE) {
        state.processor_mhz = (int32_t)number;
    }
    if (nvml->clock != NULL && nvml->clock(nvml->device, CLOCK_MEMORY, &number) == DONE) {
        state.memory_mhz = (int32_t)number;
    }
    if (nvml->temperature != NULL && nvml->temperature(nvml->device, SENSOR_GPU, &number) == DONE) {
        state.celsius = (int32_t)number;
    }
    if (nvml->power != NULL && nvml->power(nvml->device, &number) == DONE) {
        state.watts = 1e-3 * (double)number;
    }
    if (nvml->reasons != NULL && nvml->reasons(nvml->device, &reasons) == DONE) {
        state.reasons = reasons;
    }
    return state;
}

bool nvml_throttled(uint64_t reasons) {
    for (size_t i = 0; i < sizeof held_back / sizeof held_back[0]; i++) {
        if ((reasons & held_back[i].bit) != 0) {
            return true;
        }
    }
    return false;
}

void nvml_words(uint64_t reasons, char *words, size_t size) {
    size_t used = 0;
    words[0] = '\0';
    for (size_t i = 0; i < sizeof held_back / sizeof held_back[0]; i++) {
        if ((reasons & held_back[i].bit) != 0 && used < size) {
            used +=
                (size_t)snprintf(words + used, size - used, "%s%s", used > 0 ? ", " : "", held_back[i].words);
        }
    }
}

/* ---- the device */

enum {
    HEAD_DIM = 128,        /* that the device's sizes are asked for */
    CHUNK_MOST = 1 << 24,  /* floats: uploads of 64 MiB run at full speed */
    CHUNK_LEAST = 1 << 16, /* more than any row */
    SIDE_MOST = 8192,      /* of the large product */
    SIDE_LEAST = 64,
    SHARE_OF_MEMORY = 32 /* the large product and a chunk each take one part of so many at most */
};

int64_t gpu_element(ropemap_dtype dtype) {
    return dtype == ROPEMAP_DTYPE_BF16 || dtype == ROPEMAP_DTYPE_FP16 ? 2 : 4;
}

ropemap_status gpu_reserve(const timed_gpu *gpu, ropemap_dtype dtype, int64_t count, const char *what,
                           float **memory, ropemap_error *error) {
    const int64_t bytes = count * gpu_element(dtype);
    return gpu->backend->reserve(gpu->context, (bytes + 3) / 4, what, memory, error);
}

void gpu_release(const timed_gpu *gpu, float *memory) {
    gpu->backend->release(gpu->context, memory);
}

/* ---- opening */

/* Powers of two, so that a small memory has small matrices. */
static void choose_sizes(timed_gpu *gpu, uint64_t free_bytes) {
    const uint64_t share = free_bytes / SHARE_OF_MEMORY;
    gpu->side = SIDE_MOST;
    while (gpu->side > SIDE_LEAST && 5 * sizeof(float) * (uint64_t)(gpu->side * gpu->side) > share) {
        gpu->side /= 2;
    }
    gpu->chunk_floats = CHUNK_MOST;
    while (gpu->chunk_floats > CHUNK_LEAST && sizeof(float) * (uint64_t)gpu->chunk_floats > share) {
        gpu->chunk_floats /= 2;
    }
}

static ropemap_status make_memory(timed_gpu *gpu, ropemap_error *error) {
    const int64_t cells = gpu->side * gpu->side;
    gpu->chunk = gpu->backend->stage(gpu->context, gpu->chunk_floats);
    if (gpu->chunk == NULL) {
        return rm_fail_memory(error, "benchmark", (uint64_t)gpu->chunk_floats * sizeof *gpu->chunk);
    }
    const ropemap_dtype fp32 = ROPEMAP_DTYPE_FP32;
    RM_TRY(gpu_reserve(gpu, fp32, gpu->chunk_floats, "benchmark", &gpu->scratch, error));
    RM_TRY(gpu_reserve(gpu, fp32, 2 * cells, "large products", &gpu->wide, error));
    RM_TRY(gpu_reserve(gpu, fp32, 2 * cells, "large products", &gpu->factors, error));
    RM_TRY(gpu_reserve(gpu, fp32, cells, "large products", &gpu->product, error));
    return gpu_fill(gpu, fp32, gpu->wide, 2 * cells, 1.0, 3, error);
}

static ropemap_status describe(timed_gpu *gpu, int32_t index, ropemap_error *error) {
    ropemap_driver driver;
    RM_TRY(ropemap_driver_describe(&driver, error));
    RM_TRY(ropemap_gpu_describe(index, &gpu->about.gpu, error));
    gpu->about.plugin = gpu->plugin.table.about;
    gpu->about.supports = driver.version;
    gpu->about.product_side = gpu->side;
    nvml_driver(&gpu->nvml, gpu->about.driver, sizeof gpu->about.driver);
    return ROPEMAP_OK;
}

ropemap_status gpu_open(timed_gpu *gpu, int32_t index, ropemap_error *error) {
    uint64_t free_bytes = 0, all_bytes = 0;
    *gpu = (timed_gpu){.backend = NULL};
    RM_TRY(rm_gpu_find(index, HEAD_DIM, &gpu->device, error));
    RM_TRY(rm_plugin_open(&gpu->plugin, error));
    gpu->backend = gpu->plugin.table.backend;
    gpu->timing = gpu->plugin.table.timing;
    nvml_open(&gpu->nvml, index);
    RM_TRY(gpu->backend->open(&gpu->context, &gpu->device, error));
    RM_TRY(gpu->timing->memory(gpu->context, &free_bytes, &all_bytes, error));
    choose_sizes(gpu, free_bytes);
    RM_TRY(make_memory(gpu, error));
    RM_TRY(describe(gpu, index, error));
    return gpu_measure_copy(gpu, error);
}

void gpu_close(timed_gpu *gpu) {
    float *const all[] = {gpu->scratch, gpu->wide, gpu->factors, gpu->product};
    for (size_t i = 0; gpu->context != NULL && i < sizeof all / sizeof all[0]; i++) {
        gpu_release(gpu, all[i]);
    }
    if (gpu->context != NULL) {
        gpu->backend->unstage(gpu->context, gpu->chunk);
        gpu->backend->close(gpu->context);
    }
    nvml_close(&gpu->nvml);
    rm_plugin_close(&gpu->plugin);
    *gpu = (timed_gpu){.backend = NULL};
}

/* ---- numbers to its memory and back */

/* Element `first` of a type, where two elements of 16 bits share a float. */
static float *at(ropemap_dtype dtype, float *memory, int64_t first) {
    return memory + first * gpu_element(dtype) / 4;
}

static int64_t part_of(const timed_gpu *gpu, int64_t left) {
    return left < gpu->chunk_floats ? left : gpu->chunk_floats;
}

ropemap_status gpu_fill(const timed_gpu *gpu, ropemap_dtype dtype, float *memory, int64_t count, double reach,
                        uint64_t seed, ropemap_error *error) {
    const int64_t first = part_of(gpu, count);
    inputs_fill(gpu->chunk, first, reach, seed);
    RM_TRY(gpu->backend->write(gpu->context, rm_view_dense(gpu->chunk, 1, first),
                               rm_view_dense(gpu->scratch, 1, first), error));
    for (int64_t done = 0; done < count; done += first) {
        RM_TRY(gpu->timing->convert(gpu->context, dtype, gpu->scratch, at(dtype, memory, done),
                                    part_of(gpu, count - done), error));
    }
    return gpu->backend->finish(gpu->context, error);
}

ropemap_status gpu_spoil(const timed_gpu *gpu, float *memory, int64_t bytes, ropemap_error *error) {
    const int64_t floats = bytes / 4, first = part_of(gpu, floats);
    memset(gpu->chunk, 0xff, (size_t)first * sizeof *gpu->chunk);
    for (int64_t done = 0; done < floats; done += first) {
        const int64_t part = part_of(gpu, floats - done);
        RM_TRY(gpu->backend->write(gpu->context, rm_view_dense(gpu->chunk, 1, part),
                                   rm_view_dense(memory + done, 1, part), error));
    }
    return ROPEMAP_OK;
}

/* Halves as floats, in place: from the last on, so that none is overwritten before it is read. */
static void widen(ropemap_dtype dtype, float *floats, int64_t count) {
    for (int64_t i = count - 1; i >= 0; i--) {
        uint16_t half;
        memcpy(&half, (const char *)floats + (size_t)i * sizeof half, sizeof half);
        const uint32_t upper = (uint32_t)half << 16;
        if (dtype == ROPEMAP_DTYPE_BF16) {
            memcpy(&floats[i], &upper, sizeof upper);
            continue;
        }
        const int exponent = half >> 10 & 31, fraction = half & 1023;
        const float magnitude = exponent == 31  ? (fraction == 0 ? INFINITY : NAN)
                                : exponent == 0 ? ldexpf((float)fraction, -24)
                                                : ldexpf((float)(fraction + 1024), exponent - 25);
        floats[i] = half >> 15 != 0 ? -magnitude : magnitude;
    }
}

ropemap_status gpu_read(const timed_gpu *gpu, ropemap_dtype dtype, float *memory, int64_t first,
                        int64_t count, float *floats, ropemap_error *error) {
    const int64_t taken = count * gpu_element(dtype) / 4;
    RM_TRY(gpu->backend->read(gpu->context, rm_view_dense(at(dtype, memory, first), 1, taken),
                              rm_view_dense(floats, 1, taken), error));
    if (gpu_element(dtype) == 2) {
        widen(dtype, floats, count);
    }
    return ROPEMAP_OK;
}

/* ---- ceilings */

enum { TIMES = 3 /* of which the fastest counts: the first wakes the clocks up */ };

/* Halves of products keep the room of floats: a matrix begins on a boundary that any load is aligned to. */
static ropemap_status make_factors(timed_gpu *gpu, ropemap_dtype dtype, ropemap_error *error) {
    const int64_t cells = gpu->side * gpu->side;
    if (gpu->factors_made && gpu->factors_dtype == dtype) {
        return ROPEMAP_OK;
    }
    gpu->factors_made = false;
    RM_TRY(gpu->timing->convert(gpu->context, dtype, gpu->wide, gpu->factors, cells, error));
    RM_TRY(gpu->timing->convert(gpu->context, dtype, gpu->wide + cells, gpu->factors + cells, cells, error));
    gpu->factors_dtype = dtype;
    gpu->factors_made = true;
    return ROPEMAP_OK;
}

ropemap_status gpu_product(timed_gpu *gpu, ropemap_dtype dtype, ropemap_error *error) {
    const int64_t side = gpu->side;
    RM_TRY(make_factors(gpu, dtype, error));
    return gpu->backend->similarity(gpu->context, dtype, 1, rm_view_dense(gpu->factors, side, side),
                                    rm_view_dense(gpu->factors + side * side, side, side),
                                    rm_view_dense(gpu->product, side, side), error);
}

double gpu_product_flops(const timed_gpu *gpu) {
    const double side = (double)gpu->side;
    return 2.0 * side * side * side;
}

ropemap_status gpu_upload(const timed_gpu *gpu, ropemap_error *error) {
    return gpu->timing->upload(gpu->context, gpu->chunk, gpu->scratch,
                               gpu->chunk_floats * (int64_t)sizeof(float), error);
}

double gpu_upload_bytes(const timed_gpu *gpu) {
    return (double)gpu->chunk_floats * (double)sizeof(float);
}

/* ---- once, for the record and for a roofline */

static ropemap_status copy_factors(void *work, ropemap_error *error) {
    timed_gpu *gpu = work;
    return gpu->timing->copy(gpu->context, gpu->wide, gpu->factors,
                             2 * gpu->side * gpu->side * (int64_t)sizeof(float), error);
}

static ropemap_status fastest(const timed_gpu *gpu, bench_work run, void *work, double *least,
                              ropemap_error *error) {
    *least = 0.0;
    for (int i = 0; i < TIMES; i++) {
        double seconds = 0.0;
        RM_TRY(timing_seconds(gpu, run, work, 1, false, &seconds, error));
        *least = i == 0 || seconds < *least ? seconds : *least;
    }
    return ROPEMAP_OK;
}

ropemap_status gpu_measure_copy(timed_gpu *gpu, ropemap_error *error) {
    double seconds = 0.0;
    gpu->factors_made = false; /* they are overwritten */
    RM_TRY(fastest(gpu, copy_factors, gpu, &seconds, error));
    gpu->about.copy_rate = 16.0 * (double)(gpu->side * gpu->side) / seconds * 1e-9;
    return ROPEMAP_OK;
}

struct product {
    timed_gpu *gpu;
    ropemap_dtype dtype;
};

static ropemap_status queue_product(void *work, ropemap_error *error) {
    const struct product *product = work;
    return gpu_product(product->gpu, product->dtype, error);
}

ropemap_status gpu_measure_product(timed_gpu *gpu, ropemap_dtype dtype, ropemap_error *error) {
    double seconds = 0.0;
    struct product product = {.gpu = gpu, .dtype = dtype};
    if (gpu->about.product_rates[dtype] > 0.0) {
        return ROPEMAP_OK;
    }
    RM_TRY(make_factors(gpu, dtype, error));
    RM_TRY(fastest(gpu, queue_product, &product, &seconds, error));
    gpu->about.product_rates[dtype] = gpu_product_flops(gpu) / seconds * 1e-9;
    return ROPEMAP_OK;
}
