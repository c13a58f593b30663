// Owns finding, in an ONNX file, the weights that sessions can share and that lie in a file beside it.
#include "ort/stored_weights.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <set>
#include <string_view>

#include "ort/wire_format.h"

namespace ortembed::ort {
namespace {

using Bytes = std::span<const std::byte>;

// Numbers of the fields in onnx.proto.
namespace model_field {
constexpr std::uint32_t graph = 7;
}
namespace graph_field {
constexpr std::uint32_t node = 1, initializer = 5;
}
namespace node_field {
constexpr std::uint32_t input = 1, operator_type = 4, attribute = 5;
}
namespace attribute_field {
constexpr std::uint32_t graph = 6, graphs = 11;
}
namespace tensor_field {
constexpr std::uint32_t dimensions = 1, type = 2, name = 8, external_data = 13, data_location = 14;
}
namespace entry_field {
constexpr std::uint32_t key = 1, value = 2;
}
constexpr std::uint64_t external = 1;  // of data_location

struct Input {
  std::string_view operator_type;
  std::size_t index;
  bool operator==(const Input&) const = default;
};
// Inputs that kernels pack, and whose packed form they can share; then those of which they read rows. Layer and Embed
// are operators of ours.
constexpr std::array shareable_inputs{
    Input{"Attention", 1},
    Input{"DynamicQuantizeMatMul", 1},
    Input{"Gemm", 1},
    Input{"MatMul", 1},
    Input{"MatMulInteger", 1},
    Input{"MatMulIntegerToFloat", 1},
    Input{"QAttention", 1},
    Input{"Layer", 2},
    Input{"Layer", 8},
    Input{"Layer", 14},
    Input{"Layer", 20},
    Input{"EmbedLayerNormalization", 2},
    Input{"EmbedLayerNormalization", 3},
    Input{"Embed", 2},
    Input{"Embed", 4},
    Input{"Gather", 0},
};

std::uint64_t element_size(ElementType type) {
  if (type == ElementType::float32) return 4;
  if (type == ElementType::bfloat16) return 2;
  return type == ElementType::int8 || type == ElementType::uint8 ? 1 : 0;
}

struct Uses {
  std::set<std::string_view> as_weight;
  std::set<std::string_view> otherwise;
};

constexpr int deepest_subgraph = 8;

void read_subgraph(Bytes graph, Uses& uses, int depth);

void read_attribute(Bytes attribute, Uses& uses, int depth) {
  for (WireReader reader(attribute); reader.next();) {
    const bool is_graph = reader.field() == attribute_field::graph || reader.field() == attribute_field::graphs;
    if (is_graph) read_subgraph(reader.bytes(), uses, depth + 1);
  }
}

void read_node(Bytes node, Uses& uses, int depth = 0) {
  std::vector<std::string_view> inputs;
  std::string_view operator_type;
  for (WireReader reader(node); reader.next();) {
    if (reader.field() == node_field::input) inputs.push_back(reader.text());
    if (reader.field() == node_field::operator_type) operator_type = reader.text();
    if (reader.field() == node_field::attribute) read_attribute(reader.bytes(), uses, depth);
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto shareable = std::ranges::find(shareable_inputs, Input{operator_type, i});
    (depth == 0 && shareable != shareable_inputs.end() ? uses.as_weight : uses.otherwise).insert(inputs[i]);
  }
}

// The runtime would take a shared weight for an initializer of a subgraph that has the same name too.
void read_subgraph(Bytes graph, Uses& uses, int depth) {
  if (depth > deepest_subgraph) throw MalformedMessage();
  for (WireReader reader(graph); reader.next();) {
    if (reader.field() == graph_field::node) read_node(reader.bytes(), uses, depth);
    if (reader.field() != graph_field::initializer) continue;
    for (WireReader tensor(reader.bytes()); tensor.next();) {
      if (tensor.field() == tensor_field::name) uses.otherwise.insert(tensor.text());
    }
  }
}

void read_dimensions(const WireReader& field, std::vector<std::int64_t>& dimensions) {
  if (field.bytes().empty()) return dimensions.push_back(static_cast<std::int64_t>(field.number()));
  for (WireReader packed(field.bytes()); !packed.empty();) {
    dimensions.push_back(static_cast<std::int64_t>(packed.take_number()));
  }
}

std::uint64_t parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) throw MalformedMessage();
  return number;
}

void read_entry(Bytes entry, StoredWeight& weight) {
  std::string_view key;
  std::string_view value;
  for (WireReader reader(entry); reader.next();) {
    if (reader.field() == entry_field::key) key = reader.text();
    if (reader.field() == entry_field::value) value = reader.text();
  }
  if (key == "location") weight.location = value;
  if (key == "offset") weight.offset = parse_number(value);
}

// Bytes that the dimensions take; nothing unless it is a matrix of a type that is shared.
std::optional<std::uint64_t> size_of(const StoredWeight& weight) {
  const std::uint64_t element = element_size(weight.type);
  if (element == 0 || weight.dimensions.size() != 2) return {};
  constexpr auto most = std::numeric_limits<std::int32_t>::max();
  const auto fits = [](std::int64_t size) { return size > 0 && size <= most; };
  if (!std::ranges::all_of(weight.dimensions, fits)) return {};
  return element * static_cast<std::uint64_t>(weight.dimensions[0]) *
         static_cast<std::uint64_t>(weight.dimensions[1]);
}

std::optional<StoredWeight> read_weight(Bytes tensor) {
  StoredWeight weight;
  std::uint64_t data_location = 0;
  for (WireReader reader(tensor); reader.next();) {
    if (reader.field() == tensor_field::dimensions) read_dimensions(reader, weight.dimensions);
    if (reader.field() == tensor_field::type) weight.type = static_cast<ElementType>(reader.number());
    if (reader.field() == tensor_field::name) weight.name = reader.text();
    if (reader.field() == tensor_field::external_data) read_entry(reader.bytes(), weight);
    if (reader.field() == tensor_field::data_location) data_location = reader.number();
  }
  const auto size = size_of(weight);
  if (data_location != external || !size) return {};
  weight.size = *size;
  return weight;
}

std::vector<StoredWeight> read_graph(Bytes graph) {
  Uses uses;
  std::vector<StoredWeight> weights;
  for (WireReader reader(graph); reader.next();) {
    if (reader.field() == graph_field::node) read_node(reader.bytes(), uses);
    if (reader.field() != graph_field::initializer) continue;
    if (auto weight = read_weight(reader.bytes())) weights.push_back(std::move(*weight));
  }
  std::erase_if(weights, [&](const StoredWeight& weight) {
    return !uses.as_weight.contains(weight.name) || uses.otherwise.contains(weight.name);
  });
  return weights;
}

}  // namespace

std::vector<StoredWeight> shareable_weights(std::span<const std::byte> model) {
  try {
    for (WireReader reader(model); reader.next();) {
      if (reader.field() == model_field::graph) return read_graph(reader.bytes());
    }
  } catch (const MalformedMessage&) {  // the session tells what is wrong with it
  }
  return {};
}

}  // namespace ortembed::ort
