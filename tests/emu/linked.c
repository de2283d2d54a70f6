/* linked.c - the CUDA backend linked into a test, in place of its plugin and of the driver */
/* SPDX-License-Identifier: MIT */
/*
 * The functions of host/device/plugin.c: with these the archive's own stay out of the
 * program.
 */
#include "tests/emu/linked.h"

#include "host/device/plugin.h"
#include "host/ropemap_machine.h"
#include "tests/emu/fake.h"
#include "tests/unit.h"

ROPEMAP_API ropemap_status ropemap_cuda_backend(int32_t abi, rm_plugin_table *table, ropemap_error *error);

rm_device linked_gpu;
ropemap_request *linked_turns_auto;

void linked_gpu_small(void) {
    const ropemap_gpu gpu = {.name = "Emulated GPU", .major = 8, .minor = 6, .memory = UINT64_C(1) << 30};
    linked_gpu = rm_gpu_device(&gpu, 128);
    linked_gpu.block = 256;
    linked_gpu.workers = 4;
    linked_gpu.tile_workers = 3;
    linked_gpu.tile_bytes = 3 * 2 * 2 * 256 * 256 * sizeof(float);
    linked_gpu.rows_at_once = 128;
    linked_gpu.softmax_rows = 128;
    linked_gpu.memory = UINT64_C(1) << 30;
    linked_gpu.context_host = 1048576;
}

ropemap_status rm_gpu_find(int32_t index, int64_t head_dim, rm_device *device, ropemap_error *error) {
    (void)head_dim;
    if (index >= fake_device_count()) {
        return rm_fail(error, ROPEMAP_RESOURCES, "device: there is no GPU %d", index);
    }
    *device = linked_gpu;
    device->index = index;
    return ROPEMAP_OK;
}

ropemap_status ropemap_driver_describe(ropemap_driver *driver, ropemap_error *error) {
    (void)error;
    *driver = (ropemap_driver){.version = CUDART_VERSION, .devices = fake_device_count()};
    return ROPEMAP_OK;
}

ropemap_status ropemap_gpu_describe(int32_t index, ropemap_gpu *gpu, ropemap_error *error) {
    (void)error;
    *gpu = (ropemap_gpu){.index = index, .name = "Emulated GPU", .major = 8, .memory = linked_gpu.memory};
    return ROPEMAP_OK;
}

ropemap_status rm_plugin_open(rm_plugin *plugin, ropemap_error *error) {
    *plugin = (rm_plugin){0};
    if (linked_turns_auto != NULL) {
        linked_turns_auto->backend = "auto";
    }
    return ropemap_cuda_backend(RM_PLUGIN_ABI, &plugin->table, error);
}

void rm_plugin_close(rm_plugin *plugin) {
    *plugin = (rm_plugin){0};
}

ropemap_status ropemap_plugin_describe(ropemap_plugin *described, ropemap_error *error) {
    rm_plugin plugin;
    const ropemap_status status = rm_plugin_open(&plugin, error);
    *described = plugin.table.about;
    rm_plugin_close(&plugin);
    return status;
}

void linked_check_clean(const char *name) {
    const fake_state now = fake_look();
    if (now.complaints > 0) {
        fail_msg("%s: %ld complaints, the first: %s", name, now.complaints, now.complaint);
    }
    if (now.device_bytes + now.pinned_bytes > 0 ||
        now.allocations + now.pinned + now.streams + now.events + now.handles + now.graphs + now.queued !=
            0) {
        fail_msg(
            "%s: left behind: %ld allocations (%zu bytes), %ld pinned (%zu bytes), %ld streams, %ld events, "
            "%ld handles, %ld graphs, %ld pieces of work",
            name, now.allocations, now.device_bytes, now.pinned, now.pinned_bytes, now.streams, now.events,
            now.handles, now.graphs, now.queued);
    }
}
