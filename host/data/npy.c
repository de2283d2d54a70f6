/* npy.c - numpy's .npy files: the header's Python literal, dtype, shape and order, read and
 * written; tables of frequencies */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"
#include "host/data/tensor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PREFIX_BYTES = 8, TEXT_BYTES = 24 };

typedef enum header_key { KEY_DESCR, KEY_FORTRAN, KEY_SHAPE, KEYS } header_key;

static const char *const KEY_NAMES[KEYS] = {"descr", "fortran_order", "shape"};

/* The literal while it is read. */
typedef struct literal {
    const rm_input *input;
    const char *text; /* [size] */
    uint64_t size, at;
    bool whole; /* elements are to be whole numbers, else floats */
    bool seen[KEYS];
    rm_tensor *tensor;
    ropemap_error *error;
} literal;

static ropemap_status fail_at(const literal *header, const char *what) {
    return rm_fail(header->error, ROPEMAP_DATA,
                   "%s: byte %" PRIu64
                   " of the header: %s; it must be a dict literal with descr, fortran_order and shape",
                   header->input->name, header->at, what);
}

/* The next character that is not white space, not taken; '\0' at the end. */
static char peek(literal *header) {
    while (header->at < header->size && memchr(" \t\n\r\f", header->text[header->at], 5) != NULL) {
        header->at++;
    }
    return header->at < header->size ? header->text[header->at] : '\0';
}

static bool take(literal *header, char wanted) {
    const bool found = peek(header) == wanted;
    header->at += found ? 1 : 0;
    return found;
}

static bool take_word(literal *header, const char *word) {
    const size_t length = strlen(word);
    (void)peek(header);
    const bool found =
        length <= header->size - header->at && memcmp(header->text + header->at, word, length) == 0;
    header->at += found ? length : 0;
    return found;
}

/* A string without escapes, in single or double quotes. */
static ropemap_status take_string(literal *header, char text[TEXT_BYTES]) {
    const char quote = peek(header);
    if (quote != '\'' && quote != '"') {
        return fail_at(header, "expected a quoted string");
    }
    header->at++;
    size_t length = 0;
    while (header->at < header->size && header->text[header->at] != quote) {
        const char c = header->text[header->at];
        if (c < ' ' || c > '~' || c == '\\') {
            return fail_at(header, "a string with a character beyond printable ASCII");
        }
        if (length == TEXT_BYTES - 1) {
            return fail_at(header, "a string is longer than any key or element type");
        }
        text[length++] = c;
        header->at++;
    }
    if (header->at == header->size) {
        return fail_at(header, "an unterminated string");
    }
    header->at++;
    text[length] = '\0';
    return ROPEMAP_OK;
}

static ropemap_status take_size(literal *header, uint64_t *size) {
    const char first = peek(header);
    if (first == '-') {
        return fail_at(header, "a negative axis length");
    }
    if (first < '0' || first > '9') {
        return fail_at(header, "expected a size in decimal digits");
    }
    const uint64_t start = header->at;
    *size = 0;
    for (; header->at < header->size; header->at++) {
        const char digit = header->text[header->at];
        if (digit < '0' || digit > '9') {
            break;
        }
        const uint64_t value = (uint64_t)(digit - '0');
        if (*size > (UINT64_MAX - value) / 10) {
            return fail_at(header, "an axis of 2^64 or more elements");
        }
        *size = *size * 10 + value;
    }
    return first == '0' && header->at - start > 1 ? fail_at(header, "a size with a leading 0") : ROPEMAP_OK;
}

/* "(3, 4)", "(3,)" or "()"; "(3)" is a number in Python, not a tuple. */
static ropemap_status take_shape(literal *header) {
    rm_tensor *tensor = header->tensor;
    if (!take(header, '(')) {
        return fail_at(header, "shape must be a tuple of sizes");
    }
    bool comma = true;
    while (!take(header, ')')) {
        if (!comma) {
            return fail_at(header, "expected a comma or ) in shape");
        }
        if (tensor->rank == RM_TENSOR_RANK_MAX) {
            return fail_at(header, "shape has more than 8 axes");
        }
        RM_TRY(take_size(header, &tensor->shape[tensor->rank]));
        tensor->rank++;
        comma = take(header, ',');
    }
    return tensor->rank == 1 && !comma ? fail_at(header, "shape is a number, not a tuple") : ROPEMAP_OK;
}

