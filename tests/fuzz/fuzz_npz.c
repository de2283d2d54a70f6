/* fuzz_npz.c - any bytes as a .npz file: its directory, its arrays inflated, opened in every order, read,
 * freed */
/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/open_tensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    fuzz_tensor_file(".npz", bytes, size);
    return 0;
}
