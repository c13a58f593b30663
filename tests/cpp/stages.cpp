// Owns the pure stages as Python sees them in tests: plan, tensors, pooling, normalization, graph signature.
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/batch_plan.h"
#include "engine/graph_signature.h"
#include "engine/normalize.h"
#include "engine/pooling.h"
#include "engine/tensors.h"
#include "testing.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace ortembed::testing {
namespace {

using Plan = std::vector<std::tuple<std::int64_t, std::vector<std::size_t>, bool>>;
using Hidden = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Row = std::vector<std::int64_t>;
using Value = std::tuple<std::string, std::string, std::vector<std::int64_t>>;

// Of each batch: sequence length, rows, whether it runs on all cores.
Plan plan(const std::vector<std::int64_t>& lengths, std::int64_t max_batch_tokens, int cores) {
  Plan result;
  for (auto& batch : plan_batches(lengths, {max_batch_tokens, cores}, BatchShapes())) {
    result.emplace_back(batch.sequence_length, std::move(batch.rows), batch.cores == Cores::all);
  }
  return result;
}

// Of each packed batch: offsets, rows, whether it runs on all cores.
std::vector<std::tuple<Row, std::vector<std::size_t>, bool>> packed_plan(const Row& lengths,
                                                                         std::int64_t max_batch_tokens, int cores) {
  std::vector<std::tuple<Row, std::vector<std::size_t>, bool>> result;
  for (auto& batch : plan_batches(lengths, {max_batch_tokens, cores}, Packed{})) {
    result.emplace_back(std::move(batch.offsets), std::move(batch.rows), batch.cores == Cores::all);
  }
  return result;
}

// Of each batch in one of the buckets: rows that its shape has, sequence length, rows.
std::vector<std::tuple<std::int64_t, std::int64_t, std::vector<std::size_t>>> bucket_plan(
    const std::vector<std::int64_t>& lengths, const std::vector<std::pair<std::int64_t, std::int64_t>>& buckets) {
  std::vector<BatchShape> shapes;
  for (const auto& [rows, sequence_length] : buckets) shapes.push_back({rows, sequence_length});
  std::vector<std::tuple<std::int64_t, std::int64_t, std::vector<std::size_t>>> result;
  for (auto& batch : plan_batches(lengths, {1, 1}, BatchShapes(std::move(shapes)))) {
    result.emplace_back(batch.batch_size(), batch.sequence_length, std::move(batch.rows));
  }
  return result;
}

std::vector<float> pool_text(const std::vector<std::string>& names, const Hidden& hidden, std::size_t columns,
                             std::int64_t skipped) {
  std::vector<Pooling> modes;
  for (const auto& name : names) modes.push_back(pooling_from_name(name));
  std::vector<float> output(columns);
  pool(modes,
       {hidden.data(), static_cast<std::int64_t>(hidden.shape(0)), static_cast<std::int64_t>(hidden.shape(1)),
        skipped},
       output);
  return output;
}

std::pair<std::vector<float>, double> normalize_vector(std::vector<float> vector) {
  const double length = norm(vector);
  normalize(vector, length);
  return {std::move(vector), length};
}

Row to_vector(std::span<const std::int64_t> span) { return {span.begin(), span.end()}; }

// Fills the same buffers with one batch after the other; gives (ids, mask, types) of each.
std::vector<std::tuple<Row, Row, Row>> fill_tensors(
    const Row& ids, const Row& offsets,
    const std::vector<std::pair<std::int64_t, std::vector<std::size_t>>>& batches) {
  const TokenBatch tokens(TokenIds(std::span<const std::int64_t>(ids)), offsets, {1'000'000, 1'000'000});
  InputTensors tensors;
  std::vector<std::tuple<Row, Row, Row>> result;
  for (const auto& [sequence_length, rows] : batches) {
    tensors.fill(tokens, {sequence_length, rows});
    result.emplace_back(to_vector(tensors.input_ids()), to_vector(tensors.attention_mask()),
                        to_vector(tensors.token_type_ids()));
  }
  return result;
}

// The same of packed batches, given their rows; gives (ids, offsets) of each.
std::vector<std::pair<Row, Row>> fill_packed_tensors(const Row& ids, const Row& offsets,
                                                     const std::vector<std::vector<std::size_t>>& batches) {
  const TokenBatch tokens(TokenIds(std::span<const std::int64_t>(ids)), offsets, {1'000'000, 1'000'000});
  InputTensors tensors;
  std::vector<std::pair<Row, Row>> result;
  for (const auto& rows : batches) {
    tensors.fill(tokens, pack(rows, tokens.lengths(), Cores::one));
    result.emplace_back(to_vector(tensors.input_ids()), to_vector(tensors.offsets()));
  }
  return result;
}

std::vector<ort::GraphValue> graph_values(const std::vector<Value>& values) {
  static const std::map<std::string, ort::ElementType> types{{"int32", ort::ElementType::int32},
                                                             {"int64", ort::ElementType::int64},
                                                             {"float32", ort::ElementType::float32},
                                                             {"float16", ort::ElementType::float16}};
  std::vector<ort::GraphValue> result;
  for (const auto& [name, type, dimensions] : values) result.push_back({name, {types.at(type), dimensions}});
  return result;
}

using Size = std::optional<std::int64_t>;

std::tuple<std::vector<std::string>, std::string, bool, Size, bool, Size, bool> signature(
    const std::vector<Value>& inputs, const std::vector<Value>& outputs) {
  const GraphSignature read = read_signature(graph_values(inputs), graph_values(outputs));
  std::vector<std::string> names;
  for (const auto& input : read.inputs) names.push_back(input.name);
  return {names, read.output, read.is_pooled, read.dimension, read.takes_embeddings, read.width, read.is_packed};
}

}  // namespace

void register_stages(nb::module_& module) {
  module.def("plan_batches", plan, "lengths"_a, "max_batch_tokens"_a, "cores"_a = 1);
  module.def("plan_packed", packed_plan, "lengths"_a, "max_batch_tokens"_a, "cores"_a = 1);
  module.def("plan_buckets", bucket_plan, "lengths"_a, "buckets"_a);
  module.def("pool", pool_text, "modes"_a, "hidden"_a, "columns"_a, "skipped"_a = 0);
  module.def("normalize", normalize_vector);
  module.def("fill_tensors", fill_tensors);
  module.def("fill_packed_tensors", fill_packed_tensors);
  module.def("read_signature", signature);
}

}  // namespace ortembed::testing
