/* header.c - parses the table of tensors in a safetensors header */
/* SPDX-License-Identifier: MIT */
#include "host/data/header.h"
#include "host/data/json.h"

#include <inttypes.h>
#include <string.h>

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
    rm_header *header;
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
    return rm_fail(
        p->error, ROPEMAP_DATA,
        "%s: tensor '%s': unknown dtype '%s', the format has F16, BF16, F32, F64 and types that are "
        "no vectors",
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
    rm_header *header = p->header;
    header->entries[header->count++] = (rm_entry){.name = name, .begin = p->begin, .end = p->end};
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

/* Free-form notes: an object of strings. */
static ropemap_status take_metadata(parser *p) {
    bool first = true;
    if (!rm_json_take(&p->json, '{')) {
        return fail_json(p);
    }
    while (rm_json_more(&p->json, '}', &first)) {
        if (rm_json_string(&p->json) == NULL || !rm_json_take(&p->json, ':') ||
            rm_json_string(&p->json) == NULL) {
            break;
        }
    }
    return p->json.wrong == NULL ? ROPEMAP_OK : fail_json(p);
}

ropemap_status rm_header_parse(rm_header *header, ropemap_error *error) {
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
            return rm_fail(error, ROPEMAP_DATA, "%s: the header holds __metadata__ twice",
                           header->input->name);
        }
        metadata = true;
        RM_TRY(take_metadata(&p));
    }
    return p.json.wrong == NULL && rm_json_end(&p.json) ? ROPEMAP_OK : fail_json(&p);
}
