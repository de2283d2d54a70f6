/* doctor_report.h - what `ropemap doctor` says, as text or as JSON */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_DOCTOR_REPORT_H
#define ROPEMAP_TOOLS_DOCTOR_REPORT_H

#include "tools/ropemap/diagnosis.h"

/* Each prints to stdout and returns the exit code of printing. JSON is of schema ropemap.doctor/1. */
int doctor_text(const diagnosis *found);
int doctor_json(const diagnosis *found);

#endif
