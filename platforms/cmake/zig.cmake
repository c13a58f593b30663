# Owns how CMake compiles for another machine: with the tools in ORTEMBED_TOOLS, which are made by ../toolchain.py.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ORTEMBED_TOOLS ORTEMBED_SYSTEM ORTEMBED_PROCESSOR)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)  # to link would have zig make a C++ library for debugging
set(CMAKE_SYSTEM_NAME "${ORTEMBED_SYSTEM}")
set(CMAKE_SYSTEM_PROCESSOR "${ORTEMBED_PROCESSOR}")
set(CMAKE_CXX_COMPILER "${ORTEMBED_TOOLS}/c++")
set(CMAKE_AR "${ORTEMBED_TOOLS}/ar")
set(CMAKE_RANLIB "${ORTEMBED_TOOLS}/ranlib")
list(PREPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
# nanobind writes to stderr and counts on Python's headers to declare it, which the limited API's no longer do.
set(CMAKE_CXX_FLAGS_INIT "-include stdio.h")
if(CMAKE_SYSTEM_NAME STREQUAL Linux)
  # The C++ library's symbols stay inside.
  set(CMAKE_MODULE_LINKER_FLAGS_INIT "-Wl,--version-script=${CMAKE_CURRENT_LIST_DIR}/exports.map")
endif()
