/* report.h - says what is wrong with an emulated kernel, and ends */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_EMU_REPORT_H
#define ROPEMAP_EMU_REPORT_H

/* Prints the message, the running kernel and block, where its threads are, and aborts. */
[[noreturn]] __attribute__((format(printf, 1, 2))) void emu_die(const char *format, ...);

#endif
