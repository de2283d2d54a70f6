/* fake_driver.c - stand-in for the driver's library, libcuda.so.1: GPUs that the environment asks for */
/* SPDX-License-Identifier: MIT */
/* What it reads stands in fake.h; besides, an empty CUDA_VISIBLE_DEVICES hides all devices. */
#include "tests/emu/fake.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    DRIVER_OK = 0,
    DRIVER_INVALID_VALUE = 1,
    DRIVER_NO_DEVICE = 100,
    DRIVER_INVALID_DEVICE = 101,
    DRIVER_UNKNOWN = 999
};

/* Attribute numbers of the driver API. */
enum { PROCESSORS = 16, CACHE = 38, MAJOR = 75, MINOR = 76 };

#define EXPORT __attribute__((visibility("default")))

EXPORT int cuInit(unsigned int flags);
EXPORT int cuDriverGetVersion(int *version);
EXPORT int cuDeviceGetCount(int *count);
EXPORT int cuDeviceGet(int *device, int index);
EXPORT int cuDeviceGetName(char *name, int length, int device);
EXPORT int cuDeviceGetAttribute(int *value, int attribute, int device);
EXPORT int cuDeviceTotalMem_v2(size_t *bytes, int device);
EXPORT int cuGetErrorString(int code, const char **text);

/* Whether all devices are of one kind. */
static bool alike(void) {
    return fake_setting_number("alike", 0) != 0;
}

static int devices(void) {
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    return visible != NULL && visible[0] == '\0' ? 0 : (int)fake_setting_number("devices", 1);
}

/* "init" is a code that it fails with. */
int cuInit(unsigned int flags) {
    if (flags != 0) {
        return DRIVER_INVALID_VALUE;
    }
    return devices() == 0 ? DRIVER_NO_DEVICE : (int)fake_setting_number("init", DRIVER_OK);
}

int cuDriverGetVersion(int *version) {
    *version = (int)fake_setting_number("driver", CUDART_VERSION);
    return DRIVER_OK;
}

int cuDeviceGetCount(int *count) {
    *count = devices();
    return DRIVER_OK;
}

int cuDeviceGet(int *device, int index) {
    *device = index;
    if ((uint64_t)index == fake_setting_number("gone", UINT64_MAX)) {
        return DRIVER_UNKNOWN;
    }
    return index >= 0 && index < devices() ? DRIVER_OK : DRIVER_INVALID_DEVICE;
}

int cuDeviceGetName(char *name, int length, int device) {
    char text[64] = "Emulated GPU";
    (void)fake_setting("name", text);
    (void)snprintf(name, (size_t)length, "%s%s", text, device == 0 || alike() ? "" : " II");
    return DRIVER_OK;
}

/* The cache of 1 MiB is for tiles of 256 x 256. */
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    (void)device;
    switch (attribute) {
    case PROCESSORS:
        *value = (int)fake_setting_number("processors", 2);
        return DRIVER_OK;
    case CACHE:
        *value = (int)fake_setting_number("cache", 1048576);
        return DRIVER_OK;
    case MAJOR:
        *value = 9;
        return DRIVER_OK;
    case MINOR:
        *value = (int)fake_setting_number("minor", 0);
        return DRIVER_OK;
    default:
        return DRIVER_INVALID_VALUE;
    }
}

/* Half of the one before, unless they are alike. */
int cuDeviceTotalMem_v2(size_t *bytes, int device) {
    *bytes = (size_t)fake_setting_number("memory", UINT64_C(1) << 32) >> (alike() ? 0 : device);
    return DRIVER_OK;
}

int cuGetErrorString(int code, const char **text) {
    switch (code) {
    case DRIVER_OK:
        *text = "no error";
        return DRIVER_OK;
    case DRIVER_NO_DEVICE:
        *text = "no device (emulated)";
        return DRIVER_OK;
    case DRIVER_INVALID_DEVICE:
        *text = "invalid device (emulated)";
        return DRIVER_OK;
    case DRIVER_UNKNOWN:
        *text = "unknown error (emulated)";
        return DRIVER_OK;
    default:
        *text = NULL;
        return DRIVER_INVALID_VALUE;
    }
}
