// Owns the number formats of vectors that are given out, as sentence-transformers defines them.
#include "engine/precision.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/error.h"
#include "engine/float16.h"

namespace ortembed {
namespace {

struct Format {
  Precision precision;
  std::string_view name;
  std::size_t item_bytes;
};

constexpr std::array formats{
    Format{Precision::float32, "float32", sizeof(float)},
    Format{Precision::float16, "float16", sizeof(std::uint16_t)},
    Format{Precision::int8, "int8", 1},
    Format{Precision::uint8, "uint8", 1},
    Format{Precision::binary, "binary", 1},
    Format{Precision::ubinary, "ubinary", 1},
};

// Flipping the highest bit of an unsigned code subtracts 128 and leaves a signed one.
constexpr unsigned to_unsigned = 0x00;
constexpr unsigned to_signed = 0x80;

const Format& format_of(Precision precision) { return *std::ranges::find(formats, precision, &Format::precision); }

bool packs_bits(Precision precision) { return precision == Precision::binary || precision == Precision::ubinary; }

void write_float16(std::span<const float> row, std::byte* destination) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::uint16_t half = to_float16(row[i]);
    std::memcpy(destination + i * sizeof(half), &half, sizeof(half));
  }
}

void write_codes(std::span<const float> row, const ValueRanges& ranges, unsigned flip, std::byte* destination) {
  const float* starts = ranges.starts().data();
  const float* steps = ranges.steps().data();
  for (std::size_t i = 0; i < row.size(); ++i) {
    // Divided, not multiplied by an inverse, which would give other codes at the edges of steps.
    const float steps_above = (row[i] - starts[i]) / steps[i];
    const float code = std::min(steps_above > 0 ? steps_above : 0.0F, 255.0F);  // NaN is not above zero
    destination[i] = static_cast<std::byte>(static_cast<unsigned>(static_cast<std::int32_t>(code)) ^ flip);
  }
}

void write_bits(std::span<const float> row, unsigned flip, std::byte* destination) {
  for (std::size_t start = 0; start < row.size(); start += 8) {
    const auto values = row.subspan(start, std::min<std::size_t>(8, row.size() - start));
    unsigned bits = 0;
    for (std::size_t i = 0; i < values.size(); ++i) bits |= (values[i] > 0 ? 0x80U : 0U) >> i;
    *destination++ = static_cast<std::byte>(bits ^ flip);
  }
}

bool has_nan(std::span<const float> row) {
  int found = 0;  // an int, so that compilers vectorize the loop
  for (const float value : row) found |= static_cast<int>(value != value);
  return found != 0;
}

}  // namespace

Precision precision_from_name(std::string_view name) {
  const auto found = std::ranges::find(formats, name, &Format::name);
  if (found != formats.end()) return found->precision;
  std::string known;
  for (const Format& format : formats) known += (known.empty() ? "" : ", ") + std::string(format.name);
  throw Error(ErrorCode::invalid_input, "precision is '" + std::string(name) + "', not one of " + known);
}

bool takes_ranges(Precision precision) { return precision == Precision::int8 || precision == Precision::uint8; }

std::size_t row_columns(Precision precision, std::size_t dimensions) {
  return packs_bits(precision) ? (dimensions + 7) / 8 : dimensions;
}

std::size_t row_bytes(Precision precision, std::size_t dimensions) {
  return row_columns(precision, dimensions) * format_of(precision).item_bytes;
}

void write_row(std::span<const float> row, Precision precision, const ValueRanges* ranges,
               std::byte* destination) noexcept {
  switch (precision) {
    case Precision::float32:
      if (!row.empty()) std::memmove(destination, row.data(), row.size_bytes());
      return;
    case Precision::float16:
      return write_float16(row, destination);
    case Precision::int8:
      return write_codes(row, *ranges, to_signed, destination);
    case Precision::uint8:
      return write_codes(row, *ranges, to_unsigned, destination);
    case Precision::binary:
      return write_bits(row, to_signed, destination);
    case Precision::ubinary:
      return write_bits(row, to_unsigned, destination);
  }
}

void quantize(FloatMatrix vectors, Precision precision, const ValueRanges* ranges, std::byte* destination) {
  if (takes_ranges(precision) && (ranges == nullptr || ranges->columns() != vectors.columns)) {
    throw Error(ErrorCode::invalid_input, "ranges must have " + std::to_string(vectors.columns) + " dimensions");
  }
  const bool keeps_nan = precision == Precision::float32 || precision == Precision::float16;
  for (std::size_t i = 0; i < vectors.rows; ++i) {
    const std::span row(vectors.row(i), vectors.columns);
    if (!keeps_nan && has_nan(row)) {
      throw Error(ErrorCode::invalid_input, "vectors[" + std::to_string(i) + "] has NaN, for which there is no code");
    }
    write_row(row, precision, ranges, destination + i * row_bytes(precision, vectors.columns));
  }
}

}  // namespace ortembed
