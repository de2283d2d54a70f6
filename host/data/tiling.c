/* tiling.c - checks the tensors of a safetensors header against each other: names, and who holds which bytes
 */
/* SPDX-License-Identifier: MIT */
#include "host/data/header.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef int (*entry_order)(const void *, const void *);

static int by_name(const void *a, const void *b) {
    return strcmp(((const rm_entry *)a)->name, ((const rm_entry *)b)->name);
}

static int by_bytes(const void *a, const void *b) {
    const rm_entry *x = a, *y = b;
    if (x->begin != y->begin) {
        return x->begin < y->begin ? -1 : 1;
    }
    return x->end == y->end ? 0 : x->end < y->end ? -1 : 1;
}

/* Sorts unless the entries are sorted already, as files written in order are. */
static void sort_entries(rm_header *header, entry_order order) {
    for (uint64_t i = 1; i < header->count; i++) {
        if (order(&header->entries[i - 1], &header->entries[i]) > 0) {
            qsort(header->entries, (size_t)header->count, sizeof *header->entries, order);
            return;
        }
    }
}

static ropemap_status check_names(rm_header *header, ropemap_error *error) {
    sort_entries(header, by_name);
    for (uint64_t i = 1; i < header->count; i++) {
        if (by_name(&header->entries[i - 1], &header->entries[i]) == 0) {
            char name[RM_LABEL_BYTES / 2];
            rm_label_make(name, sizeof name, header->entries[i].name);
            return rm_fail(error, ROPEMAP_DATA, "%s: the header holds tensor '%s' twice", header->input->name,
                           name);
        }
    }
    return ROPEMAP_OK;
}

ropemap_status rm_header_check(rm_header *header, uint64_t data_bytes, ropemap_error *error) {
    RM_TRY(check_names(header, error));
    sort_entries(header, by_bytes);
    uint64_t end = 0;
    for (uint64_t i = 0; i < header->count; i++) {
        const rm_entry *entry = &header->entries[i];
        char name[RM_LABEL_BYTES / 2];
        if (entry->begin != end) {
            rm_label_make(name, sizeof name, entry->name);
            return rm_fail(error, ROPEMAP_DATA,
                           "%s: tensor '%s' begins at byte %" PRIu64
                           " of the data, the tensors before it end at "
                           "%" PRIu64 ": %s",
                           header->input->name, name, entry->begin, end,
                           entry->begin < end ? "they overlap" : "the hole between belongs to none");
        }
        if (entry->end > data_bytes) {
            rm_label_make(name, sizeof name, entry->name);
            return rm_fail(error, ROPEMAP_DATA,
                           "%s: tensor '%s' ends at byte %" PRIu64 " of the data, the file holds %" PRIu64,
                           header->input->name, name, entry->end, data_bytes);
        }
        end = entry->end;
    }
    if (end != data_bytes) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: %" PRIu64 " bytes follow the last tensor, the tensors must fill the file",
                       header->input->name, data_bytes - end);
    }
    return ROPEMAP_OK;
}
