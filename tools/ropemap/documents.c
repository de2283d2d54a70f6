/* documents.c - parts of JSON documents that several commands have, and printing them */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/documents.h"
#include "tools/ropemap/failure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cli_bytes bytes_shown(uint64_t bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    cli_bytes shown;
    (void)snprintf(shown.text, sizeof shown.text, "%.4g %s", value, units[unit]);
    return shown;
}

json_t *document_real(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *document_count(int64_t count) {
    return count > 0 ? json_integer((json_int_t)count) : json_null();
}

json_t *document_text(const char *text) {
    json_t *plain = json_string(text);
    if (plain != NULL) {
        return plain;
    }
    const size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy == NULL) {
        return NULL;
    }
    for (size_t index = 0; index < size; index++) {
        copy[index] = text[index];
        if ((unsigned char)text[index] >= 0x80) {
            copy[index] = '?';
        }
    }
    plain = json_string(copy);
    free(copy);
    return plain;
}

json_t *document_base(const ropemap_spec *spec) {
    return spec->frequencies == NULL ? json_real(spec->base) : json_null();
}

json_t *document_frequencies(const ropemap_spec *spec) {
    return spec->frequencies == NULL ? json_null() : document_text(spec->frequencies->name);
}

const char *document_deal(const ropemap_axes *axes) {
    return axes->count > 0 ? ropemap_deal_name(axes->deal) : "none";
}

json_t *document_axes(const ropemap_axes *axes) {
    json_t *array = json_array();
    for (int32_t axis = 0; axis < axes->count; axis++) {
        json_t *one = json_pack("{s:s, s:i, s:o}", "name", ropemap_axis_name(axes, axis), "elements",
                                2 * (int)axes->pairs[axis], "patches", document_count(axes->grid[axis]));
        (void)json_array_append_new(array, one);
    }
    return array;
}

ropemap_status document_bytes(json_t *document, ropemap_bytes *text, ropemap_error *error) {
    char *data = document != NULL ? json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(document);
    *text = (ropemap_bytes){.data = (uint8_t *)data, .size = data != NULL ? strlen(data) : 0};
    return data != NULL ? ROPEMAP_OK : fail(error, ROPEMAP_RESOURCES, "no memory for the document");
}

int document_print(json_t *document) {
    ropemap_error error;
    if (document == NULL) {
        return failure_report(fail(&error, ROPEMAP_RESOURCES, "--json: no memory for the document"), &error);
    }
    (void)json_dumpf(document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17) | JSON_ENSURE_ASCII);
    (void)putchar('\n');
    json_decref(document);
    return finish_stdout();
}
