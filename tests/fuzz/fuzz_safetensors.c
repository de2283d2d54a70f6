/* fuzz_safetensors.c - any bytes as a .safetensors file: opened in every order, read, freed */
/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/open_tensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    fuzz_tensor_file(".safetensors", bytes, size);
    return 0;
}
