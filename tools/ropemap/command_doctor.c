/* command_doctor.c - ropemap doctor */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/command_check.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/options.h"
#include "tools/ropemap/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

/* The reason without the word it begins with where the line says that already. */
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
    const ropemap_bench_machine *machine = &found->machine;
    label("processor");
    print_plain(stdout, machine->processor);
    (void)printf(", SIMD %s\n", machine->simd);
    label("threads");
    (void)printf("%" PRId32 ", one a processor\n", machine->processors);
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
    const ropemap_bench_machine *machine = &found->machine;
    return document_print(json_pack(
        "{s:s, s:s, s:{s:o, s:i, s:s}, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "schema", "ropemap.doctor/1",
        "version", ropemap_version(), "processor", "model", document_text(machine->processor), "processors",
        (int)machine->processors, "simd", machine->simd, "threads", (int)machine->processors, "memory_bytes",
        found->memory > 0 ? json_integer((json_int_t)found->memory) : json_null(), "driver",
        driver_object(found), "driver_reason", reason_text(&found->driver_reason), "gpus", gpus_array(found),
        "plugin", plugin_object(found), "plugin_reason", reason_text(&found->plugin_reason), "verdict",
        verdict_object(found)));
}

typedef struct doctor_options {
    bool json;
} doctor_options;

static const cli_option options_table[] = {
    {.group = GROUP_OUTPUT,
     .name = "json",
     .help = "print JSON of schema ropemap.doctor/1 instead of text",
     .set = option_set_flag,
     .offset = offsetof(doctor_options, json)},
    {.name = NULL},
};

/* A machine without a GPU is in order; one whose driver reports a GPU that cannot be used is not. */
static int verdict(const diagnosis *found) {
    const bool reported = found->driver_reason.status == ROPEMAP_OK;
    return reported && found->gpu_reason.status != ROPEMAP_OK ? ROPEMAP_RESOURCES : ROPEMAP_OK;
}

static int run(int argc, char **argv) {
    doctor_options options = {.json = false};
    ropemap_error error = {.status = ROPEMAP_OK};
    bool help = false;
    ropemap_status status = options_parse(&command_doctor, argc, argv, &options, &help, &error);
    if (status == ROPEMAP_OK && help) {
        return help_command(&command_doctor);
    }
    diagnosis found = {.gpus = NULL};
    status = status == ROPEMAP_OK ? diagnosis_make(&found, &error) : status;
    int code = failure_report(status, &error);
    if (status == ROPEMAP_OK) {
        code = options.json ? doctor_json(&found) : doctor_text(&found);
        code = code == ROPEMAP_OK ? verdict(&found) : code;
    }
    diagnosis_free(&found);
    return code;
}

static void notes(void) {
    (void)printf("\nWhere the driver reports a GPU, a small map is made on GPU 0. Exit code 5: that failed.\n"
                 "A machine without a GPU is in order: exit code 0.\n");
}

const cli_command command_doctor = {
    .name = "doctor",
    .summary = "tell what this machine has, and whether its GPU will be used",
    .usage = "[--json]",
    .options = options_table,
    .notes = notes,
    .run = run,
};
