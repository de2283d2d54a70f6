/* fuzz_npy.c - any bytes as a .npy file: opened in every order, read, freed */
/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/open_tensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    fuzz_tensor_file(".npy", bytes, size);
    return 0;
}
