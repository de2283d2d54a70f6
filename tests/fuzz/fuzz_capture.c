/* fuzz_capture.c - any bytes as what a capture states of its layers, and as vLLM-Hook's qk.json */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap_capture.h"
#include "tests/fuzz/open_tensor.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Queries of two heads and keys of one, three rows each, after the header; vLLM-Hook's are the same. */
static const char *const names[] = {
    "layers.3.pre.q", "layers.3.pre.k", "layers.3.post.q", "layers.3.post.k", "q", "k"};

static void write_file(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        abort();
    }
}

/* A file of those tensors, with `layers` in its metadata; NULL: without metadata. */
static void write_tensors(const char *path, json_t *layers) {
    static const char *const metadata[][2] = {{"format", "ropemap.capture"},
                                              {"version", "1"},
                                              {"state", "both"},
                                              {"order", "hsd"},
                                              {"config", "{}"},
                                              {"tokens", "9"},
                                              {"query_first", "2"},
                                              {"query_step", "3"},
                                              {"key_first", "0"},
                                              {"key_step", "1"}};
    json_t *header = json_object();
    if (layers != NULL) {
        json_t *entries = json_object();
        for (size_t i = 0; i < sizeof metadata / sizeof *metadata; i++) {
            (void)json_object_set_new(entries, metadata[i][0], json_string(metadata[i][1]));
        }
        (void)json_object_set(entries, "layers", layers);
        (void)json_object_set_new(header, "__metadata__", entries);
    }
    int at = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const bool hook = i >= 4;
        const int heads = i % 2 == 0 ? 2 : 1, end = at + heads * 3 * 4 * 4;
        (void)json_object_set_new(header, names[i],
                                  json_pack("{s:s, s:[iii], s:[ii]}", "dtype", "F32", "shape",
                                            hook ? 1 : heads, 3, hook ? 4 * heads : 4, "data_offsets", at,
                                            end));
        at = end;
    }
    char *text = json_dumps(header, JSON_COMPACT);
    const uint64_t length = strlen(text);
    uint8_t *file = calloc(1, 8 + length + (size_t)at);
    for (int i = 0; i < 8; i++) {
        file[i] = (uint8_t)(length >> 8 * i);
    }
    memcpy(file + 8, text, length);
    write_file(path, file, 8 + length + (size_t)at);
    free(file);
    free(text);
    json_decref(header);
}

static void check_error(ropemap_status status, const ropemap_error *error) {
    if (status != ROPEMAP_OK && (error->status != status || error->text[0] == '\0')) {
        abort();
    }
}

/* Opens it and reads the first and the last head of each layer. */
static void use(const char *path) {
    ropemap_capture *capture = NULL;
    ropemap_error error = {0};
    check_error(ropemap_capture_open(path, &capture, &error), &error);
    const ropemap_capture_layer *layer = NULL;
    for (int32_t i = 0; capture != NULL && (layer = ropemap_capture_layer_at(capture, i)) != NULL; i++) {
        for (int k = 0; k < 4; k++) {
            ropemap_vectors *queries = NULL, *keys = NULL;
            const int64_t head = layer->queries[k % 2 == 0 ? 0 : layer->query_count - 1];
            error = (ropemap_error){.status = ROPEMAP_OK};
            const ropemap_status status = ropemap_capture_vectors(
                capture, layer, head, 0, k < 2 ? ROPEMAP_STATE_PRE : ROPEMAP_STATE_POST, &queries, &keys,
                &error);
            check_error(status, &error);
            if (status == ROPEMAP_OK) {
                fuzz_read_rows(queries);
                fuzz_read_rows(keys);
            }
            ropemap_vectors_free(queries);
            ropemap_vectors_free(keys);
        }
    }
    ropemap_capture_free(capture);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    char path[100], text[100];
    (void)snprintf(path, sizeof path, "%s/ropemap-fuzz-%ld.safetensors", folder, (long)getpid());
    (void)snprintf(text, sizeof text, "%s/ropemap-fuzz-%ld.json", folder, (long)getpid());
    json_t *layers = json_stringn((const char *)bytes, size);
    if (layers != NULL) { /* UTF-8, as a string in JSON must be */
        write_tensors(path, layers);
        use(path);
        json_decref(layers);
    }
    write_tensors(path, NULL);
    write_file(text, bytes, size);
    use(path);
    (void)unlink(path);
    (void)unlink(text);
    return 0;
}
