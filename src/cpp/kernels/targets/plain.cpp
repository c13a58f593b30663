// Owns the kernels of plain C++, one value at a time: the reference that the others are compared with.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/bfloat16.h"
#include "kernels/generic/table.h"
#include "kernels/targets/tables.h"

namespace ortembed::kernels {
namespace {

struct PlainFloatElement {
  static void store_values(std::byte* x, std::size_t i, float value) { std::memcpy(x + 4 * i, &value, sizeof value); }
  static void store_values_part(std::byte*, std::size_t, float, std::size_t) {}  // a vector of one has no parts
};

template <class SumType>
struct PlainDot {
  static constexpr std::size_t lanes = 1;
  static constexpr std::size_t tile_rows = 2;
  static constexpr std::size_t tile_vectors = 8;
  using Sum = SumType;
  using Value = SumType;
  static Sum zero() { return 0; }
  static void store(Value* out, Sum sum) { *out = sum; }
};

struct PlainInt8Dot : PlainDot<std::int32_t> {
  static constexpr bool has_codes = true;
  static constexpr std::size_t vector_bytes = 1;
  static constexpr std::size_t values_per_cell = 1;
  static constexpr std::size_t cell_bytes = 1;
  static constexpr std::size_t row_value_bytes = 1;
  static constexpr std::size_t weight_value_bytes = 1;
  static constexpr float levels = 255;
  static constexpr float first_code_steps = 0;
  static constexpr std::size_t most_inputs = (1U << 31) / (255 * 128);
  using Weight = std::int32_t;
  using Row = std::int32_t;

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

struct PlainFloatDot : PlainDot<float> {
  static constexpr bool has_codes = false;
  static constexpr std::size_t vector_bytes = 4;
  static constexpr std::size_t values_per_cell = 1;
  static constexpr std::size_t cell_bytes = 4;
  static constexpr std::size_t row_value_bytes = 4;
  static constexpr std::size_t most_inputs = static_cast<std::size_t>(-1);
  using Weight = float;
  using Row = float;

  static Weight load(const std::byte* x) { return value(x, 0); }
  static Row broadcast(const std::byte* x) { return value(x, 0); }
  static Sum add(Sum sum, Row row, Weight weight) { return sum + row * weight; }
  static void store_values(std::byte* x, std::size_t i, float value) { set_value(x, i, value); }
  static void store_values_part(std::byte*, std::size_t, float, std::size_t) {}
  static float value(const std::byte* x, std::size_t i) {
    float result;
    std::memcpy(&result, x + 4 * i, sizeof result);
    return result;
  }
  static void set_value(std::byte* x, std::size_t i, float value) { std::memcpy(x + 4 * i, &value, sizeof value); }
  static void interleave(const std::byte* rows, std::size_t, std::size_t, std::size_t columns, std::byte* out) {
    std::memcpy(out, rows, columns * cell_bytes);
  }
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

struct Plain {
  static constexpr std::size_t lanes = 1;
  using Float = float;
  using FloatElement = PlainFloatElement;
  using Int8Dot = PlainInt8Dot;
  using Bfloat16Dot = PlainWideningDot;
  using AttentionDot = PlainFloatDot;

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
  // x, or what has its sign and that magnitude where that is less. Of NaN: anything.
  static Float clamp(Float x, float magnitude) { return max(set(-magnitude), min(set(magnitude), x)); }
  // What is above the next lower whole number, and that number.
  static Float fraction(Float x) { return subtract(x, whole(x)); }
  static Float whole(Float x) { return std::floor(x); }
  static Float scale(Float x, Float whole) {
    return std::isnan(whole) ? whole : std::ldexp(x, static_cast<int>(whole));
  }
  static Float first(std::size_t count, Float a, Float b) { return count > 0 ? a : b; }
  static Float between(std::size_t begin, std::size_t end, std::size_t index, Float a, Float b) {
    return begin <= index && index < end ? a : b;
  }
  static float reduce_add(Float x) { return x; }
  static float reduce_max(Float x) { return x; }
  // Of each of `count` vectors that lie end to end.
  static void reduce_add_rows(const float* x, std::size_t count, float* out) {
    for (std::size_t i = 0; i < count; ++i) out[i] = reduce_add(load(x + i * lanes));
  }
  static void reduce_max_rows(const float* x, std::size_t count, float* out) {
    for (std::size_t i = 0; i < count; ++i) out[i] = reduce_max(load(x + i * lanes));
  }
  static float square_root(float x) { return std::sqrt(x); }
  static float exp_of(float x) { return std::exp(x); }
  static void transpose_cells(const std::byte* x, std::size_t stride, std::size_t count, std::size_t cells,
                              std::byte* out, std::size_t out_stride) {
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < cells; ++j) std::memcpy(out + j * out_stride + i * 4, x + i * stride + j * 4, 4);
    }
  }
};

constexpr KernelTable table = make_table<Plain>(Isa::plain);

}  // namespace

const KernelTable& plain_table() { return table; }

}  // namespace ortembed::kernels
