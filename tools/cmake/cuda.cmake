# cuda.cmake - libropemap-cuda.so: kernels for every generation from Turing on, the host side in C, and one symbol
# SPDX-License-Identifier: MIT

# Of these what this nvcc compiles for: 100 and 120 take nvcc 12.8.
set(architectures 75 80 86 89 90 100 120)
execute_process(COMMAND ${NVCC} --list-gpu-arch OUTPUT_VARIABLE known RESULT_VARIABLE failed ERROR_QUIET)
string(REGEX MATCHALL "[0-9]+" known "${known}")
if(NOT failed)
  foreach(architecture IN LISTS architectures)
    if(NOT architecture IN_LIST known)
      list(REMOVE_ITEM architectures ${architecture})
    endif()
  endforeach()
endif()
set(ROPEMAP_CUDA_ARCHITECTURES ${architectures} CACHE STRING "Compute capabilities to build for; 90-virtual: its PTX alone")

set(CMAKE_CUDA_COMPILER ${NVCC})
set(CMAKE_CUDA_ARCHITECTURES OFF) # given below
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)

# Kernels differ only in whether they have the tensor cores and copies of 80 on. So there are two PTX, for 7x and for
# all others, and machine code for each generation is made from one of them: a PTX for each took twice the time. GPUs
# in between and later take PTX.
set(generations "")
set(turing ${ROPEMAP_CUDA_ARCHITECTURES})
set(later ${ROPEMAP_CUDA_ARCHITECTURES})
list(FILTER turing INCLUDE REGEX "^7")
list(FILTER later EXCLUDE REGEX "^7")
foreach(group IN ITEMS turing later)
  if(${group})
    list(SORT ${group} COMPARE NATURAL)
    list(GET ${group} 0 first)
    string(REPLACE "-virtual" "" first ${first})
    list(FILTER ${group} EXCLUDE REGEX "-virtual$")
    list(TRANSFORM ${group} PREPEND ",sm_")
    string(JOIN "" targets ${${group}})
    list(APPEND generations --generate-code=arch=compute_${first},code=[compute_${first}${targets}])
  endif()
endforeach()

file(GLOB CUDA_KERNELS CONFIGURE_DEPENDS cuda/*.cu)
file(GLOB CUDA_HOST CONFIGURE_DEPENDS cuda/*.c)

# The instructions of Hopper's warpgroups take code for 90a, which no other GPU runs and nvcc 12.0 was the first to
# compile. Without it the file compiles to kernels that nobody starts.
set_source_files_properties(${CUDA_KERNELS} PROPERTIES COMPILE_OPTIONS "${generations}")
execute_process(COMMAND ${NVCC} --dryrun --generate-code=arch=compute_90a,code=sm_90a -cubin
  ${CMAKE_CURRENT_SOURCE_DIR}/cuda/fused_sm90.cu RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
if("${ROPEMAP_CUDA_ARCHITECTURES}" MATCHES "(^|;)90(-virtual)?(;|$)" AND NOT failed)
  set(code sm_90a)
  if(CMAKE_MATCH_2)
    set(code compute_90a)
  endif()
  set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/cuda/fused_sm90.cu PROPERTIES
    COMPILE_OPTIONS --generate-code=arch=compute_90a,code=${code} COMPILE_DEFINITIONS RM_WARPGROUPS)
  set(warpgroups 90a)
endif()

# Its own copy of what it needs of host/base: nothing is resolved between it and the library that opens it.
add_library(ropemap_cuda MODULE ${CUDA_KERNELS} ${CUDA_HOST} host/base/status.c host/base/alloc.c)
string(JOIN " " architectures ${ROPEMAP_CUDA_ARCHITECTURES} ${warpgroups})
target_compile_definitions(ropemap_cuda PRIVATE RM_CUDA_ARCHITECTURES="${architectures}")
set_target_properties(ropemap_cuda PROPERTIES
  OUTPUT_NAME ropemap-cuda LINKER_LANGUAGE C CUDA_STANDARD 17 CUDA_STANDARD_REQUIRED ON CUDA_EXTENSIONS OFF
  CUDA_VISIBILITY_PRESET hidden CUDA_RUNTIME_LIBRARY Static CUDA_RESOLVE_DEVICE_SYMBOLS OFF
  INSTALL_RPATH "$ORIGIN;${CUDAToolkit_LIBRARY_DIR}"
  BUILD_WITH_INSTALL_RPATH ON) # else CMake pads it with empty entries, which are the working directory
# -fmad=false: a contraction chosen by the compiler would change bits between the backends.
target_compile_options(ropemap_cuda PRIVATE
  $<$<COMPILE_LANGUAGE:CUDA>:-fmad=false -Xcompiler=-Wall,-Wextra,-ffp-contract=off>
  $<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${ROPEMAP_WERROR}>>:-Werror=all-warnings -Xcompiler=-Werror>)
target_compile_options(ropemap_cuda PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--threads=0>) # a thread a CPU
if(ROPEMAP_TESTS) # tests/cli/test_kernels_compile.py reads the PTX
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/kernels)
  target_compile_options(ropemap_cuda PRIVATE
    "$<$<COMPILE_LANGUAGE:CUDA>:SHELL:--keep --keep-dir ${PROJECT_BINARY_DIR}/kernels>")
endif()
target_link_libraries(ropemap_cuda PRIVATE rm_compile CUDA::cudart_static CUDA::cublas)
target_link_options(ropemap_cuda PRIVATE -Wl,--exclude-libs,ALL -Wl,--no-undefined)
install(TARGETS ropemap_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
