// Owns the check of numpy arrays that come in over the border.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/matrix.h"
#include "engine/precision.h"
#include "engine/token_batch.h"

namespace ortembed {

using AnyArray = nanobind::ndarray<nanobind::device::cpu>;
using ReadOnlyArray = nanobind::ndarray<nanobind::ro, nanobind::device::cpu>;

// Each throws Error(invalid_input) naming the argument and what is wrong with it. The array that is returned or
// viewed must be kept alive by the caller.
ReadOnlyArray input_array(nanobind::handle object, const char* name, std::size_t rank = 1);
TokenIds view_ids(const ReadOnlyArray& array);                                     // int32 or int64 [total_tokens]
std::span<const std::int64_t> view_offsets(const ReadOnlyArray& array);            // int64 [n + 1]
std::span<const float> view_floats(const ReadOnlyArray& array, const char* name);  // float32
FloatMatrix view_matrix(const ReadOnlyArray& array, const char* name);             // float32 of rank 2

// A float32 vector or None. Keeps the array alive for as long as its view is used.
struct OptionalFloats {
  OptionalFloats(nanobind::handle object, const char* name);
  ReadOnlyArray array;
  std::optional<std::span<const float>> view;
};

// The arrays of the pre-encoded interface. Keeps them alive for as long as their views are used.
struct EncodedTexts {
  EncodedTexts(nanobind::handle ids, nanobind::handle offsets);
  ReadOnlyArray id_array;
  ReadOnlyArray offset_array;
  TokenIds ids;
  std::span<const std::int64_t> offsets;

  std::size_t size() const { return offsets.empty() ? 0 : offsets.size() - 1; }
};

// [n, columns] of the dtype that the precision's numbers have.
AnyArray output_array(nanobind::handle object, Precision precision = Precision::float32);

}  // namespace ortembed
