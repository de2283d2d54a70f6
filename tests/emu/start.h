/* start.h - starts a kernel of a test */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_EMU_START_H
#define ROPEMAP_EMU_START_H

#include "cuda/kernels.h"

/* Arguments are converted to what the kernel takes. */
template <class... P>
cudaError_t start(void (*kernel)(P...), dim3 grid, dim3 block, std::common_type_t<P>... arguments) {
    return rm_launch(kernel, grid, block, 0, nullptr, static_cast<P>(arguments)...);
}

#endif