/* The spellings of an element type that NumPy reads. */
typedef struct element_name {
    const char *code, *letter; /* after a byte order, or without one */
    const char *words[2];      /* without one */
    rm_element_kind kind;
    bool whole;
} element_name;

static const element_name ELEMENT_NAMES[] = {
    {"f2", "e", {"float16", "half"}, RM_ELEMENT_F16, false},
    {"f4", "f", {"float32", "single"}, RM_ELEMENT_F32, false},
    {"f8", "d", {"float64", "double"}, RM_ELEMENT_F64, false},
    {"V2", "", {"bfloat16"}, RM_ELEMENT_BF16, false},
    {"i1", "b", {"int8"}, RM_ELEMENT_I8, true},
    {"i2", "h", {"int16"}, RM_ELEMENT_I16, true},
    {"i4", "i", {"int32"}, RM_ELEMENT_I32, true},
    {"i8", "q", {"int64"}, RM_ELEMENT_I64, true},
    {"u1", "B", {"uint8"}, RM_ELEMENT_U8, true},
    {"u2", "H", {"uint16"}, RM_ELEMENT_U16, true},
    {"u4", "I", {"uint32"}, RM_ELEMENT_U32, true},
    {"u8", "Q", {"uint64"}, RM_ELEMENT_U64, true},
};

enum { ELEMENT_NAME_COUNT = sizeof ELEMENT_NAMES / sizeof ELEMENT_NAMES[0] };

/* '<' and '>' are byte orders. '=' and '|', or none, are what the machine has that wrote the file: NumPy
 * writes '>' on one that is not little-endian. */
static bool find_element(const char *descr, bool whole, rm_element *element) {
    const bool ordered = descr[0] != '\0' && strchr("<>=|", descr[0]) != NULL;
    const char *name = ordered ? descr + 1 : descr;
    element->big_endian = descr[0] == '>';
    for (int i = 0; i < ELEMENT_NAME_COUNT && name[0] != '\0'; i++) {
        const element_name *known = &ELEMENT_NAMES[i];
        const bool short_name = strcmp(name, known->code) == 0 || strcmp(name, known->letter) == 0;
        bool word = false;
        for (int j = 0; j < 2 && !ordered && known->words[j] != NULL; j++) {
            word = word || strcmp(name, known->words[j]) == 0;
        }
        if (known->whole == whole && (short_name || word)) {
            element->kind = known->kind;
            return true;
        }
    }
    return false;
}

static ropemap_status take_descr(literal *header) {
    const char next = peek(header);
    if (next == '[' || next == '(') {
        return fail_at(header, header->whole ? "a structured element type; use i1 to i8 or u1 to u8"
                                             : "a structured element type; use f2, f4 or f8");
    }
    char descr[TEXT_BYTES];
    RM_TRY(take_string(header, descr));
    if (!find_element(descr, header->whole, &header->tensor->element)) {
        return rm_fail(header->error, ROPEMAP_DATA, "%s: element type '%s'%s, %s", header->input->name, descr,
                       strchr(descr, 'O') != NULL ? " is Python objects" : "",
                       header->whole
                           ? "positions are whole numbers: 'i1', 'i2', 'i4', 'i8' or the same with 'u'"
                           : "vectors are '<f2', '<f4', '<f8', the same with '>', or bfloat16 ('<V2'); "
                             "array.astype('float32') makes one of them");
    }
    /* NumPy has no name for bfloat16: ml_dtypes' arrays are saved as void elements of two bytes. */
    header->tensor->assumed_bfloat =
        header->tensor->element.kind == RM_ELEMENT_BF16 && strcmp(descr, "bfloat16") != 0;
    return ROPEMAP_OK;
}

static ropemap_status take_fortran(literal *header) {
    header->tensor->fortran = take_word(header, "True");
    return header->tensor->fortran || take_word(header, "False")
               ? ROPEMAP_OK
               : fail_at(header, "fortran_order must be True or False");
}

