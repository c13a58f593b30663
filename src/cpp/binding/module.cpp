// Owns the extension module: it registers what the other files of this folder define.
#include <nanobind/nanobind.h>

#include "binding/embedding_table.h"
#include "binding/engine.h"
#include "binding/errors.h"
#include "binding/head.h"
#include "binding/known_words.h"
#include "binding/precision.h"
#include "binding/runtime.h"

NB_MODULE(_native, module) {
  // An Embedder that is alive when the interpreter ends is no leak worth a line on a user's stderr.
  nanobind::set_leak_warnings(false);
  module.doc() = "The C++ core of ortembed.";
  ortembed::register_errors(module);
  ortembed::register_runtime(module);
  ortembed::register_head(module);
  ortembed::register_embedding_table(module);
  ortembed::register_known_words(module);
  ortembed::register_precision(module);
  ortembed::register_engine(module);
}
