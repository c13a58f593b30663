// Owns what the views of the kernels share: kernels and activations by name, a packed linear with its own kernels.
#pragma once

#include <memory>
#include <string>

#include "kernels/activation.h"
#include "kernels/kernel_table.h"
#include "kernels/packed_linear.h"

namespace ortembed::testing {

// Throws Error(invalid_input) for an instruction set that is not available.
const kernels::KernelTable& kernels_named(const std::string& name);

// As activation_from_name, and "none".
inline kernels::Activation activation_named(const std::string& name) {
  return name == "none" ? kernels::Activation::none : kernels::activation_from_name(name);
}

struct NativeLinear {
  const kernels::KernelTable* kernels;
  std::shared_ptr<const kernels::PackedLinear> packed;
};

}  // namespace ortembed::testing
