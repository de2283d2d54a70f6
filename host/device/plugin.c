/* plugin.c - the CUDA backend's library and the driver's GPUs, opened at run time */
/* SPDX-License-Identifier: MIT */
/* dladdr is beyond POSIX.1-2008: only this file requests it. */
#define _GNU_SOURCE

#include "host/device/plugin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The plugin's one symbol, ropemap_cuda_backend: fills `table`, or refuses another ABI. */
typedef ropemap_status (*rm_plugin_entry)(int32_t abi, rm_plugin_table *table, ropemap_error *error);

static const char FILE_NAME[] = "libropemap-cuda.so";

static const char ENTRY[] = "ropemap_cuda_backend";

/* Whether FILE_NAME is in `folder`, "" or "../lib/", as seen from the directory of `file`. */
static bool is_near(const char *file, const char *folder, ropemap_plugin *plugin) {
    const char *slash = strrchr(file, '/');
    if (file[0] != '/' || slash == NULL) {
        return false; /* never the working directory */
    }
    const int length = snprintf(plugin->path, sizeof plugin->path, "%.*s/%s%s", (int)(slash - file), file,
                                folder, FILE_NAME);
    return length > 0 && (size_t)length < sizeof plugin->path && access(plugin->path, F_OK) == 0;
}

/* Next to it, or where libraries are installed. */
static bool is_near_program(ropemap_plugin *plugin) {
    char program[sizeof plugin->path];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) {
        return false;
    }
    program[length] = '\0';
    return is_near(program, "", plugin) || is_near(program, RM_LIBRARIES, plugin);
}

static bool is_near_library(ropemap_plugin *plugin) {
    Dl_info info;
    return dladdr(FILE_NAME, &info) != 0 && info.dli_fname != NULL && is_near(info.dli_fname, "", plugin);
}

static ropemap_status find(ropemap_plugin *plugin, ropemap_error *error) {
    if (is_near_program(plugin) || is_near_library(plugin)) {
        return ROPEMAP_OK;
    }
    return rm_fail(error, ROPEMAP_RESOURCES,
                   "cuda: there is no %s next to the program or its library: it was built without CUDA",
                   FILE_NAME);
}

static ropemap_status load_table(rm_plugin *plugin, ropemap_error *error) {
    rm_plugin_entry entry = NULL;
    void *address = dlsym(plugin->library, ENTRY);
    if (address == NULL) {
        return rm_fail(error, ROPEMAP_RESOURCES, "cuda: %.300s: has no %s, expected this version's backend",
                       plugin->table.about.path, ENTRY);
    }
    memcpy(&entry, &address, sizeof entry); /* ISO C converts no object's address to a function's */
    return entry(RM_PLUGIN_ABI, &plugin->table, error);
}

ropemap_status rm_plugin_open(rm_plugin *plugin, ropemap_error *error) {
    *plugin = (rm_plugin){0};
    RM_TRY(find(&plugin->table.about, error));
    /* RTLD_NODELETE: loading cuBLAS anew for each map takes up to a quarter of a second, and libraries that
     * hold state of the CUDA runtime must not be unloaded. */
    plugin->library = dlopen(plugin->table.about.path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (plugin->library == NULL) {
        return rm_fail(error, ROPEMAP_RESOURCES, "cuda: the backend does not load: %.400s", dlerror());
    }
    const ropemap_status status = load_table(plugin, error);
    if (status != ROPEMAP_OK) {
        rm_plugin_close(plugin);
    }
    return status;
}

void rm_plugin_close(rm_plugin *plugin) {
    if (plugin->library != NULL) {
        (void)dlclose(plugin->library);
    }
    *plugin = (rm_plugin){0};
}

ropemap_status ropemap_plugin_describe(ropemap_plugin *described, ropemap_error *error) {
    rm_plugin plugin;
    const ropemap_status status = rm_plugin_open(&plugin, error);
    *described = plugin.table.about;
    rm_plugin_close(&plugin);
    return status;
}

/*
 * The driver's library is opened at run time: a machine without one loses a failed look-up, and cuBLAS, which
 * takes up to a second to load, is left alone until there is work for it. Names and numbers are those of the
 * CUDA driver API. Where CUDA_VISIBLE_DEVICES hides devices the driver does not report them.
 */

enum {
    DRIVER_OK = 0,
    DRIVER_NO_DEVICE = 100,
    ATTRIBUTE_PROCESSORS = 16,
    ATTRIBUTE_CACHE = 38,
    ATTRIBUTE_MAJOR = 75,
    ATTRIBUTE_MINOR = 76,
};

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
static bool find_driver(void *library, const char *name, void *function, size_t size) {
    void *address = dlsym(library, name);
    memcpy(function, &address, size);
    return address != NULL;
}

static bool find_all(struct driver *driver) {
    void *from = driver->handle;
    return find_driver(from, "cuInit", &driver->init, sizeof driver->init) &&
           find_driver(from, "cuDriverGetVersion", &driver->version, sizeof driver->version) &&
           find_driver(from, "cuDeviceGetCount", &driver->count, sizeof driver->count) &&
           find_driver(from, "cuDeviceGet", &driver->device, sizeof driver->device) &&
           find_driver(from, "cuDeviceGetName", &driver->name, sizeof driver->name) &&
           find_driver(from, "cuDeviceGetAttribute", &driver->attribute, sizeof driver->attribute) &&
           find_driver(from, "cuDeviceTotalMem_v2", &driver->memory, sizeof driver->memory) &&
           find_driver(from, "cuGetErrorString", &driver->text, sizeof driver->text);
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

static ropemap_status ask_driver(struct driver *driver, ropemap_error *error) {
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
    const ropemap_status status = ask_driver(driver, error);
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

ropemap_status rm_gpu_find(int32_t index, int64_t head_dim, rm_device *device, ropemap_error *error) {
    ropemap_gpu gpu;
    RM_TRY(ropemap_gpu_describe(index, &gpu, error));
    *device = rm_gpu_device(&gpu, head_dim);
    return ROPEMAP_OK;
}
