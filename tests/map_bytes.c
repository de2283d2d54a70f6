/* map_bytes.c - a line for each map of the test cases, to compare processors: its name and a sum of its bytes
 */
/* SPDX-License-Identifier: MIT */
#include "tests/cases.h"

#include <inttypes.h>
#include <stdio.h>

/* FNV-1a */
static uint64_t sum_of(const void *data, size_t size) {
    const unsigned char *bytes = data;
    uint64_t sum = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < size; i++) {
        sum = (sum ^ bytes[i]) * UINT64_C(1099511628211);
    }
    return sum;
}

static int print_map(const char *name, const ropemap_request *request) {
    ropemap_map map = {0};
    ropemap_error error = {0};
    if (ropemap_map_compute(request, &map, &error) != ROPEMAP_OK) {
        (void)fprintf(stderr, "map_bytes: %s: %s\n", name, error.text);
        return 1;
    }
    (void)printf("%016" PRIx64 " %s of %s, %s\n",
                 sum_of(map.cells, (size_t)(map.height * map.width) * sizeof *map.cells),
                 ropemap_method_name(request->method), name, ropemap_pool_name(request->pool));
    ropemap_map_free(&map);
    return 0;
}

int main(void) {
    int failed = 0;
    for (int i = 0; map_case_at(i) != NULL; i++) {
        case_data data;
        case_data_make(map_case_at(i), &data);
        data.request.backend = "cpu";
        for (int method = ROPEMAP_METHOD_FACTORED; method <= ROPEMAP_METHOD_TILED; method++) {
            data.request.method = (ropemap_method)method;
            for (int pool = 0; pool <= ROPEMAP_POOL_STD; pool++) {
                data.request.pool = (ropemap_pool)pool;
                if (case_method_serves(&data, data.request.method)) {
                    failed |= print_map(map_case_at(i)->name, &data.request);
                }
            }
        }
        case_data_free(&data);
    }
    return failed;
}
