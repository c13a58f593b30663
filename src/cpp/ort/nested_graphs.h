// Owns finding, in an ONNX file, whether it has other graphs beside its one.
#pragma once

#include <cstddef>
#include <span>

namespace ortembed::ort {

// Branches, loops' bodies and functions: each may give a name to a weight of its own that another graph has too.
// True too where the bytes are not a model.
bool has_nested_graphs(std::span<const std::byte> model);

}  // namespace ortembed::ort
