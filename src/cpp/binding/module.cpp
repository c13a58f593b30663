// Owns the extension module: it registers what the other files of this folder define.
#include <nanobind/nanobind.h>

#include "binding/engine.h"
#include "binding/errors.h"

NB_MODULE(_native, module) {
  module.doc() = "The C++ core of ortembed.";
  ortembed::register_errors(module);
  ortembed::register_engine(module);
}
