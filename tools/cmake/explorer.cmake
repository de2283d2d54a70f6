# explorer.cmake - the explorer's page, compressed and put into the program
#
# Sets EXPLORER_SOURCE, an assembly file that holds the files' bytes and the table of them (tools/serve/http.c).

find_program(GZIP gzip REQUIRED)
set(EXPLORER_DIR ${CMAKE_CURRENT_BINARY_DIR}/explorer)
set(EXPLORER_SOURCE ${EXPLORER_DIR}/explorer.S)
file(MAKE_DIRECTORY ${EXPLORER_DIR})
file(GLOB EXPLORER_FILES CONFIGURE_DEPENDS tools/explorer/*.html tools/explorer/*.css tools/explorer/*.js
  tools/explorer/*.svg)
set(type_.html "text/html; charset=utf-8")
set(type_.css "text/css; charset=utf-8")
set(type_.js "text/javascript; charset=utf-8")
set(type_.svg "image/svg+xml")

set(bytes "")
set(rows "")
set(packed "")
set(index 0)
foreach(file IN LISTS EXPLORER_FILES ITEMS ${D3_FILE})
  get_filename_component(name ${file} NAME)
  get_filename_component(ending ${file} LAST_EXT)
  set(path /${name})
  if(name STREQUAL "index.html")
    set(path /)
  elseif(file STREQUAL "${D3_FILE}")
    set(path /d3.js)
  endif()
  # -n: no name and no date, so that the same file always gives the same bytes.
  add_custom_command(OUTPUT ${EXPLORER_DIR}/${name}.gz COMMAND ${GZIP} -9nc ${file} > ${EXPLORER_DIR}/${name}.gz
    DEPENDS ${file} VERBATIM)
  list(APPEND packed ${EXPLORER_DIR}/${name}.gz)
  string(APPEND bytes "p${index}: .asciz \"${path}\"\nt${index}: .asciz \"${type_${ending}}\"\n"
    "b${index}: .incbin \"${EXPLORER_DIR}/${name}.gz\"\ne${index}: .byte 0\n")
  string(APPEND rows ".quad p${index}, t${index}, b${index}, e${index}\n")
  math(EXPR index "${index} + 1")
endforeach()
# The addresses are known when the program is loaded: hence .data.rel.ro.
string(CONCAT assembly ".section .rodata\n${bytes}.section .data.rel.ro,\"aw\"\n.balign 8\n.global rm_explorer_assets\n"
  "rm_explorer_assets:\n${rows}.quad 0, 0, 0, 0\n.section .note.GNU-stack,\"\",%progbits\n")
file(CONFIGURE OUTPUT ${EXPLORER_SOURCE} CONTENT "${assembly}" @ONLY)
set_source_files_properties(${EXPLORER_SOURCE} PROPERTIES OBJECT_DEPENDS "${packed}")
