/* command_doctor.c - ropemap doctor: what this machine has, and why its GPU is or is not used */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_machine.h"
#include "tools/ropemap/documents.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/run.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each `_reason` is why there is none; its status is ROPEMAP_OK where there is one. */
typedef struct diagnosed_gpu {
    ropemap_gpu gpu;
    ropemap_error reason;
} diagnosed_gpu;

/* Start zeroed; free with diagnosis_free. */
typedef struct diagnosis {
    ropemap_machine machine;
    uint64_t memory; /* bytes of RAM; 0 where the system does not say */
    ropemap_driver driver;
    ropemap_error driver_reason;
    diagnosed_gpu *gpus; /* [driver.devices] */
    ropemap_plugin plugin;
    ropemap_error plugin_reason;
    ropemap_error
        gpu_reason; /* why --backend auto does not use GPU 0, for which a small map was made there */
} diagnosis;

/* ---- what there is ------------------------------------------------------------------------------------- */

static uint64_t memory_bytes(void) {
    const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    return pages < 1 || bytes < 1 ? 0 : (uint64_t)pages * (uint64_t)bytes;
}

static ropemap_status ask_gpus(diagnosis *found, ropemap_error *error) {
    const int32_t count = found->driver.devices;
    if (count < 1) {
        return ROPEMAP_OK;
    }
    found->gpus = calloc((size_t)count, sizeof *found->gpus);
    if (found->gpus == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "doctor: no memory for %d GPUs", (int)count);
    }
    for (int32_t index = 0; index < count; index++) {
        diagnosed_gpu *gpu = &found->gpus[index];
        gpu->reason.status = ropemap_gpu_describe(index, &gpu->gpu, &gpu->reason);
    }
    return ROPEMAP_OK;
}

/* Every stage runs: rows are rotated, multiplied and pooled. Only that shows whether all the parts work. */
static ropemap_status try_gpu(ropemap_error *reason) {
    ropemap_request request = ropemap_request_default();
    request.rows = request.cols = (ropemap_range){.first = 0, .count = 256, .step = 1};
    request.width = request.height = 16;
    request.pool = ROPEMAP_POOL_MAX;
    request.method = ROPEMAP_METHOD_TILED;
    request.backend = "cuda";
    ropemap_map map = {.cells = NULL};
    const ropemap_status status = ropemap_map_compute(&request, &map, reason);
    ropemap_map_free(&map);
    return status;
}

