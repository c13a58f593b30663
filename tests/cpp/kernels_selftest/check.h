// Owns what the kernels' stand-alone test is made of: random numbers, memory of exact size, comparison within a
// bound.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/kernel_table.h"

namespace ortembed::selftest {

inline constexpr double rounding = 0x1p-24;       // a rounding to float32 changes a number by at most this part
inline constexpr double short_rounding = 0x1p-8;  // the same of bfloat16
inline constexpr double tiny = 0x1p-126;          // smaller numbers may be taken for zero

class Random {
 public:
  explicit Random(unsigned seed) : generator_(seed) {}

  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(generator_); }
  std::size_t between(std::size_t first, std::size_t last) { return first + below(last - first + 1); }
  bool coin() { return below(2) == 1; }
  float normal() { return std::normal_distribution<float>()(generator_); }
  std::vector<float> normals(std::size_t count, float size = 1) {
    std::vector<float> values(count);
    for (float& value : values) value = normal() * size;
    return values;
  }
  // Rows with an outlier, of equal values, tiny, huge: whatever a model may come by.
  std::vector<float> rows(std::size_t count, std::size_t columns);

 private:
  std::mt19937 generator_;
};

// Bytes that are NaN as long as nothing is written.
class Bytes {
 public:
  explicit Bytes(std::size_t size) : data_(kernels::aligned_bytes(size)) { std::memset(data_.get(), 0xFF, size); }
  std::byte* get() const { return data_.get(); }
  template <class Value>
  Value* as() const {
    return reinterpret_cast<Value*>(data_.get());
  }

 private:
  kernels::AlignedBytes data_;
};

inline float float_of(std::uint16_t bfloat16) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bfloat16) << 16U);
}

inline std::uint16_t bfloat16_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
}

// Throws, telling which value it is, where that is further than `bound` from what is expected.
void expect_near(double actual, double expected, double bound, std::size_t row, std::size_t column);

inline void expect(bool is_true, const std::string& what) {
  if (!is_true) throw std::runtime_error(what);
}

inline void expect_same_bytes(std::span<const float> first, std::span<const float> second, const std::string& what) {
  expect(first.size() == second.size() && std::memcmp(first.data(), second.data(), first.size_bytes()) == 0, what);
}

// The double that an activation is to give, and the error that it may have on the table's instructions.
struct Expected {
  double value;
  double bound;
};
Expected activated(const kernels::KernelTable& table, kernels::Activation activation, double x);

inline constexpr kernels::Activation activations[] = {kernels::Activation::none, kernels::Activation::gelu,
                                                      kernels::Activation::gelu_tanh, kernels::Activation::relu,
                                                      kernels::Activation::silu};

// Each checks one kernel on one random shape.
void check_quantize(const kernels::KernelTable& table, Random& random);
void check_int8(const kernels::KernelTable& table, Random& random);
void check_bfloat16(const kernels::KernelTable& table, Random& random);
void check_norm(const kernels::KernelTable& table, Random& random);
void check_gate(const kernels::KernelTable& table, Random& random);
void check_attention(const kernels::KernelTable& table, Random& random);
void check_hostile(const kernels::KernelTable& table, Random& random);
void check_layer(const kernels::KernelTable& table, Random& random);

}  // namespace ortembed::selftest
