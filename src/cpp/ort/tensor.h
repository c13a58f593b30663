// Owns tensors as the runtime sees them: wrapping the caller's memory, and reading a result where it lies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ort/handle.h"

namespace ortembed::ort {

struct TensorShape {
  ElementType type = ElementType::undefined;
  std::vector<std::int64_t> dimensions;  // -1 where a graph leaves one open

  bool operator==(const TensorShape&) const = default;
};

// For messages: "float32", and "float32 [12, 384]".
std::string describe(ElementType type);
std::string describe(const TensorShape& shape);

// Makes the descriptions of CPU memory and of tensors in it.
class TensorFactory {
 public:
  explicit TensorFactory(const Api& api);

  // A tensor over `data`, which must outlive the value.
  ValueHandle wrap(std::span<const std::int64_t> data, std::span<const std::int64_t> dimensions) const;
  ValueHandle wrap(std::span<const float> data, std::span<const std::int64_t> dimensions) const;

  ValueHandle wrap(std::span<const std::byte> data, ElementType type, std::span<const std::int64_t> dimensions) const;

 private:
  const Api* api_;
  MemoryInfoHandle memory_;
};

TensorShape shape_of(const Api& api, const OrtTensorTypeAndShapeInfo* info);
TensorShape shape_of(const Api& api, const OrtValue* value);
const void* data_of(const Api& api, const OrtValue* value);
const float* float_data(const Api& api, OrtValue* value);

}  // namespace ortembed::ort
