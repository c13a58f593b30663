// Owns the testing module: registration, and errors raised as the classes that users see.
#include "binding/embedding_table.h"
#include "binding/errors.h"
#include "testing.h"

namespace nb = nanobind;

NB_MODULE(_ortembed_testing, module) {
  ortembed::adopt_errors(nb::module_::import_("ortembed._native"));
  ortembed::register_embedding_table(module);
  ortembed::testing::register_stages(module);
  ortembed::testing::register_core_queue(module);
  ortembed::testing::register_fake_encoder(module);
  ortembed::testing::register_hidden_states(module);
  ortembed::testing::register_kernels(module);
  ortembed::testing::register_linears(module);
  ortembed::testing::register_layers(module);
  ortembed::testing::register_run_memory(module);
  ortembed::testing::register_sessions(module);
  ortembed::testing::register_allocation_counter(module);
}
