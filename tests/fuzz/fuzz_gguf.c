/* fuzz_gguf.c - any bytes as a GGUF file: opened for each kind of layer, and its rule used */
/* SPDX-License-Identifier: MIT */
#include "host/ropemap.h"
#include "host/ropemap_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A rule from a file was checked: it must make frequencies, whatever the length. */
static void use(const ropemap_model *model) {
    static ropemap_freqs freqs;
    ropemap_spec spec = *ropemap_model_spec(model);
    ropemap_error error = {0};
    spec.length = 100000.0;
    if (ropemap_freqs_make(&spec, &freqs, &error) != ROPEMAP_OK || ropemap_model_name(model)[0] == '\0' ||
        strchr(ropemap_model_name(model), '\n') != NULL || ropemap_model_trained_length(model) < 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char *const layer_types[] = {NULL, "sliding_attention", "no_attention", "1"};
    const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    char path[100];
    (void)snprintf(path, sizeof path, "%s/ropemap-fuzz-%ld.gguf", folder, (long)getpid());
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        abort();
    }
    for (int i = 0; i < 4; i++) {
        ropemap_model *model = NULL;
        ropemap_error error = {0};
        const ropemap_status status =
            ropemap_model_open(path, &(ropemap_model_choice){.layer_type = layer_types[i]}, &model, &error);
        if (status == ROPEMAP_OK) {
            use(model);
        } else if (model != NULL || error.status != status || error.text[0] == '\0' ||
                   strchr(error.text, '\n') != NULL) {
            abort();
        }
        ropemap_model_free(model);
    }
    (void)unlink(path);
    return 0;
}
