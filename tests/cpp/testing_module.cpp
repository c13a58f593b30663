// Owns the testing module: registration, and errors raised as the classes that users see.
#include "testing.h"

#include <array>
#include <utility>

#include "base/error.h"

namespace nb = nanobind;

namespace {

using ortembed::ErrorCode;

constexpr std::array class_names{
    std::pair{ErrorCode::invalid_input, "InvalidInputError"},
    std::pair{ErrorCode::model_load, "ModelLoadError"},
    std::pair{ErrorCode::inference, "InferenceError"},
    std::pair{ErrorCode::service_unavailable, "ServiceUnavailableError"},
};

void translate(const std::exception_ptr& pointer, void*) {
  try {
    std::rethrow_exception(pointer);
  } catch (const ortembed::Error& error) {
    const char* name = "OrtembedError";
    for (const auto& [code, class_name] : class_names) {
      if (code == error.code()) name = class_name;
    }
    PyErr_SetString(nb::module_::import_("ortembed.errors").attr(name).ptr(), error.what());
  }
}

}  // namespace

NB_MODULE(_ortembed_testing, module) {
  nb::register_exception_translator(translate);
  ortembed::testing::register_stages(module);
  ortembed::testing::register_fake_encoder(module);
  ortembed::testing::register_allocation_counter(module);
}
