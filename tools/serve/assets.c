/* assets.c - the files of the page, which tools/cmake/explorer.cmake compresses and puts into the program */
/* SPDX-License-Identifier: MIT */
#include "tools/serve/routes.h"

#include <stddef.h>

/* Made with the files' bytes; ends with a row without a path. */
extern const serve_asset rm_explorer_assets[];

const serve_asset *asset_at(int index) {
    return rm_explorer_assets[index].path != NULL ? &rm_explorer_assets[index] : NULL;
}
