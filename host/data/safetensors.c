/* safetensors.c - safetensors files: the header, its tensors, and that they tile the file */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/data/tensor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One tensor: its name, decoded, in the header's text, and its bytes [begin, end) after the header. */
typedef struct tensor_entry {
    const char *name;
    uint64_t begin, end;
} tensor_entry;

typedef struct tensor_header {
    const rm_input *input;
    char *text; /* [size], decoded in place: it holds the names */
    uint64_t size;
    tensor_entry *entries; /* [count] */
    uint64_t count;
    const char *wanted;          /* the tensor to find; NULL: any */
    rm_metadata_entry *metadata; /* [metadata_count] to find */
    int metadata_count;
    bool found;
    rm_tensor tensor;      /* the one found, of any the last */
    const char *type_name; /* its dtype where vectors cannot be of it, otherwise NULL */
} tensor_header;

/*
 * The least text an entry can take, {"":{"dtype":"U8","shape":[],"data_offsets":[0,0]}} with a comma: a
 * header of n bytes has at most n / 50 + 1 entries.
 */
enum { RM_ENTRY_TEXT_MIN = 50 };

typedef int (*entry_order)(const void *, const void *);

static int by_name(const void *a, const void *b) {
    return strcmp(((const tensor_entry *)a)->name, ((const tensor_entry *)b)->name);
}

static int by_bytes(const void *a, const void *b) {
    const tensor_entry *x = a, *y = b;
    if (x->begin != y->begin) {
        return x->begin < y->begin ? -1 : 1;
    }
    return x->end == y->end ? 0 : x->end < y->end ? -1 : 1;
}

/* Sorts unless the entries are sorted already, as files written in order are. */
static void sort_entries(tensor_header *header, entry_order order) {
    for (uint64_t i = 1; i < header->count; i++) {
        if (order(&header->entries[i - 1], &header->entries[i]) > 0) {
            qsort(header->entries, (size_t)header->count, sizeof *header->entries, order);
            return;
        }
    }
}

static ropemap_status check_names(tensor_header *header, ropemap_error *error) {
    sort_entries(header, by_name);
    for (uint64_t i = 1; i < header->count; i++) {
        if (by_name(&header->entries[i - 1], &header->entries[i]) == 0) {
            char name[RM_LABEL_BYTES / 2];
            rm_label_make(name, sizeof name, header->entries[i].name);
            return rm_fail(error, ROPEMAP_DATA, "%s: the header has tensor '%s' twice", header->input->name,
                           name);
        }
    }
    return ROPEMAP_OK;
}

/* Checks the entries against each other: no name twice, and they tile `data_bytes` without hole or overlap.
 */
static ropemap_status check_header(tensor_header *header, uint64_t data_bytes, ropemap_error *error) {
    RM_TRY(check_names(header, error));
    sort_entries(header, by_bytes);
    uint64_t end = 0;
    for (uint64_t i = 0; i < header->count; i++) {
        const tensor_entry *entry = &header->entries[i];
        char name[RM_LABEL_BYTES / 2];
        if (entry->begin != end) {
            rm_label_make(name, sizeof name, entry->name);
            return rm_fail(error, ROPEMAP_DATA,
                           "%s: tensor '%s' begins at byte %" PRIu64
                           " of the data, the tensors before it end at "
                           "%" PRIu64 ": %s",
                           header->input->name, name, entry->begin, end,
                           entry->begin < end ? "they overlap" : "the gap belongs to no tensor");
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
                       "%s: %" PRIu64 " bytes follow the last tensor; tensors must fill the file",
                       header->input->name, data_bytes - end);
    }
    return ROPEMAP_OK;
}

/* Every element type of the format. Those that are `usable` can be vectors, as `kind`. */
typedef struct element_type {
    const char *name;
    uint32_t bits;
    bool usable;
    rm_element_kind kind;
} element_type;

static const element_type TYPES[] = {
    {"F16", 16, true, RM_ELEMENT_F16},  {"BF16", 16, true, RM_ELEMENT_BF16},
    {"F32", 32, true, RM_ELEMENT_F32},  {"F64", 64, true, RM_ELEMENT_F64},
    {.name = "BOOL", .bits = 8},        {.name = "U8", .bits = 8},
    {.name = "I8", .bits = 8},          {.name = "U16", .bits = 16},
    {.name = "I16", .bits = 16},        {.name = "U32", .bits = 32},
    {.name = "I32", .bits = 32},        {.name = "U64", .bits = 64},
    {.name = "I64", .bits = 64},        {.name = "C64", .bits = 64},
    {.name = "F8_E4M3", .bits = 8},     {.name = "F8_E5M2", .bits = 8},
    {.name = "F8_E8M0", .bits = 8},     {.name = "F8_E4M3FNUZ", .bits = 8},
    {.name = "F8_E5M2FNUZ", .bits = 8}, {.name = "F6_E2M3", .bits = 6},
    {.name = "F6_E3M2", .bits = 6},     {.name = "F4", .bits = 4},
};