static ropemap_status take_entry(literal *header) {
    char name[TEXT_BYTES];
    RM_TRY(take_string(header, name));
    int key = 0;
    while (key < KEYS && strcmp(name, KEY_NAMES[key]) != 0) {
        key++;
    }
    if (key == KEYS || header->seen[key]) {
        return rm_fail(header->error, ROPEMAP_DATA,
                       "%s: the header has %s key '%s', it has descr, "
                       "fortran_order and shape, each once",
                       header->input->name, key == KEYS ? "an unknown" : "a second", name);
    }
    header->seen[key] = true;
    if (!take(header, ':')) {
        return fail_at(header, "expected a colon");
    }
    return key == KEY_DESCR   ? take_descr(header)
           : key == KEY_SHAPE ? take_shape(header)
                              : take_fortran(header);
}

static ropemap_status parse_literal(literal *header) {
    if (!take(header, '{')) {
        return fail_at(header, "expected {");
    }
    bool comma = true;
    while (!take(header, '}')) {
        if (!comma) {
            return fail_at(header, "expected a comma or }");
        }
        RM_TRY(take_entry(header));
        comma = take(header, ',');
    }
    (void)peek(header);
    if (header->at < header->size) {
        return fail_at(header, "text after the closing }");
    }
    for (int key = 0; key < KEYS; key++) {
        if (!header->seen[key]) {
            return rm_fail(header->error, ROPEMAP_DATA, "%s: the header lacks the key '%s'",
                           header->input->name, KEY_NAMES[key]);
        }
    }
    return ROPEMAP_OK;
}

static bool ends_with(const char *name, const char *ending) {
    const size_t length = strlen(name), ending_length = strlen(ending);
    return length >= ending_length && strcmp(name + length - ending_length, ending) == 0;
}

const char *rm_foreign_advice(const char *name, const uint8_t *start, uint64_t held) {
    const bool zip = held >= 4 && memcmp(start, "PK\3\4", 4) == 0;
    const bool pickle = held >= 2 && start[0] == 0x80 && start[1] >= 2 && start[1] <= 5;
    const bool raw = ends_with(name, ".bin"); /* of anything */
    if (ends_with(name, ".pt") || ends_with(name, ".pth") || (zip && raw) ||
        (pickle && !ends_with(name, ".safetensors"))) {
        return "a torch.save pickle, which may run code, so it is not read; load it with "
               "torch.load(FILE, weights_only=True) and write safetensors.torch.save_file({'q': q}, "
               "'q.safetensors')";
    }
    if (zip) {
        return "an archive (numpy.savez or torch.save); if numpy.savez wrote it, let its name end in .npz "
               "and "
               "name the array, FILE.npz:NAME, or save the array on its own: numpy.save('q.npy', "
               "numpy.load(FILE)['NAME'])";
    }
    if (ends_with(name, ".index.json")) {
        return "the index of a model in several files; give the .safetensors file that its weight_map names "
               "for the tensor";
    }
    if (ends_with(name, ".gguf") || (held >= 4 && memcmp(start, "GGUF", 4) == 0)) {
        return "a GGUF file, which has weights, not queries and keys; --model reads its rule, vectors come "
               "from .npy or .safetensors files";
    }
    return NULL;
}

/* Checks magic and version; gives where the dict literal begins and how long it is. */
static ropemap_status read_prefix(const rm_input *input, uint64_t *start, uint64_t *length,
                                  ropemap_error *error) {
    uint8_t prefix[PREFIX_BYTES + 4] = {0};
    const uint64_t held = input->size < sizeof prefix ? input->size : sizeof prefix;
    RM_TRY(rm_input_read(input, 0, held, prefix, error));
    if (held < PREFIX_BYTES + 2 || memcmp(prefix, RM_NPY_MAGIC, RM_NPY_MAGIC_BYTES) != 0) {
        const char *advice = rm_foreign_advice(input->name, prefix, held);
        return advice != NULL ? rm_fail(error, ROPEMAP_DATA, "%s: %s", input->name, advice)
                              : rm_fail(error, ROPEMAP_DATA,
                                        "%s: not a .npy file (%" PRIu64
                                        " bytes): it must begin with \\x93NUMPY, a version and the "
                                        "header's length",
                                        input->name, input->size);
    }
    const unsigned major = prefix[6], minor = prefix[7];
    if (major < 1 || major > 3 || minor != 0) {
        return rm_fail(error, ROPEMAP_DATA, "%s: .npy format version %u.%u; 1.0, 2.0 and 3.0 are read",
                       input->name, major, minor);
    }
    *start = PREFIX_BYTES + (major == 1 ? 2 : 4);
    *length = prefix[8] | (uint64_t)prefix[9] << 8;
    if (major > 1) {
        *length |= (uint64_t)prefix[10] << 16 | (uint64_t)prefix[11] << 24;
    }
    if (input->size < *start || *length > input->size - *start) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: a header of %" PRIu64 " bytes does not fit in a file of %" PRIu64 " bytes",
                       input->name, *length, input->size);
    }
    if (*length > RM_NPY_HEADER_MAX) {
        return rm_fail(error, ROPEMAP_DATA, "%s: a header of %" PRIu64 " bytes; at most %d are read",
                       input->name, *length, RM_NPY_HEADER_MAX);
    }
    return ROPEMAP_OK;
}

