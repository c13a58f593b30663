// Owns the check of numpy arrays that come in over the border.
#include "binding/arrays.h"

#include <cstdint>
#include <string>

#include "base/error.h"

namespace nb = nanobind;

namespace ortembed {
namespace {

[[noreturn]] void fail(const std::string& name, const std::string& message) {
  throw Error(ErrorCode::invalid_input, name + " must be " + message);
}

struct OutputType {
  const char* name;
  nb::dlpack::dtype dtype;
  std::size_t alignment;
};

OutputType output_type(Precision precision) {
  switch (precision) {
    case Precision::float16:
      return {"float16", {static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float), 16, 1}, alignof(std::uint16_t)};
    case Precision::int8:
    case Precision::binary:
      return {"int8", nb::dtype<std::int8_t>(), 1};
    case Precision::uint8:
    case Precision::ubinary:
      return {"uint8", nb::dtype<std::uint8_t>(), 1};
    default:
      return {"float32", nb::dtype<float>(), alignof(float)};
  }
}

template <class Array>
Array cast_array(nb::handle object, const char* name, const char* kind) {
  Array array;
  if (!nb::try_cast<Array>(object, array, false) || !array.is_valid()) {
    const nb::object given = nb::hasattr(object, "dtype") ? object.attr("dtype") : nb::type_name(object.type());
    fail(name, std::string(kind) + ", not " + nb::str(given).c_str());
  }
  return array;
}

template <class Array>
void check_layout(const Array& array, const char* name, std::size_t rank) {
  if (array.ndim() != rank) {
    fail(name, std::to_string(rank) + "-dimensional, not " + std::to_string(array.ndim()) + "-dimensional");
  }
  std::int64_t stride = 1;
  for (std::size_t i = rank; i-- > 0;) {
    if (array.size() > 0 && array.shape(i) > 1 && array.stride(i) != stride) fail(name, "C-contiguous");
    stride *= static_cast<std::int64_t>(array.shape(i));
  }
}

void check_aligned(const void* data, std::size_t alignment) {
  if (reinterpret_cast<std::uintptr_t>(data) % alignment != 0) fail("arrays", "aligned to their dtype");
}

template <class T, class Array>
std::span<const T> view(const Array& array) {
  check_aligned(array.data(), alignof(T));
  return {static_cast<const T*>(array.data()), array.size()};
}

}  // namespace

ReadOnlyArray input_array(nb::handle object, const char* name, std::size_t rank) {
  auto array = cast_array<ReadOnlyArray>(object, name, "a numpy array of a native dtype");
  check_layout(array, name, rank);
  return array;
}

TokenIds view_ids(const ReadOnlyArray& array) {
  if (array.dtype() == nb::dtype<std::int32_t>()) return view<std::int32_t>(array);
  if (array.dtype() == nb::dtype<std::int64_t>()) return view<std::int64_t>(array);
  fail("ids", "of dtype int32 or int64");
}

std::span<const std::int64_t> view_offsets(const ReadOnlyArray& array) {
  if (array.dtype() != nb::dtype<std::int64_t>()) fail("offsets", "of dtype int64");
  return view<std::int64_t>(array);
}

std::span<const float> view_floats(const ReadOnlyArray& array, const char* name) {
  if (array.dtype() != nb::dtype<float>()) fail(name, "of dtype float32");
  return view<float>(array);
}

FloatMatrix view_matrix(const ReadOnlyArray& array, const char* name) {
  return {view_floats(array, name).data(), array.shape(0), array.shape(1)};
}

OptionalFloats::OptionalFloats(nb::handle object, const char* name) {
  if (object.is_none()) return;
  array = input_array(object, name);
  view = view_floats(array, name);
}

EncodedTexts::EncodedTexts(nb::handle given_ids, nb::handle given_offsets)
    : id_array(input_array(given_ids, "ids")),
      offset_array(input_array(given_offsets, "offsets")),
      ids(view_ids(id_array)),
      offsets(view_offsets(offset_array)) {}

AnyArray output_array(nb::handle object, Precision precision) {
  auto array = cast_array<AnyArray>(object, "out", "a writable numpy array of a native dtype");
  check_layout(array, "out", 2);
  const OutputType type = output_type(precision);
  if (array.dtype() != type.dtype) fail("out", std::string("of dtype ") + type.name);
  check_aligned(array.data(), type.alignment);
  return array;
}

}  // namespace ortembed
