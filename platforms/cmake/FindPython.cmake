# Owns what CMake is told of Python in a build for another machine: the headers of the limited API, and no library but
# Windows' import library. CMake's own module of this name asks the interpreter that runs the build, which is not the
# one that will load the module.
set(Python_VERSION 3.12)  # the oldest that loads it
set(Python_INTERPRETER_ID Python)
set(Python_INCLUDE_DIRS "${ORTEMBED_PYTHON_INCLUDE}")
if(WIN32)
  set(Python_SOSABI "")
else()
  set(Python_SOSABI abi3)
endif()

if(NOT TARGET Python::Module)
  add_executable(Python::Interpreter IMPORTED)
  set_target_properties(Python::Interpreter PROPERTIES IMPORTED_LOCATION "${Python_EXECUTABLE}")
  foreach(name Module SABIModule)
    add_library(Python::${name} INTERFACE IMPORTED)
    target_include_directories(Python::${name} INTERFACE "${ORTEMBED_PYTHON_INCLUDE}")
    target_link_libraries(Python::${name} INTERFACE ${ORTEMBED_PYTHON_LIBRARY})
  endforeach()
endif()
set(Python_FOUND TRUE)
