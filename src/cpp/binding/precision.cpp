// Owns the Python face of the precisions: quantizing vectors, and the ranges that it needs.
#include "binding/precision.h"

#include <nanobind/stl/string.h>

#include <string>

#include "base/error.h"
#include "binding/arrays.h"
#include "binding/gil.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace ortembed {
namespace {

void check_shape(const AnyArray& out, std::size_t rows, std::size_t columns) {
  if (out.shape(0) == rows && out.shape(1) == columns) return;
  throw Error(ErrorCode::invalid_input, "out must have the shape [" + std::to_string(rows) + ", " +
                                            std::to_string(columns) + "], not [" + std::to_string(out.shape(0)) +
                                            ", " + std::to_string(out.shape(1)) + "]");
}

void quantize_vectors(nb::handle vectors, const std::string& name, nb::handle out, nb::handle ranges) {
  const Precision precision = precision_from_name(name);
  const ReadOnlyArray vector_array = input_array(vectors, "vectors", 2);
  const FloatMatrix matrix = view_matrix(vector_array, "vectors");
  const AnyArray out_array = output_array(out, precision);
  check_shape(out_array, matrix.rows, row_columns(precision, matrix.columns));
  const std::optional<ValueRanges> value_ranges = read_ranges(ranges, precision, matrix.columns);
  auto* destination = static_cast<std::byte*>(out_array.data());
  const GilReleased released;
  quantize(matrix, precision, value_ranges ? &*value_ranges : nullptr, destination);
}

nb::object column_ranges(nb::handle vectors) {
  const ReadOnlyArray vector_array = input_array(vectors, "vectors", 2);
  const FloatMatrix matrix = view_matrix(vector_array, "vectors");
  nb::object out = nb::module_::import_("numpy").attr("empty")(nb::make_tuple(2, matrix.columns), "float32");
  const AnyArray out_array = output_array(out);
  auto* ranges = static_cast<float*>(out_array.data());
  const GilReleased released;
  find_ranges(matrix, ranges);
  return out;
}

}  // namespace

std::optional<ValueRanges> read_ranges(nb::handle object, Precision precision, std::size_t dimensions) {
  if (!takes_ranges(precision)) return std::nullopt;
  if (object.is_none()) throw Error(ErrorCode::invalid_input, "int8 and uint8 need ranges");
  const ReadOnlyArray array = input_array(object, "ranges", 2);
  const FloatMatrix matrix = view_matrix(array, "ranges");
  if (matrix.columns != dimensions) {
    throw Error(ErrorCode::invalid_input, "ranges has " + std::to_string(matrix.columns) +
                                              " dimensions for vectors of " + std::to_string(dimensions));
  }
  return ValueRanges(matrix);
}

void register_precision(nb::module_& module) {
  module.def(
      "quantize", &quantize_vectors, "vectors"_a.none(), "precision"_a, nb::kw_only(), "out"_a.none(),
      "ranges"_a.none() = nb::none(),
      nb::sig("def quantize(vectors: numpy.ndarray, precision: str, *, out: numpy.ndarray, "
              "ranges: numpy.ndarray | None = None) -> None"),
      "Writes each row of vectors, float32 [n, d], in another precision into out.\n\n"
      "out: float32 or float16 [n, d]; int8 or uint8 [n, d] for \"int8\" and \"uint8\", which need ranges, float32\n"
      "[2, d]; int8 or uint8 [n, ceil(d / 8)] for \"binary\" and \"ubinary\". All C-contiguous. The GIL is\n"
      "released. Raises InvalidInputError.");
  module.def("column_ranges", &column_ranges, "vectors"_a.none(),
             nb::sig("def column_ranges(vectors: numpy.ndarray) -> numpy.ndarray"),
             "Gives the smallest and the largest value of each column of vectors, float32 [n, d]: float32 [2, d].\n\n"
             "The GIL is released. Raises InvalidInputError for no rows and for values that are not finite.");
}

}  // namespace ortembed