static ropemap_status diagnose(diagnosis *found, ropemap_error *error) {
    ropemap_status status = ropemap_machine_describe(&found->machine, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    found->memory = memory_bytes();
    found->driver_reason.status = ropemap_driver_describe(&found->driver, &found->driver_reason);
    found->plugin_reason.status = ropemap_plugin_describe(&found->plugin, &found->plugin_reason);
    if (found->driver_reason.status != ROPEMAP_OK) {
        found->gpu_reason = found->driver_reason;
        return ROPEMAP_OK;
    }
    status = ask_gpus(found, error);
    if (status == ROPEMAP_OK) {
        found->gpu_reason.status = try_gpu(&found->gpu_reason);
    }
    return status;
}

static void diagnosis_free(diagnosis *found) {
    free(found->gpus);
    *found = (diagnosis){.gpus = NULL};
}

/* ---- words --------------------------------------------------------------------------------------------- */

/* A short text, by value. */
typedef struct words {
    char text[32];
} words;

static bool is_there(const ropemap_error *reason) {
    return reason->status == ROPEMAP_OK;
}

/* "13.0" of 13000 */
static words cuda_version(int32_t version) {
    words shown;
    (void)snprintf(shown.text, sizeof shown.text, "%" PRId32 ".%" PRId32, version / 1000,
                   version % 1000 / 10);
    return shown;
}

static words compute_capability(const ropemap_gpu *gpu) {
    words shown;
    (void)snprintf(shown.text, sizeof shown.text, "%" PRId32 ".%" PRId32, gpu->major, gpu->minor);
    return shown;
}

/* The reason without its first word, where the line has that already. */
static const char *after(const char *text, const char *word) {
    const size_t length = strlen(word);
    return strncmp(text, word, length) == 0 ? text + length : text;
}

/* ---- text ---------------------------------------------------------------------------------------------- */

enum { LABEL_WIDTH = 11 };

static void label(const char *name) {
    (void)printf("%-*s", LABEL_WIDTH, name);
}

static void none(const char *reason) {
    (void)fputs("none: ", stdout);
    print_plain(stdout, reason);
    (void)putchar('\n');
}

static void print_processors(const diagnosis *found) {
    const ropemap_machine *machine = &found->machine;
    label("CPU");
    print_plain(stdout, machine->processor);
    (void)printf(", SIMD %s\n", machine->simd);
    label("threads");
    (void)printf("%" PRId32 ", one per CPU\n", machine->processors);
    label("memory");
    (void)printf("%s\n", found->memory > 0 ? bytes_shown(found->memory).text : "unknown");
}

static void print_gpu(const diagnosed_gpu *found, int32_t index) {
    const ropemap_gpu *gpu = &found->gpu;
    words name;
    (void)snprintf(name.text, sizeof name.text, "GPU %" PRId32, index);
    label(name.text);
    if (!is_there(&found->reason)) {
        none(found->reason.text);
        return;
    }
    print_plain(stdout, gpu->name);
    (void)printf(", compute capability %s, %" PRId32 " multiprocessors, %s, L2 %s\n",
                 compute_capability(gpu).text, gpu->processors, bytes_shown(gpu->memory).text,
                 bytes_shown(gpu->cache).text);
}

static void print_driver(const diagnosis *found) {
    const ropemap_driver *driver = &found->driver;
    label("driver");
    if (!is_there(&found->driver_reason)) {
        none(after(found->driver_reason.text, "no GPU: "));
        return;
    }
    (void)printf("CUDA %s, %" PRId32 " GPU%s\n", cuda_version(driver->version).text, driver->devices,
                 driver->devices == 1 ? "" : "s");
    for (int32_t index = 0; index < driver->devices; index++) {
        print_gpu(&found->gpus[index], index);
    }
}

static void print_plugin(const diagnosis *found) {
    const ropemap_plugin *plugin = &found->plugin;
    label("plugin");
    if (!is_there(&found->plugin_reason)) {
        none(after(found->plugin_reason.text, "cuda: "));
        return;
    }
    print_plain(stdout, plugin->path);
    (void)putchar('\n');
    label("");
    (void)printf("%s, %s, code for %s\n", plugin->runtime, plugin->blas, plugin->architectures);
}

/* Each prints to stdout and returns the exit code of printing. JSON is of schema ropemap.doctor/1. */
static int doctor_text(const diagnosis *found) {
    label("ropemap");
    (void)printf("%s\n", ropemap_version());
    print_processors(found);
    print_driver(found);
    print_plugin(found);
    if (is_there(&found->gpu_reason)) {
        (void)puts("GPU 0 will be used by --backend auto, for all but small maps");
    } else {
        (void)fputs("The GPU is not used: ", stdout);
        print_plain(stdout, after(found->gpu_reason.text, "no GPU: "));
        (void)putchar('\n');
    }
    return finish_stdout();
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static json_t *reason_text(const ropemap_error *reason) {
    return is_there(reason) ? json_null() : document_text(reason->text);
}

static json_t *gpu_object(const diagnosed_gpu *found, int32_t index) {
    const ropemap_gpu *gpu = &found->gpu;
    if (!is_there(&found->reason)) {
        return json_pack("{s:i, s:n, s:n, s:n, s:n, s:n, s:o}", "index", (int)index, "name",
                         "compute_capability", "multiprocessors", "memory_bytes", "l2_bytes", "reason",
                         reason_text(&found->reason));
    }
    return json_pack("{s:i, s:o, s:s, s:i, s:I, s:I, s:n}", "index", (int)index, "name",
                     document_text(gpu->name), "compute_capability", compute_capability(gpu).text,
                     "multiprocessors", (int)gpu->processors, "memory_bytes", (json_int_t)gpu->memory,
                     "l2_bytes", (json_int_t)gpu->cache, "reason");
}

static json_t *gpus_array(const diagnosis *found) {
    json_t *gpus = json_array();
    for (int32_t index = 0; found->gpus != NULL && index < found->driver.devices; index++) {
        if (json_array_append_new(gpus, gpu_object(&found->gpus[index], index)) != 0) {
            json_decref(gpus);
            return NULL;
        }
    }
    return gpus;
}

static json_t *driver_object(const diagnosis *found) {
    return is_there(&found->driver_reason)
               ? json_pack("{s:s, s:i}", "cuda", cuda_version(found->driver.version).text, "gpus",
                           (int)found->driver.devices)
               : json_null();
}

static json_t *plugin_object(const diagnosis *found) {
    const ropemap_plugin *plugin = &found->plugin;
    return is_there(&found->plugin_reason)
               ? json_pack("{s:o, s:o, s:o, s:o}", "path", document_text(plugin->path), "runtime",
                           document_text(plugin->runtime), "blas", document_text(plugin->blas),
                           "architectures", document_text(plugin->architectures))
               : json_null();
}

static json_t *verdict_object(const diagnosis *found) {
    const bool used = is_there(&found->gpu_reason);
    return json_pack("{s:s, s:o, s:o}", "backend", used ? "cuda" : "cpu", "gpu",
                     used ? json_integer(0) : json_null(), "reason", reason_text(&found->gpu_reason));
}

static int doctor_json(const diagnosis *found) {
    const ropemap_machine *machine = &found->machine;
    return document_print(json_pack(
        "{s:s, s:s, s:{s:o, s:i, s:s}, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "schema", "ropemap.doctor/1",
        "version", ropemap_version(), "processor", "model", document_text(machine->processor), "processors",
        (int)machine->processors, "simd", machine->simd, "threads", (int)machine->processors, "memory_bytes",
        document_count((int64_t)found->memory), "driver", driver_object(found), "driver_reason",
        reason_text(&found->driver_reason), "gpus", gpus_array(found), "plugin", plugin_object(found),
        "plugin_reason", reason_text(&found->plugin_reason), "verdict", verdict_object(found)));
}

typedef struct doctor_options {
    bool json;
} doctor_options;

static const cli_option doctor_rows[] = {
    OPTION_JSON(offsetof(doctor_options, json), "print JSON of schema ropemap.doctor/1 instead of text"),
    {.name = NULL},
};

/* A machine without a GPU is in order; one whose driver reports a GPU that cannot be used is not. */
static int verdict(const diagnosis *found) {
    const bool reported = found->driver_reason.status == ROPEMAP_OK;
    return reported && found->gpu_reason.status != ROPEMAP_OK ? ROPEMAP_RESOURCES : ROPEMAP_OK;
}

static ropemap_status work(void *given, cli_run *run, ropemap_error *error) {
    const doctor_options *options = given;
    diagnosis found = {.gpus = NULL};
    const ropemap_status status = diagnose(&found, error);
    if (status == ROPEMAP_OK) {
        run->code = options->json ? doctor_json(&found) : doctor_text(&found);
        run->code = run->code == ROPEMAP_OK ? verdict(&found) : run->code;
    }
    diagnosis_free(&found);
    return status;
}

static void notes(void) {
    (void)printf("\nWhere the driver reports a GPU, a small map is made on GPU 0. Exit code 5: that failed.\n"
                 "A machine without a GPU is in order: exit code 0.\n");
}

const cli_command command_doctor = {
    .name = "doctor",
    .summary = "show what this machine has, and whether its GPU will be used",
    .usage = "[--json]",
    .blocks = {{doctor_rows, 0}},
    .notes = notes,
    .size = sizeof(doctor_options),
    .work = work,
};
