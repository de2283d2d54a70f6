/* fake_setting.c - what the environment asks of the stand-ins for CUDA */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/fake.h"

#include <stdlib.h>
#include <string.h>

bool fake_setting(const char *name, char value[64]) {
    const char *at = getenv("ROPEMAP_FAKE_CUDA");
    const size_t length = strlen(name);
    while (at != NULL) {
        const size_t size = strcspn(at, ",");
        if (size > length && strncmp(at, name, length) == 0 && at[length] == '=') {
            const size_t taken = size - length - 1 < 63 ? size - length - 1 : 63;
            memcpy(value, at + length + 1, taken);
            value[taken] = '\0';
            return true;
        }
        at = at[size] == ',' ? at + size + 1 : NULL;
    }
    return false;
}

uint64_t fake_setting_number(const char *name, uint64_t otherwise) {
    char text[64];
    if (!fake_setting(name, text)) {
        return otherwise;
    }
    char *end = NULL;
    const uint64_t number = strtoull(text, &end, 10);
    switch (*end) {
    case 'K':
        return number << 10;
    case 'M':
        return number << 20;
    case 'G':
        return number << 30;
    default:
        return number;
    }
}
