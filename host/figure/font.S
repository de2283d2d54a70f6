/* font.S - DejaVu Sans, as the distribution has it, inside the library */
/* SPDX-License-Identifier: MIT */
    .section .rodata
    .balign 16
    .globl rm_font_begin
    .hidden rm_font_begin
    .type rm_font_begin, %object
rm_font_begin:
    .incbin RM_FONT_FILE
    .size rm_font_begin, . - rm_font_begin
    .globl rm_font_end
    .hidden rm_font_end
rm_font_end:
    .byte 0

    .section .note.GNU-stack, "", %progbits
