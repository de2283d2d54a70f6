/* signals.h - Ctrl-C and SIGTERM end long work in good order */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SIGNALS_H
#define ROPEMAP_TOOLS_SIGNALS_H

#include <stdbool.h>

/* From here on SIGINT, SIGTERM and SIGHUP are remembered instead of ending the process. */
void signals_hold(void);

/* Signals act as usual again; one that was remembered takes effect now and ends the process by that signal.
 */
void signals_release(void);

/* Whether one of them came. */
bool signals_came(void);

#endif
