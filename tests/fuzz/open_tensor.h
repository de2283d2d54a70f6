/* open_tensor.h - what the tensor file fuzzers share: bytes become a file, and the file is used as a map
 * would */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_FUZZ_OPEN_TENSOR_H
#define ROPEMAP_TESTS_FUZZ_OPEN_TENSOR_H

#include "host/data/vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads the first rows, the last one, and some in steps, into memory of just their size. */
static inline void fuzz_read_rows(const ropemap_vectors *vectors) {
    const int64_t count = ropemap_vectors_count(vectors), dim = ropemap_vectors_head_dim(vectors);
    const int64_t few = count < 40 ? count : 40, step = count > 3 ? count / 3 : 1;
    const ropemap_range ranges[] = {{0, few, 1}, {count - 1, 1, 1}, {0, (count - 1) / step + 1, step}};
    for (int i = 0; i < 3; i++) {
        float *rows = malloc((size_t)(ranges[i].count * dim) * sizeof *rows);
        ropemap_error error = {0};
        if (rows == NULL || vectors->read(vectors, ranges[i].first, ranges[i].count, ranges[i].step, rows,
                                          &error) != ROPEMAP_OK) {
            abort(); /* the file was checked when it was opened, and nobody changed it */
        }
        free(rows);
    }
}

/* Opens it in both orders, with and without a name, with packed heads and as frequencies; a refusal must have
 * a reason. */
static inline void fuzz_tensor_file(const char *ending, const uint8_t *bytes, size_t size) {
    const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    char path[100];
    (void)snprintf(path, sizeof path, "%s/ropemap-fuzz-%ld%s", folder, (long)getpid(), ending);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        abort();
    }
    for (int i = 0; i < 6; i++) {
        const ropemap_tensor tensor = {
            .path = path,
            .name = i < 2 || i > 3 ? NULL : "k",
            .order = i % 2 == 0 ? ROPEMAP_ORDER_HSD : ROPEMAP_ORDER_SHD,
            .query_heads = i == 3 ? 2 : 0,
            .packed_heads = i == 4 ? 2 : 0,
            .packed_head_dim = i == 5 ? 2 : 0,
        };
        ropemap_vectors *vectors = NULL;
        ropemap_error error = {0};
        const ropemap_status status = ropemap_vectors_open(&tensor, &vectors, &error);
        if (status == ROPEMAP_OK) {
            fuzz_read_rows(vectors);
        } else if (vectors != NULL || error.status != status || error.text[0] == '\0' ||
                   strchr(error.text, '\n') != NULL) {
            abort();
        }
        ropemap_vectors_free(vectors);
    }
    for (int64_t head = 0; head < 2 && strcmp(ending, ".npy") == 0; head++) {
        ropemap_frequencies *table = NULL;
        ropemap_error error = {0};
        const ropemap_status status = ropemap_frequencies_read(path, head, &table, &error);
        if (status == ROPEMAP_OK ? table->pairs < 1 : table != NULL || error.text[0] == '\0') {
            abort();
        }
        ropemap_frequencies_free(table);
    }
    (void)unlink(path);
}

#endif
