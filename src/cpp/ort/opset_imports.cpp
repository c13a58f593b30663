// Owns finding, in an ONNX file, whether it imports a domain of operators.
#include "ort/opset_imports.h"

#include <cstdint>

#include "ort/wire_format.h"

namespace ortembed::ort {
namespace {

// Numbers of the fields in onnx.proto.
constexpr std::uint32_t opset_import = 8;  // of a model
constexpr std::uint32_t domain_name = 1;   // of an import

bool is_of(std::span<const std::byte> import, std::string_view domain) {
  for (WireReader reader(import); reader.next();) {
    if (reader.field() == domain_name && reader.text() == domain) return true;
  }
  return false;
}

}  // namespace

bool imports_domain(std::span<const std::byte> model, std::string_view domain) {
  try {
    for (WireReader reader(model); reader.next();) {
      if (reader.field() == opset_import && is_of(reader.bytes(), domain)) return true;
    }
  } catch (const MalformedMessage&) {  // the session tells what is wrong with it
  }
  return false;
}

}  // namespace ortembed::ort
