/* nvml.c - clocks, heat and power of a GPU, as the driver's management library tells them */
/* SPDX-License-Identifier: MIT */
/*
 * The library is opened at run time and no header of it is used: the names, numbers and types below are those
 * of its documentation (NVML API reference guide). Its GPUs have an order of their own, so a GPU is named by
 * its place on the bus, which the driver's library knows.
 */
#include "host/bench/nvml.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

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

typedef int (*plain_function)(void);
typedef int (*text_function)(char *, unsigned);
typedef int (*handle_function)(const char *, void **);
typedef int (*numbered_handle_function)(unsigned, void **);
typedef int (*count_function)(unsigned *);
typedef int (*kind_function)(void *, int, unsigned *);
typedef int (*number_function)(void *, unsigned *);
typedef int (*bits_function)(void *, unsigned long long *);
typedef int (*driver_device_function)(int *, int);
typedef int (*driver_bus_function)(char *, int, int);

/* ISO C has no conversion from an object's address to a function's: the bits are copied. */
static bool find(void *library, const char *name, void *function, size_t size) {
    void *address = dlsym(library, name);
    memcpy(function, &address, size);
    return address != NULL;
}

/* The name of the GPU's place; false where the driver does not tell it. */
static bool find_bus(int32_t index, char bus[BUS_NAME]) {
    driver_device_function device = NULL;
    driver_bus_function place = NULL;
    void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    int number = 0;
    const bool found = driver != NULL && find(driver, "cuDeviceGet", &device, sizeof device) &&
                       find(driver, "cuDeviceGetPCIBusId", &place, sizeof place) &&
                       device(&number, index) == DONE && place(bus, BUS_NAME, number) == DONE;
    if (driver != NULL) {
        (void)dlclose(driver);
    }
    return found;
}

/* By its place; where that is not told, the only one there is. */
static void find_device(rm_nvml *nvml, int32_t index) {
    handle_function by_bus = NULL;
    numbered_handle_function by_number = NULL;
    count_function count = NULL;
    char bus[BUS_NAME] = "";
    unsigned all = 0;
    if (find_bus(index, bus)) {
        if (find(nvml->handle, "nvmlDeviceGetHandleByPciBusId_v2", &by_bus, sizeof by_bus) &&
            by_bus(bus, &nvml->device) != DONE) {
            nvml->device = NULL;
        }
        return;
    }
    if (find(nvml->handle, "nvmlDeviceGetCount_v2", &count, sizeof count) &&
        find(nvml->handle, "nvmlDeviceGetHandleByIndex_v2", &by_number, sizeof by_number) &&
        count(&all) == DONE && all == 1 && by_number(0, &nvml->device) != DONE) {
        nvml->device = NULL;
    }
}

void rm_nvml_open(rm_nvml *nvml, int32_t index) {
    plain_function init = NULL;
    *nvml = (rm_nvml){.handle = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)};
    if (nvml->handle == NULL) {
        return;
    }
    if (!find(nvml->handle, "nvmlInit_v2", &init, sizeof init) || init() != DONE) {
        (void)dlclose(nvml->handle);
        nvml->handle = NULL;
        return;
    }
    find_device(nvml, index);
}

void rm_nvml_close(rm_nvml *nvml) {
    plain_function end = NULL;
    if (nvml->handle != NULL) {
        if (find(nvml->handle, "nvmlShutdown", &end, sizeof end)) {
            (void)end();
        }
        (void)dlclose(nvml->handle);
    }
    *nvml = (rm_nvml){.handle = NULL};
}

void rm_nvml_driver(const rm_nvml *nvml, char *version, size_t size) {
    text_function ask = NULL;
    if (nvml->handle == NULL || !find(nvml->handle, "nvmlSystemGetDriverVersion", &ask, sizeof ask) ||
        ask(version, (unsigned)size) != DONE) {
        version[0] = '\0';
    }
}

static int32_t clock_of(const rm_nvml *nvml, int kind) {
    kind_function ask = NULL;
    unsigned megahertz = 0;
    return find(nvml->handle, "nvmlDeviceGetClockInfo", &ask, sizeof ask) &&
                   ask(nvml->device, kind, &megahertz) == DONE
               ? (int32_t)megahertz
               : 0;
}

/* The second name is that of drivers before 535. */
static uint64_t reasons_of(const rm_nvml *nvml) {
    bits_function ask = NULL;
    unsigned long long reasons = 0;
    return (find(nvml->handle, "nvmlDeviceGetCurrentClocksEventReasons", &ask, sizeof ask) ||
            find(nvml->handle, "nvmlDeviceGetCurrentClocksThrottleReasons", &ask, sizeof ask)) &&
                   ask(nvml->device, &reasons) == DONE
               ? (uint64_t)reasons
               : 0;
}

ropemap_gpu_state rm_nvml_look(const rm_nvml *nvml) {
    ropemap_gpu_state state = {.known = nvml->handle != NULL && nvml->device != NULL};
    if (!state.known) {
        return state;
    }
    kind_function heat = NULL;
    number_function power = NULL;
    unsigned celsius = 0, milliwatts = 0;
    state.processor_mhz = clock_of(nvml, CLOCK_PROCESSORS);
    state.memory_mhz = clock_of(nvml, CLOCK_MEMORY);
    if (find(nvml->handle, "nvmlDeviceGetTemperature", &heat, sizeof heat) &&
        heat(nvml->device, SENSOR_GPU, &celsius) == DONE) {
        state.celsius = (int32_t)celsius;
    }
    if (find(nvml->handle, "nvmlDeviceGetPowerUsage", &power, sizeof power) &&
        power(nvml->device, &milliwatts) == DONE) {
        state.watts = 1e-3 * (double)milliwatts;
    }
    state.reasons = reasons_of(nvml);
    return state;
}

bool rm_nvml_throttled(uint64_t reasons) {
    for (size_t i = 0; i < sizeof held_back / sizeof held_back[0]; i++) {
        if ((reasons & held_back[i].bit) != 0) {
            return true;
        }
    }
    return false;
}

void rm_nvml_words(uint64_t reasons, char *words, size_t size) {
    size_t used = 0;
    words[0] = '\0';
    for (size_t i = 0; i < sizeof held_back / sizeof held_back[0]; i++) {
        if ((reasons & held_back[i].bit) != 0 && used < size) {
            used +=
                (size_t)snprintf(words + used, size - used, "%s%s", used > 0 ? ", " : "", held_back[i].words);
        }
    }
}