typedef enum entry_key { KEY_DTYPE, KEY_SHAPE, KEY_OFFSETS, KEYS } entry_key;

static const char *const KEY_NAMES[KEYS] = {"dtype", "shape", "data_offsets"};

/* An entry while it is read. */
typedef struct parser {
    tensor_header *header;
    rm_json json;
    char name[RM_LABEL_BYTES / 2]; /* of the tensor, for messages */
    bool seen[KEYS];
    const element_type *type;
    int32_t rank;
    uint64_t shape[RM_TENSOR_RANK_MAX], begin, end;
    ropemap_error *error;
} parser;

static ropemap_status fail_json(const parser *p) {
    return rm_fail(p->error, ROPEMAP_DATA, "%s: byte %" PRIu64 " of the header: %s", p->header->input->name,
                   p->json.at, p->json.wrong);
}

static ropemap_status take_type(parser *p) {
    const char *name = rm_json_string(&p->json);
    if (name == NULL) {
        return fail_json(p);
    }
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        if (strcmp(name, TYPES[i].name) == 0) {
            p->type = &TYPES[i];
            return ROPEMAP_OK;
        }
    }
    char label[32];
    rm_label_make(label, sizeof label, name);
    return rm_fail(p->error, ROPEMAP_DATA,
                   "%s: tensor '%s': unknown dtype '%s'; vectors are F16, BF16, F32 or F64",
                   p->header->input->name, p->name, label);
}

static ropemap_status take_shape(parser *p) {
    bool first = true;
    if (!rm_json_take(&p->json, '[')) {
        return fail_json(p);
    }
    while (rm_json_more(&p->json, ']', &first)) {
        if (p->rank == RM_TENSOR_RANK_MAX) {
            return rm_fail(p->error, ROPEMAP_DATA, "%s: tensor '%s': shape has more than %d axes",
                           p->header->input->name, p->name, RM_TENSOR_RANK_MAX);
        }
        if (!rm_json_integer(&p->json, &p->shape[p->rank])) {
            return fail_json(p);
        }
        p->rank++;
    }
    return p->json.wrong == NULL ? ROPEMAP_OK : fail_json(p);
}

static ropemap_status take_offsets(parser *p) {
    const bool taken = rm_json_take(&p->json, '[') && rm_json_integer(&p->json, &p->begin) &&
                       rm_json_take(&p->json, ',') && rm_json_integer(&p->json, &p->end) &&
                       rm_json_take(&p->json, ']');
    return taken ? ROPEMAP_OK : fail_json(p);
}

static ropemap_status take_member(parser *p) {
    const char *name = rm_json_string(&p->json);
    if (name == NULL) {
        return fail_json(p);
    }
    int key = 0;
    while (key < KEYS && strcmp(name, KEY_NAMES[key]) != 0) {
        key++;
    }
    if (key == KEYS || p->seen[key]) {
        char label[32];
        rm_label_make(label, sizeof label, name);
        return rm_fail(p->error, ROPEMAP_DATA,
                       "%s: tensor '%s' has %s key '%s', it has dtype, shape and data_offsets, each once",
                       p->header->input->name, p->name, key == KEYS ? "an unknown" : "a second", label);
    }
    p->seen[key] = true;
    if (!rm_json_take(&p->json, ':')) {
        return fail_json(p);
    }
    return key == KEY_DTYPE ? take_type(p) : key == KEY_SHAPE ? take_shape(p) : take_offsets(p);
}

/* shape x type = data_offsets. */
static ropemap_status check_extent(const parser *p) {
    const char *file = p->header->input->name;
    uint64_t elements;
    if (!rm_tensor_elements(p->shape, p->rank, &elements) || elements > UINT64_MAX / p->type->bits) {
        return rm_fail(p->error, ROPEMAP_DATA, "%s: tensor '%s': the shape's product passes 2^64 bits", file,
                       p->name);
    }
    const uint64_t bits = elements * p->type->bits;
    if (bits % 8 != 0) {
        return rm_fail(p->error, ROPEMAP_DATA,
                       "%s: tensor '%s': %" PRIu64 " elements of %s do not end at a whole byte", file,
                       p->name, elements, p->type->name);
    }
    if (p->begin > p->end) {
        return rm_fail(p->error, ROPEMAP_DATA,
                       "%s: tensor '%s': data_offsets [%" PRIu64 ", %" PRIu64 "] end before they begin", file,
                       p->name, p->begin, p->end);
    }
    if (p->end - p->begin != bits / 8) {
        return rm_fail(p->error, ROPEMAP_DATA,
                       "%s: tensor '%s': data_offsets [%" PRIu64 ", %" PRIu64 "] span %" PRIu64
                       " bytes, its shape and dtype %s need %" PRIu64,
                       file, p->name, p->begin, p->end, p->end - p->begin, p->type->name, bits / 8);
    }
    return ROPEMAP_OK;
}

