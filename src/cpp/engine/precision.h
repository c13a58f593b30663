// Owns the number formats of vectors that are given out, as sentence-transformers defines them.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/matrix.h"
#include "engine/value_ranges.h"

namespace ortembed {

enum class Precision {
  float32,
  float16,
  int8,     // uint8 minus 128
  uint8,    // which of 256 steps of its dimension's range a value lies in
  binary,   // ubinary minus 128
  ubinary,  // a bit for each value, 1 above zero; the first is the highest bit of its byte; padded with 0
};

// Throws Error(invalid_input) listing the known names.
Precision precision_from_name(std::string_view name);

// True for those whose codes depend on the range of each dimension.
bool takes_ranges(Precision precision);
// Numbers in a row of so many dimensions: eight dimensions share one number of binary and ubinary.
std::size_t row_columns(Precision precision, std::size_t dimensions);
std::size_t row_bytes(Precision precision, std::size_t dimensions);

// Writes one row. ranges has as many columns as the row where the precision takes them, and else may be null.
// Values outside of their range get its first or last code, NaN the first; float16 is rounded to nearest, ties to
// even. The destination may be the row itself for float32, which then stays as it is.
void write_row(std::span<const float> row, Precision precision, const ValueRanges* ranges,
               std::byte* destination) noexcept;

// Writes each row of the matrix, one after the other. Throws Error(invalid_input) for NaN where the precision has no
// code for it, naming the row, and for ranges of another number of dimensions.
void quantize(FloatMatrix vectors, Precision precision, const ValueRanges* ranges, std::byte* destination);

}  // namespace ortembed
