// Owns finding, in an ONNX file, the weights that the runtime will pack and that lie in a file beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ort/abi.h"

namespace ortembed::ort {

struct StoredWeight {
  std::string name;
  ElementType type = ElementType::undefined;
  std::vector<std::int64_t> dimensions;
  std::string location;  // name of a file in the model's folder
  std::uint64_t offset = 0;
  std::uint64_t size = 0;  // bytes: what the dimensions take
};

// The matrices of float32, int8 or uint8 outside the file that are only ever multiplied with: the runtime packs
// these for its kernels, and none of its optimizers changes one in place. Empty when the bytes are not a model.
std::vector<StoredWeight> packable_weights(std::span<const std::byte> model);

}  // namespace ortembed::ort
