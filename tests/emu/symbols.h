/* symbols.h - what the symbol table of the program knows: names of kernels, places of shared memory */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_EMU_SYMBOLS_H
#define ROPEMAP_EMU_SYMBOLS_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

struct emu_range {
    char *first;
    size_t bytes;
};

/* Every __shared__ variable of the program or library that holds the emulation. */
const std::vector<emu_range> &emu_shared_variables();

/* The function's name and parameters, or its address where the table has no name. */
std::string emu_function_name(const void *function);

#endif
