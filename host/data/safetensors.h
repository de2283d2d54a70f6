/* safetensors.h - safetensors files: the header, its tensors, and that they tile the file */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DATA_SAFETENSORS_H
#define ROPEMAP_HOST_DATA_SAFETENSORS_H

#include "host/data/tensor.h"

/*
 * Reads and checks the whole header (https://github.com/huggingface/safetensors, "Format"), then finds
 * `name`, or the only tensor where `name` is NULL. ROPEMAP_DATA for a file that breaks the format or a tensor
 * that is not of floats; ROPEMAP_USAGE, with names that it holds, where the file lacks the tensor or a name
 * is needed.
 */
ropemap_status rm_safetensors_find(const rm_input *input, const char *name, rm_tensor *tensor,
                                   ropemap_error *error);

#endif