static ropemap_status check_extent(const rm_input *input, const rm_tensor *tensor, ropemap_error *error) {
    const uint64_t held = input->size - tensor->offset;
    const uint32_t size = rm_element_bytes(tensor->element);
    uint64_t elements;
    if (!rm_tensor_elements(tensor->shape, tensor->rank, &elements) || elements > UINT64_MAX / size) {
        return rm_fail(error, ROPEMAP_DATA, "%s: the shape's product passes 2^64 bytes", input->name);
    }
    if (elements * size > held) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: truncated: the shape needs %" PRIu64 " bytes, %" PRIu64 " follow the header",
                       input->name, elements * size, held);
    }
    return ROPEMAP_OK;
}

static ropemap_status parse(const rm_input *input, bool whole, rm_tensor *tensor, ropemap_error *error) {
    uint64_t start = 0, length = 0;
    RM_TRY(read_prefix(input, &start, &length, error));
    char *text = rm_alloc_raw(length, 1);
    if (text == NULL) {
        return rm_fail_memory(error, input->name, length);
    }
    *tensor = (rm_tensor){.offset = start + length};
    ropemap_status status = rm_input_read(input, start, length, text, error);
    if (status == ROPEMAP_OK) {
        literal header = {
            .input = input, .text = text, .size = length, .whole = whole, .tensor = tensor, .error = error};
        status = parse_literal(&header);
    }
    rm_free(text);
    return status == ROPEMAP_OK ? check_extent(input, tensor, error) : status;
}

ropemap_status rm_npy_parse(const rm_input *input, rm_tensor *tensor, ropemap_error *error) {
    return parse(input, false, tensor, error);
}

ropemap_status rm_npy_parse_whole(const rm_input *input, rm_tensor *tensor, ropemap_error *error) {
    return parse(input, true, tensor, error);
}

enum { NUMBERS_MOST = 1 << 24 };

/* The last axis that is not of size 1 holds a row; those before it count rows. */
static ropemap_status check_shape(const rm_input *input, const rm_tensor *tensor, int64_t *rows,
                                  int64_t *count, ropemap_error *error) {
    uint64_t elements = 1, row = 1;
    for (int32_t axis = 0; axis < tensor->rank; axis++) {
        const uint64_t size = tensor->shape[axis];
        if (size == 0 || size > NUMBERS_MOST / elements) {
            return rm_fail(error, ROPEMAP_DATA,
                           "%s: axis %" PRId32 " has %" PRIu64
                           " entries; a buffer of frequencies has 1 to %d numbers",
                           input->name, axis, size, NUMBERS_MOST);
        }
        elements *= size;
        row = size != 1 ? size : row;
    }
    *rows = (int64_t)(elements / row);
    *count = (int64_t)row;
    return ROPEMAP_OK;
}

