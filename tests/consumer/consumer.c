/* consumer.c - the example of ropemap.h and ropemap_figure.h, as an outside project writes it: consumer
 * FILE.png */
/* SPDX-License-Identifier: MIT */
#include <ropemap.h>
#include <ropemap_figure.h>
#include <stdio.h>

int main(int argc, char **argv) {
    ropemap_request request = ropemap_request_default();
    request.spec.base = 5e5;
    request.rows = request.cols = (ropemap_range){.first = 0, .count = 131072, .step = 1};
    ropemap_map map = {0};
    ropemap_error error = {.text = "usage: consumer FILE.png"};
    ropemap_status status = argc == 2 ? ropemap_map_compute(&request, &map, &error) : ROPEMAP_USAGE;
    if (status == ROPEMAP_OK) {
        const ropemap_figure figure = ropemap_figure_default(&request, &map);
        status = ropemap_figure_save(&figure, argv[1], false, &error);
    }
    ropemap_map_free(&map);
    if (status != ROPEMAP_OK) {
        fprintf(stderr, "consumer: %s\n", error.text);
    }
    return (int)status;
}
