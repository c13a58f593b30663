// Owns finding, in an ONNX file, whether it imports a domain of operators.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace ortembed::ort {

// False when the bytes are not a model.
bool imports_domain(std::span<const std::byte> model, std::string_view domain);

}  // namespace ortembed::ort
