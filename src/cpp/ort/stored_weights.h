// Owns finding, in an ONNX file, the weights that sessions can share and that lie in a file beside it.
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

// The matrices of float32, bfloat16, int8 or uint8 outside the file that are only ever multiplied with, which the
// runtime packs for its kernels, or whose rows are only ever looked up, which it reads where they lie. None of its
// optimizers changes one of these in place. Empty when the bytes are not a model.
std::vector<StoredWeight> shareable_weights(std::span<const std::byte> model);

}  // namespace ortembed::ort
