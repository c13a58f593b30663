// Owns finding, in an ONNX file, whether it has other graphs beside its one.
#include "ort/nested_graphs.h"

#include <cstdint>

#include "ort/wire_format.h"

namespace ortembed::ort {
namespace {

// Numbers of the fields in onnx.proto.
constexpr std::uint32_t model_graph = 7, model_functions = 25;
constexpr std::uint32_t graph_node = 1;
constexpr std::uint32_t node_attribute = 5;
constexpr std::uint32_t attribute_graph = 6, attribute_graphs = 11;

bool is_graph(std::span<const std::byte> attribute) {
  for (WireReader reader(attribute); reader.next();) {
    if (reader.field() == attribute_graph || reader.field() == attribute_graphs) return true;
  }
  return false;
}

bool holds_graphs(std::span<const std::byte> node) {
  for (WireReader reader(node); reader.next();) {
    if (reader.field() == node_attribute && is_graph(reader.bytes())) return true;
  }
  return false;
}

bool has_nodes_with_graphs(std::span<const std::byte> graph) {
  for (WireReader reader(graph); reader.next();) {
    if (reader.field() == graph_node && holds_graphs(reader.bytes())) return true;
  }
  return false;
}

}  // namespace

bool has_nested_graphs(std::span<const std::byte> model) {
  bool has_graph = false;
  try {
    for (WireReader reader(model); reader.next();) {
      if (reader.field() == model_functions) return true;
      if (reader.field() != model_graph) continue;
      if (has_nodes_with_graphs(reader.bytes())) return true;
      has_graph = true;
    }
  } catch (const MalformedMessage&) {  // the session tells what is wrong with it
    return true;
  }
  return !has_graph;
}

}  // namespace ortembed::ort
