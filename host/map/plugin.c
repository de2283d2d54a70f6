/* plugin.c - the CUDA backend's library, opened at run time: one program for machines with and without a GPU
 */
/* SPDX-License-Identifier: MIT */
/* dladdr is beyond POSIX.1-2008: this file alone asks for it. */
#define _GNU_SOURCE

#include "host/map/plugin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char FILE_NAME[] = "libropemap-cuda.so";
static const char ENTRY[] = "ropemap_cuda_backend";

/* The directory of `file`, with FILE_NAME in it; false where the path has no directory or is too long. */
static bool beside(const char *file, ropemap_plugin *plugin) {
    const char *slash = strrchr(file, '/');
    if (file[0] != '/' || slash == NULL) {
        return false; /* never the working directory */
    }
    const int length =
        snprintf(plugin->path, sizeof plugin->path, "%.*s/%s", (int)(slash - file), file, FILE_NAME);
    return length > 0 && (size_t)length < sizeof plugin->path;
}

static bool beside_program(ropemap_plugin *plugin) {
    char program[sizeof plugin->path];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) {
        return false;
    }
    program[length] = '\0';
    return beside(program, plugin) && access(plugin->path, F_OK) == 0;
}

static bool beside_library(ropemap_plugin *plugin) {
    Dl_info info;
    return dladdr(FILE_NAME, &info) != 0 && info.dli_fname != NULL && beside(info.dli_fname, plugin) &&
           access(plugin->path, F_OK) == 0;
}

static ropemap_status find(ropemap_plugin *plugin, ropemap_error *error) {
    if (beside_program(plugin) || beside_library(plugin)) {
        return ROPEMAP_OK;
    }
    return rm_fail(error, ROPEMAP_RESOURCES,
                   "cuda: there is no %s beside the program or its library: it was built without CUDA",
                   FILE_NAME);
}

static ropemap_status ask(rm_plugin *plugin, ropemap_error *error) {
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
    plugin->library = dlopen(plugin->table.about.path, RTLD_NOW | RTLD_LOCAL);
    if (plugin->library == NULL) {
        return rm_fail(error, ROPEMAP_RESOURCES, "cuda: the backend does not load: %.400s", dlerror());
    }
    const ropemap_status status = ask(plugin, error);
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
