/* version.c - which ropemap this is */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap.h"

const char *ropemap_version(void) {
    return RM_VERSION;
}
