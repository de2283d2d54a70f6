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
set(ROPEMAP_CUDA_ARCHITECTURES ${architectures} CACHE STRING "Compute capabilities to build for")

# Machine code for each; PTX of the last for GPUs that come after it, and of the first for those in between.
set(CMAKE_CUDA_COMPILER ${NVCC})
list(TRANSFORM ROPEMAP_CUDA_ARCHITECTURES APPEND -real OUTPUT_VARIABLE CMAKE_CUDA_ARCHITECTURES)
list(GET ROPEMAP_CUDA_ARCHITECTURES 0 oldest)
list(GET ROPEMAP_CUDA_ARCHITECTURES -1 newest)
list(APPEND CMAKE_CUDA_ARCHITECTURES ${oldest}-virtual ${newest}-virtual)
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)

file(GLOB CUDA_KERNELS CONFIGURE_DEPENDS cuda/*.cu)
file(GLOB CUDA_HOST CONFIGURE_DEPENDS cuda/*.c)

# Its own copy of what it needs of host/base: nothing is resolved between it and the library that opens it.
add_library(ropemap_cuda MODULE ${CUDA_KERNELS} ${CUDA_HOST} host/base/status.c host/base/alloc.c)
string(REPLACE ";" " " architectures "${ROPEMAP_CUDA_ARCHITECTURES}")
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
target_link_libraries(ropemap_cuda PRIVATE rm_compile CUDA::cudart_static CUDA::cublas)
target_link_options(ropemap_cuda PRIVATE -Wl,--exclude-libs,ALL -Wl,--no-undefined)
install(TARGETS ropemap_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
