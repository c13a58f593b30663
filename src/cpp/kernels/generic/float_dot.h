// Owns what products of float32 by float32 of all targets do alike, one value a cell.
#pragma once

#include <cstddef>
#include <cstring>

namespace ortembed::kernels {

// A target's derives from it, and adds its tile; a template for the reason that vectors.h tells.
template <class Vectors>
struct CommonFloatDot {
  static constexpr bool has_codes = false;
  static constexpr std::size_t lanes = Vectors::lanes;
  static constexpr std::size_t vector_bytes = 4 * lanes;
  static constexpr std::size_t values_per_cell = 1;
  static constexpr std::size_t cell_bytes = 4;
  static constexpr std::size_t row_value_bytes = 4;
  static constexpr std::size_t most_inputs = static_cast<std::size_t>(-1);
  using Sum = typename Vectors::Float;
  using Weight = typename Vectors::Float;
  using Row = typename Vectors::Float;
  using Value = float;

  static Sum zero() { return Vectors::zero(); }
  static Weight load(const std::byte* x) { return Vectors::load(floats(x)); }
  static Row broadcast(const std::byte* x) { return Vectors::set(value(x, 0)); }
  static Sum add(Sum sum, Row row, Weight weight) { return Vectors::multiply_add(row, weight, sum); }
  static void store(Value* out, Sum sum) { Vectors::store(out, sum); }

  static void store_values(std::byte* x, std::size_t i, Sum values) { Vectors::store(floats(x) + i, values); }
  static void store_values_part(std::byte* x, std::size_t i, Sum values, std::size_t count) {
    Vectors::store_part(floats(x) + i, values, count);
  }
  static float value(const std::byte* x, std::size_t i) {
    float result;
    std::memcpy(&result, x + 4 * i, sizeof result);
    return result;
  }
  static void set_value(std::byte* x, std::size_t i, float value) { std::memcpy(x + 4 * i, &value, sizeof value); }
  static void interleave(const std::byte* rows, std::size_t, std::size_t, std::size_t columns, std::byte* out) {
    std::memcpy(out, rows, columns * cell_bytes);
  }

 private:
  static const float* floats(const std::byte* x) { return reinterpret_cast<const float*>(x); }
  static float* floats(std::byte* x) { return reinterpret_cast<float*>(x); }
};

}  // namespace ortembed::kernels
