/* safetensors.c - finds a tensor in a .safetensors file */
/* SPDX-License-Identifier: MIT */
#include "host/data/safetensors.h"
#include "host/base/alloc.h"
#include "host/data/header.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LENGTH_BYTES = 8, NAMES_SHOWN = 3 };

/* The length that the file begins with, checked against the file's own. */
static ropemap_status read_length(const rm_input *input, uint64_t *length, ropemap_error *error) {
    uint8_t bytes[LENGTH_BYTES];
    if (input->size < LENGTH_BYTES) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: %s (%" PRIu64 " bytes), a safetensors file begins with 8 bytes of header length",
                       input->name, input->size == 0 ? "is empty" : "is too short", input->size);
    }
    RM_TRY(rm_input_read(input, 0, LENGTH_BYTES, bytes, error));
    *length = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--) {
        *length = *length << 8 | bytes[i];
    }
    if (*length > input->size - LENGTH_BYTES) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: a header of %" PRIu64 " bytes does not fit in a file of %" PRIu64 " bytes",
                       input->name, *length, input->size);
    }
    if (*length > RM_SAFETENSORS_HEADER_MAX) {
        return rm_fail(error, ROPEMAP_DATA, "%s: a header of %" PRIu64 " bytes, the format allows %d",
                       input->name, *length, RM_SAFETENSORS_HEADER_MAX);
    }
    return ROPEMAP_OK;
}

/* How alike two names are: bytes that they share at the beginning and at the end. */
static size_t likeness(const char *a, const char *b) {
    const size_t a_length = strlen(a), b_length = strlen(b),
                 least = a_length < b_length ? a_length : b_length;
    size_t front = 0, back = 0;
    while (front < least && a[front] == b[front]) {
        front++;
    }
    while (front + back < least && a[a_length - 1 - back] == b[b_length - 1 - back]) {
        back++;
    }
    return front + back;
}

/* Up to three names, quoted: those most like the wanted one, or the first ones where none is wanted. */
static void list_names(const rm_header *header, char *text, size_t size) {
    const rm_entry *best[NAMES_SHOWN] = {NULL};
    size_t scores[NAMES_SHOWN] = {0}, at = 0;
    for (uint64_t i = 0; i < header->count; i++) {
        const rm_entry *entry = &header->entries[i];
        size_t score = header->wanted == NULL ? 0 : likeness(header->wanted, entry->name);
        for (int rank = 0; rank < NAMES_SHOWN && entry != NULL; rank++) {
            if (best[rank] != NULL && score <= scores[rank]) {
                continue;
            }
            const rm_entry *moved = best[rank];
            const size_t moved_score = scores[rank];
            best[rank] = entry;
            scores[rank] = score;
            entry = moved;
            score = moved_score;
        }
    }
    text[0] = '\0';
    for (int rank = 0; rank < NAMES_SHOWN && best[rank] != NULL && at < size; rank++) {
        char name[64];
        rm_label_make(name, sizeof name, best[rank]->name);
        at += (size_t)snprintf(text + at, size - at, "%s'%s'", rank == 0 ? "" : ", ", name);
    }
}

/* The tensor was not found, or none was asked for and there are several. */
static ropemap_status fail_choice(const rm_header *header, ropemap_error *error) {
    const char *file = header->input->name;
    char names[NAMES_SHOWN * 70], wanted[100];
    list_names(header, names, sizeof names);
    if (header->wanted == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: holds %" PRIu64 " tensors, name one of them: %s%s", file,
                       header->count, names, header->count > NAMES_SHOWN ? ", ..." : "");
    }
    rm_label_make(wanted, sizeof wanted, header->wanted);
    return rm_fail(error, ROPEMAP_USAGE, "%s: holds no tensor '%s', the nearest of %" PRIu64 ": %s", file,
                   wanted, header->count, names);
}

static ropemap_status choose(const rm_header *header, rm_tensor *tensor, ropemap_error *error) {
    const char *file = header->input->name;
    if (header->count == 0) {
        return rm_fail(error, ROPEMAP_DATA, "%s: holds no tensor", file);
    }
    if (!header->found || (header->wanted == NULL && header->count > 1)) {
        return fail_choice(header, error);
    }
    if (header->type_name != NULL) {
        return rm_fail(error, ROPEMAP_DATA, "%s: tensor '%s' is of %s, vectors are F16, BF16, F32 or F64",
                       file, header->tensor.name, header->type_name);
    }
    *tensor = header->tensor;
    tensor->offset += LENGTH_BYTES + header->size;
    return ROPEMAP_OK;
}

ropemap_status rm_safetensors_find(const rm_input *input, const char *name, rm_tensor *tensor,
                                   ropemap_error *error) {
    rm_header header = {.input = input, .wanted = name};
    RM_TRY(read_length(input, &header.size, error));
    const uint64_t entries = header.size / RM_ENTRY_TEXT_MIN + 1;
    header.text = rm_alloc_raw(header.size, 1);
    header.entries = rm_alloc_raw(entries, sizeof *header.entries);
    ropemap_status status = ROPEMAP_OK;
    if (header.text == NULL || header.entries == NULL) {
        status = rm_fail_memory(error, input->name, header.size + entries * sizeof *header.entries);
    }
    if (status == ROPEMAP_OK) {
        status = rm_input_read(input, LENGTH_BYTES, header.size, header.text, error);
    }
    if (status == ROPEMAP_OK && (header.size == 0 || header.text[0] != '{')) {
        status = rm_fail(error, ROPEMAP_DATA, "%s: the header is no JSON object: it must begin with {",
                         input->name);
    }
    if (status == ROPEMAP_OK) {
        status = rm_header_parse(&header, error);
    }
    if (status == ROPEMAP_OK) {
        status = rm_header_check(&header, input->size - LENGTH_BYTES - header.size, error);
    }
    if (status == ROPEMAP_OK) {
        status = choose(&header, tensor, error);
    }
    rm_free(header.entries);
    rm_free(header.text);
    return status;
}
