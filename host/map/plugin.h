/* plugin.h - the CUDA backend's library, opened at run time: one program for machines with and without a GPU
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_PLUGIN_H
#define ROPEMAP_HOST_MAP_PLUGIN_H

#include "host/map/backend.h"
#include "host/map/probe.h"

enum { RM_PLUGIN_ABI = 3 }; /* of everything in backend.h; a plugin of another one is refused */

/* What a plugin gives. */
typedef struct rm_plugin_table {
    const rm_backend *backend;
    const rm_probe *probe;
    ropemap_plugin about; /* all but the path */
} rm_plugin_table;

/* The plugin's one symbol, ropemap_cuda_backend: fills `table`, or says that the ABIs differ. */
typedef ropemap_status (*rm_plugin_entry)(int32_t abi, rm_plugin_table *table, ropemap_error *error);

/* An open plugin. Zeroed: none. */
typedef struct rm_plugin {
    void *library;
    rm_plugin_table table;
} rm_plugin;

/*
 * Opens libropemap-cuda.so beside the program or beside this library, by its absolute path.
 * ROPEMAP_RESOURCES: there is none, it does not load (cuBLAS is missing, say), or it is of another version.
 */
ropemap_status rm_plugin_open(rm_plugin *plugin, ropemap_error *error);
void rm_plugin_close(rm_plugin *plugin);

#endif
