// Owns the kernels of plain C++, one value at a time: the reference that the others are compared with.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/bfloat16.h"
#include "kernels/generic/float_dot.h"
#include "kernels/generic/table.h"
#include "kernels/generic/vectors.h"
#include "kernels/targets/tables.h"

namespace ortembed::kernels {
namespace {

// Vectors of one, which have no parts but none and the whole.
struct PlainVectors : CommonVectors<PlainVectors> {
  static constexpr std::size_t lanes = 1;
  using Float = float;

  static Float zero() { return 0; }
  static Float set(float x) { return x; }
  static Float load(const float* x) { return *x; }
  static Float load_part(const float* x, std::size_t count) { return count == 0 ? 0 : *x; }
  static void store(float* x, Float value) { *x = value; }
  static void store_part(float*, Float, std::size_t) {}
  static Float to_float(const std::int32_t* x) { return static_cast<float>(*x); }
  static Float add(Float a, Float b) { return a + b; }
  static Float subtract(Float a, Float b) { return a - b; }
  static Float multiply(Float a, Float b) { return a * b; }
  static Float divide(Float a, Float b) { return a / b; }
  static Float multiply_add(Float a, Float b, Float c) { return a * b + c; }
  static Float max(Float a, Float b) { return a > b ? a : b; }
  static Float min(Float a, Float b) { return a < b ? a : b; }
  static Float whole(Float x) { return std::floor(x); }
  static Float scale(Float x, Float whole) {
    return std::isnan(whole) ? whole : std::ldexp(x, static_cast<int>(whole));
  }
  static Float first(std::size_t count, Float a, Float b) { return count > 0 ? a : b; }
  static Float part(std::size_t from, std::size_t to, Float a, Float b) { return from < to ? a : b; }

  static float reduce_add(Float x) { return x; }
  static float reduce_max(Float x) { return x; }
  static void transpose_block(const std::byte* x, std::size_t, std::size_t, std::byte* out, std::size_t) {
    std::memcpy(out, x, 4);
  }
};

struct PlainInt8Dot {
  static constexpr bool has_codes = true;
  static constexpr std::size_t lanes = 1;
  static constexpr std::size_t tile_rows = 2;
  static constexpr std::size_t tile_vectors = 8;
  static constexpr std::size_t vector_bytes = 1;
  static constexpr std::size_t values_per_cell = 1;
  static constexpr std::size_t cell_bytes = 1;
  static constexpr std::size_t row_value_bytes = 1;
  static constexpr std::size_t weight_value_bytes = 1;
  static constexpr float levels = 255;
  static constexpr float first_code_steps = 0;
  static constexpr std::size_t most_inputs = (1U << 31) / (255 * 128);
  using Sum = std::int32_t;
  using Weight = std::int32_t;
  using Row = std::int32_t;
  using Value = std::int32_t;

  static Sum zero() { return 0; }
  static void store(Value* out, Sum sum) { *out = sum; }
  static Weight load(const std::byte* x) { return static_cast<std::int8_t>(*x); }
  static Row broadcast(const std::byte* x) { return static_cast<std::uint8_t>(*x); }
  static Sum add(Sum sum, Row row, Weight weight) { return sum + row * weight; }
  static constexpr std::size_t code_vectors = 1;
  static void store_codes(std::byte* out, std::size_t i, const float (&codes)[code_vectors]) {
    // NaN, which the scale tells too, gets any code.
    out[i] = static_cast<std::byte>(codes[0] > 0 ? std::lrint(std::min(codes[0], levels)) : 0);
  }
  static void store_codes_part(std::byte*, std::size_t, float, std::size_t) {}
};

struct PlainFloatDot : CommonFloatDot<PlainVectors> {
  static constexpr std::size_t tile_rows = 2;
  static constexpr std::size_t tile_vectors = 8;
};

struct PlainWideningDot : PlainFloatDot {
  static constexpr std::size_t vector_bytes = 2;
  static constexpr std::size_t weight_value_bytes = 2;
  static Weight load(const std::byte* x) {
    std::uint16_t bits;
    std::memcpy(&bits, x, sizeof bits);
    return float_of_bfloat16(bits);
  }
};

struct Plain : PlainVectors {
  using FloatElement = PlainFloatDot;
  using Int8Dot = PlainInt8Dot;
  using Bfloat16Dot = PlainWideningDot;
  using AttentionDot = PlainFloatDot;
};

constexpr KernelTable table = make_table<Plain>(Isa::plain);

}  // namespace

const KernelTable& plain_table() { return table; }

}  // namespace ortembed::kernels
