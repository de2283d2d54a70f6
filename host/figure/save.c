/* save.c - a map as a file, of the kind that its name says */
/* SPDX-License-Identifier: MIT */
#include "host/base/status.h"

#include <string.h>

static bool ends_with(const char *path, const char *ending) {
    const size_t length = strlen(path), tail = strlen(ending);
    if (length < tail) {
        return false;
    }
    for (size_t at = 0; at < tail; at++) {
        const char letter = path[length - tail + at];
        const bool upper = letter >= 'A' && letter <= 'Z';
        if ((upper ? (char)(letter - 'A' + 'a') : letter) != ending[at]) {
            return false;
        }
    }
    return true;
}

ropemap_status ropemap_map_save(const ropemap_map *map, const ropemap_figure *figure, const char *path,
                                bool force, ropemap_error *error) {
    ropemap_bytes bytes = {.data = NULL};
    const bool npy = ends_with(path, ".npy"), svg = ends_with(path, ".svg"), pdf = ends_with(path, ".pdf");
    if (!npy && !svg && !pdf && !ends_with(path, ".png")) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: expected a name that ends in .png, .svg, .pdf or .npy",
                       path);
    }
    if (!npy && figure == NULL) {
        return rm_fail(error, ROPEMAP_USAGE, "%s: a picture needs a figure, which is NULL", path);
    }
    RM_TRY(npy   ? ropemap_map_npy(map, &bytes, error)
           : svg ? ropemap_figure_svg(figure, map, 0.0, &bytes, error)
           : pdf ? ropemap_figure_pdf(figure, map, 0.0, &bytes, error)
                 : ropemap_figure_png(figure, map, &bytes, error));
    const ropemap_status status = ropemap_output_write(path, &bytes, force, error);
    ropemap_bytes_free(&bytes);
    return status;
}