static ropemap_status read(const rm_input *input, float **numbers, int64_t *rows, int64_t *count,
                           ropemap_error *error) {
    rm_tensor tensor;
    RM_TRY(rm_npy_parse(input, &tensor, error));
    RM_TRY(check_shape(input, &tensor, rows, count, error));
    const uint64_t bytes = rm_element_bytes(tensor.element);
    const uint64_t elements = (uint64_t)*rows * (uint64_t)*count, all = elements * bytes;
    uint8_t *stored = rm_alloc_raw(all, 1);
    *numbers = rm_alloc_raw(elements, sizeof **numbers);
    ropemap_status status = stored == NULL || *numbers == NULL
                                ? rm_fail_memory(error, "numbers", all)
                                : rm_input_read(input, tensor.offset, all, stored, error);
    if (status == ROPEMAP_OK) {
        rm_element_convert(tensor.element, stored, bytes, *numbers, 1, (int64_t)elements);
    } else {
        rm_free(*numbers);
        *numbers = NULL;
    }
    rm_free(stored);
    return status;
}

ropemap_status ropemap_numbers_read(const char *path, float **numbers, int64_t *rows, int64_t *count,
                                    ropemap_error *error) {
    rm_input input;
    *numbers = NULL;
    *rows = *count = 0;
    RM_TRY(rm_input_open(path, &input, error));
    const ropemap_status status = read(&input, numbers, rows, count, error);
    rm_input_close(&input);
    return status;
}

void ropemap_numbers_free(float *numbers) {
    rm_free(numbers);
}

/* ---- frequencies */

typedef struct table {
    ropemap_frequencies shown; /* first: it is what the caller frees */
    char name[RM_LABEL_BYTES + 48];
    double radians[]; /* [shown.pairs] */
} table;

/* [pairs] or [heads, pairs], apart from axes of size 1. */
static ropemap_status check_table(const rm_input *input, const rm_tensor *tensor, int64_t head,
                                  uint64_t *heads, uint64_t *pairs, ropemap_error *error) {
    uint64_t sizes[2] = {1, 1};
    int32_t count = 0;
    char shape[96];
    rm_tensor_shape_text(shape, sizeof shape, tensor);
    for (int32_t axis = 0; axis < tensor->rank; axis++) {
        if (tensor->shape[axis] != 1 && count++ < 2) {
            sizes[count - 1] = tensor->shape[axis];
        }
    }
    *heads = count == 2 ? sizes[0] : 1;
    *pairs = count == 2 ? sizes[1] : sizes[0];
    if (count > 2 || *heads == 0 || *heads > INT32_MAX || *pairs == 0 || *pairs > ROPEMAP_MAX_PAIRS) {
        return rm_fail(error, ROPEMAP_DATA,
                       "%s: shape %s, frequencies are [pairs] or [heads, pairs], 1 to %d pairs", input->name,
                       shape, ROPEMAP_MAX_PAIRS);
    }
    return head >= 0 && (uint64_t)head < *heads ? ROPEMAP_OK
                                                : rm_fail(error, ROPEMAP_USAGE,
                                                          "%s: no frequencies of head %" PRId64
                                                          ", there are %" PRIu64 " heads, counted from 0",
                                                          input->name, head, *heads);
}

static ropemap_status read_radians(const rm_input *input, const rm_tensor *tensor, uint64_t heads,
                                   int64_t head, table *made, ropemap_error *error) {
    const uint64_t bytes = rm_element_bytes(tensor->element), pairs = (uint64_t)made->shown.pairs;
    const uint64_t row = (uint64_t)head * (tensor->fortran ? 1 : pairs), apart = tensor->fortran ? heads : 1;
    for (uint64_t i = 0; i < pairs; i++) {
        uint8_t stored[8] = {0};
        RM_TRY(rm_input_read(input, tensor->offset + (row + i * apart) * bytes, bytes, stored, error));
        made->radians[i] = rm_element_double(tensor->element, stored);
        if (!isfinite(made->radians[i])) {
            return rm_fail(error, ROPEMAP_DATA,
                           "%s: the frequency of pair %" PRIu64 " is %g, not a number of "
                           "radians a token",
                           input->name, i, made->radians[i]);
        }
    }
    return ROPEMAP_OK;
}

