/* command_doctor.c - `ropemap doctor`: what this machine has, and whether its GPU will be used */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/diagnosis.h"
#include "tools/ropemap/doctor_report.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/options.h"

#include <stdio.h>

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
