/* machine.c - the CPU that maps run on */
/* SPDX-License-Identifier: MIT */
#include "host/base/team.h"
#include "host/device/backend.h"
#include "host/ropemap_machine.h"

#include <stdio.h>
#include <string.h>

/* The value of the first line of /proc/cpuinfo that begins with "model name". */
static bool read_model(char *model, size_t size) {
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[256];
    bool found = false;
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        found = strncmp(line, "model name", 10) == 0 && colon != NULL;
        if (found) {
            colon += strspn(colon, ": \t");
            (void)snprintf(model, size, "%.*s", (int)strcspn(colon, "\n"), colon);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return found;
}

ropemap_status ropemap_machine_describe(ropemap_machine *machine, ropemap_error *error) {
    *machine = (ropemap_machine){.processors = rm_usable_cpus()};
    const rm_backend *backend = rm_cpu_backend();
    const rm_device device = rm_cpu_device();
    rm_context *context = NULL;
    RM_TRY(backend->open(&context, &device, error));
    (void)snprintf(machine->simd, sizeof machine->simd, "%s", backend->variant(context));
    backend->close(context);
    if (!read_model(machine->processor, sizeof machine->processor)) {
        (void)snprintf(machine->processor, sizeof machine->processor, "unknown");
    }
    return ROPEMAP_OK;
}