static ropemap_status read_table(const rm_input *input, int64_t head, table **made, ropemap_error *error) {
    rm_tensor tensor;
    uint64_t heads = 1, pairs = 1;
    RM_TRY(rm_npy_parse(input, &tensor, error));
    RM_TRY(check_table(input, &tensor, head, &heads, &pairs, error));
    const uint64_t bytes = sizeof(table) + pairs * sizeof(double);
    table *whole = rm_alloc(1, bytes);
    *made = whole;
    if (whole == NULL) {
        return rm_fail_memory(error, input->name, bytes);
    }
    const char *slash = strrchr(input->name, '/'), *file = slash == NULL ? input->name : slash + 1;
    (void)snprintf(whole->name, sizeof whole->name, heads > 1 ? "%s, head %" PRId64 " of %" PRIu64 : "%s",
                   file, head, heads);
    whole->shown = (ropemap_frequencies){.radians = whole->radians,
                                         .pairs = (int32_t)pairs,
                                         .heads = (int64_t)heads,
                                         .name = whole->name,
                                         .note = tensor.assumed_bfloat ? RM_NOTE_BFLOAT : NULL};
    return read_radians(input, &tensor, heads, head, whole, error);
}

ropemap_status ropemap_frequencies_read(const char *path, int64_t head, ropemap_frequencies **frequencies,
                                        ropemap_error *error) {
    rm_input input;
    table *made = NULL;
    *frequencies = NULL;
    RM_TRY(rm_input_open(path, &input, error));
    const ropemap_status status = read_table(&input, head, &made, error);
    rm_input_close(&input);
    if (status != ROPEMAP_OK) {
        rm_free(made);
        return status;
    }
    *frequencies = &made->shown;
    return ROPEMAP_OK;
}

void ropemap_frequencies_free(ropemap_frequencies *frequencies) {
    rm_free(frequencies);
}

/* ---- writing: version 1.0 (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html) */

size_t rm_npy_start(char start[RM_NPY_START_MOST], const char *descr, const char *shape) {
    enum { PREAMBLE = 10, ALIGNMENT = 64 };
    const int used = snprintf(start + PREAMBLE, RM_NPY_START_MOST - PREAMBLE,
                              "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape);
    const size_t size = (PREAMBLE + (size_t)used + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    memset(start + PREAMBLE + used, ' ', size - PREAMBLE - (size_t)used - 1);
    start[size - 1] = '\n';
    memcpy(start, RM_NPY_MAGIC "\1", PREAMBLE - 2); /* and the minor version, 0 */
    start[8] = (char)(uint8_t)((size - PREAMBLE) & 0xff);
    start[9] = (char)(uint8_t)((size - PREAMBLE) >> 8);
    return size;
}

/* Little-endian whatever the machine is. */
static void put_floats(uint8_t *to, const float *cells, int64_t count) {
    for (int64_t cell = 0; cell < count; cell++) {
        uint32_t bits;
        memcpy(&bits, &cells[cell], sizeof bits);
        to[4 * cell] = (uint8_t)bits;
        to[4 * cell + 1] = (uint8_t)(bits >> 8);
        to[4 * cell + 2] = (uint8_t)(bits >> 16);
        to[4 * cell + 3] = (uint8_t)(bits >> 24);
    }
}

ropemap_status ropemap_map_npy(const ropemap_map *map, ropemap_bytes *bytes, ropemap_error *error) {
    if (map->cells == NULL || map->height < 1 || map->width < 1 || map->height > ROPEMAP_MAX_SIDE ||
        map->width > ROPEMAP_MAX_SIDE) {
        return rm_fail(error, ROPEMAP_USAGE, "map: %" PRId64 " x %" PRId64 " cells%s; a side has 1 to %d",
                       map->width, map->height, map->cells == NULL ? " and none in memory" : "",
                       ROPEMAP_MAX_SIDE);
    }
    char start[RM_NPY_START_MOST], shape[50];
    (void)snprintf(shape, sizeof shape, "%" PRId64 ", %" PRId64, map->height, map->width);
    const int64_t cells = map->height * map->width;
    const size_t first = rm_npy_start(start, "<f4", shape), size = first + 4 * (size_t)cells;
    uint8_t *data = rm_alloc_raw(size, 1);
    if (data == NULL) {
        return rm_fail_memory(error, "npy", size);
    }
    memcpy(data, start, first);
    put_floats(data + first, map->cells, cells);
    *bytes = (ropemap_bytes){.data = data, .size = size};
    return ROPEMAP_OK;
}
