// Owns arrays for the kernels' tests: copies of exactly the size that the kernels' contract asks for, and back to
// numpy.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "kernels/aligned.h"

namespace ortembed::testing {

using Vector = nanobind::ndarray<const float, nanobind::ndim<1>, nanobind::c_contig, nanobind::device::cpu>;
using Rows = nanobind::ndarray<const float, nanobind::ndim<2>, nanobind::c_contig, nanobind::device::cpu>;
using Offsets = nanobind::ndarray<const std::int64_t, nanobind::ndim<1>, nanobind::c_contig, nanobind::device::cpu>;
using MaybeVector = std::optional<Vector>;
using MaybeRows = std::optional<Rows>;

// What memory holds that a kernel has not written: NaN in float32 and bfloat16, -1 as an int8.
inline constexpr int unwritten = 0xFF;

// Bytes on the heap, as many as asked for, so that a sanitizer sees the first one beyond them.
class ExactBytes {
 public:
  explicit ExactBytes(std::size_t size) : bytes_(kernels::aligned_bytes(size)), size_(size) {
    std::memset(bytes_.get(), unwritten, size);
  }
  std::byte* data() const { return bytes_.get(); }
  float* floats() const { return reinterpret_cast<float*>(bytes_.get()); }
  std::size_t size() const { return size_; }

 private:
  kernels::AlignedBytes bytes_;
  std::size_t size_;
};

// Rows `stride` apart: the last one ends with its last column. What lies between rows is unwritten.
class StridedRows {
 public:
  StridedRows(std::size_t count, std::size_t columns, std::size_t stride)
      : count_(count), columns_(columns), stride_(stride), bytes_(size() * sizeof(float)) {}
  StridedRows(const Rows& rows, std::size_t stride) : StridedRows(rows.shape(0), rows.shape(1), stride) {
    for (std::size_t row = 0; row < count_; ++row) {
      for (std::size_t column = 0; column < columns_; ++column) at(row)[column] = rows(row, column);
    }
  }
  float* data() const { return bytes_.floats(); }
  float* at(std::size_t row) const { return data() + row * stride_; }
  std::size_t count() const { return count_; }
  std::size_t columns() const { return columns_; }
  std::size_t stride() const { return stride_; }
  std::size_t size() const { return count_ == 0 ? 0 : (count_ - 1) * stride_ + columns_; }

 private:
  std::size_t count_;
  std::size_t columns_;
  std::size_t stride_;
  ExactBytes bytes_;
};

template <typename Array>
auto copy_of(const Array& array) {
  using Value = std::remove_const_t<typename Array::Scalar>;
  return std::vector<Value>(array.data(), array.data() + array.size());
}

inline std::vector<float> copy_of(const MaybeVector& array) { return array ? copy_of(*array) : std::vector<float>(); }
inline std::vector<float> copy_of(const MaybeRows& array) { return array ? copy_of(*array) : std::vector<float>(); }

inline const float* or_null(const std::vector<float>& values) { return values.empty() ? nullptr : values.data(); }

// A numpy array of its own with a copy of the values.
template <typename Value>
auto to_numpy(const Value* values, std::initializer_list<std::size_t> shape) {
  std::size_t size = 1;
  for (const std::size_t side : shape) size *= side;
  auto* copy = new std::vector<Value>(values, values + size);
  const nanobind::capsule owner(copy, [](void* vector) noexcept { delete static_cast<std::vector<Value>*>(vector); });
  return nanobind::ndarray<nanobind::numpy, Value>(copy->data(), shape, owner);
}

}  // namespace ortembed::testing