static void keep(const parser *p, const char *name) {
    tensor_header *header = p->header;
    header->entries[header->count++] = (tensor_entry){.name = name, .begin = p->begin, .end = p->end};
    if (header->wanted != NULL && strcmp(header->wanted, name) != 0) {
        return;
    }
    header->found = true;
    header->type_name = p->type->usable ? NULL : p->type->name;
    header->tensor = (rm_tensor){.rank = p->rank, .offset = p->begin};
    header->tensor.element.kind = p->type->kind;
    memcpy(header->tensor.shape, p->shape, sizeof p->shape);
    rm_label_make(header->tensor.name, sizeof header->tensor.name, name);
}

static ropemap_status take_entry(parser *p, const char *name) {
    rm_label_make(p->name, sizeof p->name, name);
    memset(p->seen, 0, sizeof p->seen);
    p->rank = 0;
    bool first = true;
    if (!rm_json_take(&p->json, '{')) {
        return fail_json(p);
    }
    while (rm_json_more(&p->json, '}', &first)) {
        RM_TRY(take_member(p));
    }
    if (p->json.wrong != NULL) {
        return fail_json(p);
    }
    for (int key = 0; key < KEYS; key++) {
        if (!p->seen[key]) {
            return rm_fail(p->error, ROPEMAP_DATA, "%s: tensor '%s' lacks %s", p->header->input->name,
                           p->name, KEY_NAMES[key]);
        }
    }
    RM_TRY(check_extent(p));
    keep(p, name);
    return ROPEMAP_OK;
}

/* Copies a value that is wanted. */
static ropemap_status keep_metadata(const parser *p, const char *name, const char *value) {
    for (int i = 0; i < p->header->metadata_count; i++) {
        rm_metadata_entry *wanted = &p->header->metadata[i];
        const size_t bytes = strlen(value) + 1;
        if (strcmp(wanted->name, name) != 0) {
            continue;
        }
        if (wanted->value != NULL) {
            return rm_fail(p->error, ROPEMAP_DATA, "%s: __metadata__ has '%s' twice", p->header->input->name,
                           name);
        }
        wanted->value = rm_alloc_raw(bytes, 1);
        if (wanted->value == NULL) {
            return rm_fail_memory(p->error, "metadata", bytes);
        }
        memcpy(wanted->value, value, bytes);
    }
    return ROPEMAP_OK;
}

/* Free-form notes: an object of strings. */
static ropemap_status take_metadata(parser *p) {
    bool first = true;
    if (!rm_json_take(&p->json, '{')) {
        return fail_json(p);
    }
    while (rm_json_more(&p->json, '}', &first)) {
        const char *name = rm_json_string(&p->json);
        if (name == NULL || !rm_json_take(&p->json, ':')) {
            break;
        }
        const char *value = rm_json_string(&p->json);
        if (value == NULL) {
            break;
        }
        RM_TRY(keep_metadata(p, name, value));
    }
    return p->json.wrong == NULL ? ROPEMAP_OK : fail_json(p);
}

/*
 * Parses `text` into `entries`, which has room for every entry the text may hold, and finds the wanted
 * tensor. Checks each entry by itself: names, types, sizes, shape x type against the offsets.
 */
static ropemap_status parse_header(tensor_header *header, ropemap_error *error) {
    parser p = {.header = header, .json = {.text = header->text, .size = header->size}, .error = error};
    bool first = true, metadata = false;
    if (!rm_json_take(&p.json, '{')) {
        return fail_json(&p);
    }
    while (rm_json_more(&p.json, '}', &first)) {
        const char *name = rm_json_string(&p.json);
        if (name == NULL || !rm_json_take(&p.json, ':')) {
            break;
        }
        if (strcmp(name, "__metadata__") != 0) {
            RM_TRY(take_entry(&p, name));
            continue;
        }
        if (metadata) {
            return rm_fail(error, ROPEMAP_DATA, "%s: the header has __metadata__ twice", header->input->name);
        }
        metadata = true;
        RM_TRY(take_metadata(&p));
    }
    return p.json.wrong == NULL && rm_json_end(&p.json) ? ROPEMAP_OK : fail_json(&p);
}

