/* palette_tables.h - colour maps that are given as tables, 0xRRGGBB from low to high */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_FIGURE_PALETTE_TABLES_H
#define ROPEMAP_HOST_FIGURE_PALETTE_TABLES_H

#include <stdint.h>

extern const uint32_t rm_table_viridis[256];
extern const uint32_t rm_table_magma[256];
extern const uint32_t rm_table_cividis[256];
extern const uint32_t rm_table_turbo[256];
extern const uint32_t rm_table_batlow[18];

#endif