enum { LENGTH_BYTES = 8, NAMES_SHOWN = 3 };

/* The length that the file begins with, checked against the file's own. */
static ropemap_status read_length(const rm_input *input, uint64_t *length, ropemap_error *error) {
    uint8_t bytes[LENGTH_BYTES];
    if (input->size < LENGTH_BYTES) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: %s (%" PRIu64 " bytes); a safetensors file begins with 8 bytes of header length",
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
        return rm_fail(error, ROPEMAP_DATA, "%s: a header of %" PRIu64 " bytes; the format allows %d",
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

/* Up to three names, quoted: the most similar ones, or the first where no name was given. */
static void list_names(const tensor_header *header, char *text, size_t size) {
    const tensor_entry *best[NAMES_SHOWN] = {NULL};
    size_t scores[NAMES_SHOWN] = {0}, at = 0;
    for (uint64_t i = 0; i < header->count; i++) {
        const tensor_entry *entry = &header->entries[i];
        size_t score = header->wanted == NULL ? 0 : likeness(header->wanted, entry->name);
        for (int rank = 0; rank < NAMES_SHOWN && entry != NULL; rank++) {
            if (best[rank] != NULL && score <= scores[rank]) {
                continue;
            }
            const tensor_entry *moved = best[rank];
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

/* No such tensor, or several and no name given. */
static ropemap_status fail_choice(const tensor_header *header, ropemap_error *error) {
    const char *file = header->input->name;
    char names[NAMES_SHOWN * 70], wanted[100];
    list_names(header, names, sizeof names);
    if (header->wanted == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: has %" PRIu64 " tensors; name one: %s%s", file,
                       header->count, names, header->count > NAMES_SHOWN ? ", ..." : "");
    }
    rm_label_make(wanted, sizeof wanted, header->wanted);
    return rm_fail(error, ROPEMAP_USAGE, "%s: no tensor '%s'; the nearest of %" PRIu64 ": %s", file, wanted,
                   header->count, names);
}

static ropemap_status choose(const tensor_header *header, rm_tensor *tensor, ropemap_error *error) {
    const char *file = header->input->name;
    if (header->count == 0) {
        return rm_fail(error, ROPEMAP_DATA, "%s: no tensor in it", file);
    }
    if (!header->found || (header->wanted == NULL && header->count > 1)) {
        return fail_choice(header, error);
    }
    if (header->type_name != NULL) {
        return rm_fail(error, ROPEMAP_DATA, "%s: tensor '%s' is of %s; vectors are F16, BF16, F32 or F64",
                       file, header->tensor.name, header->type_name);
    }
    *tensor = header->tensor;
    tensor->offset += LENGTH_BYTES + header->size;
    return ROPEMAP_OK;
}

/* Reads and checks the whole header. Its memory is the caller's, also after a failure. */
static ropemap_status read_header(tensor_header *header, ropemap_error *error) {
    const rm_input *input = header->input;
    RM_TRY(read_length(input, &header->size, error));
    const uint64_t entries = header->size / RM_ENTRY_TEXT_MIN + 1;
    header->text = rm_alloc_raw(header->size, 1);
    header->entries = rm_alloc_raw(entries, sizeof *header->entries);
    if (header->text == NULL || header->entries == NULL) {
        return rm_fail_memory(error, input->name, header->size + entries * sizeof *header->entries);
    }
    RM_TRY(rm_input_read(input, LENGTH_BYTES, header->size, header->text, error));
    if (header->size == 0 || header->text[0] != '{') {
        return rm_fail(error, ROPEMAP_DATA, "%s: the header is not a JSON object: it must begin with {",
                       input->name);
    }
    RM_TRY(parse_header(header, error));
    return check_header(header, input->size - LENGTH_BYTES - header->size, error);
}

static void free_header(tensor_header *header) {
    rm_free(header->entries);
    rm_free(header->text);
}

ropemap_status rm_safetensors_find(const rm_input *input, const char *name, rm_tensor *tensor,
                                   ropemap_error *error) {
    tensor_header header = {.input = input, .wanted = name};
    ropemap_status status = read_header(&header, error);
    status = status == ROPEMAP_OK ? choose(&header, tensor, error) : status;
    free_header(&header);
    return status;
}

ropemap_status rm_safetensors_metadata(const rm_input *input, rm_metadata_entry *wanted, int count,
                                       ropemap_error *error) {
    tensor_header header = {.input = input, .metadata = wanted, .metadata_count = count};
    const ropemap_status status = read_header(&header, error);
    free_header(&header);
    return status;
}
