// Owns the view of a real graph's hidden states, so that tests can compare them token by token.
#include <nanobind/ndarray.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "binding/embedding_table.h"
#include "engine/ort_encoder.h"
#include "testing.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace ortembed::testing {
namespace {

using Indices = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<nb::numpy, float, nb::ndim<2>>;

constexpr std::int64_t unlimited = 1'000'000'000;

// All rows in one batch, so that all but the longest are padded where texts are not packed.
PlannedBatch plan_together(const TokenBatch& tokens, const BatchLayout& layout) {
  const auto lengths = tokens.lengths();
  if (lengths.empty()) throw Error(ErrorCode::invalid_input, "there are no rows");
  std::vector<std::size_t> rows(tokens.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  if (std::holds_alternative<Packed>(layout)) return pack(std::move(rows), lengths, Cores::all);
  return {std::ranges::max(lengths), std::move(rows)};
}

Matrix copy_matrix(const float* data, std::size_t rows, std::size_t columns) {
  auto* copy = new std::vector<float>(data, data + rows * columns);
  const nb::capsule owner(copy, [](void* vector) noexcept { delete static_cast<std::vector<float>*>(vector); });
  return Matrix(copy->data(), {rows, columns}, owner);
}

std::vector<Matrix> hidden_states(const std::filesystem::path& library, const std::filesystem::path& model,
                                  const Indices& ids, const Indices& offsets, const NativeEmbeddingTable* embeddings,
                                  int threads) {
  std::optional<EmbeddingTable> table;
  if (embeddings != nullptr) table = embeddings->table();
  const OrtEncoder encoder(ort::runtime_at(library), model, {threads}, table);
  if (encoder.is_pooled()) throw Error(ErrorCode::invalid_input, "the graph gives no hidden states");
  const TokenBatch tokens(std::span(ids.data(), ids.size()), {offsets.data(), offsets.size()},
                          {unlimited, unlimited});
  InputTensors tensors;
  const PlannedBatch batch = plan_together(tokens, encoder.layout());
  tensors.fill(tokens, batch);
  const HiddenStates hidden = encoder.run(tensors, Cores::all);
  std::vector<Matrix> result;
  for (std::size_t row = 0; row < tokens.size(); ++row) {
    result.push_back(copy_matrix(hidden.data + batch.start(row) * encoder.dimension(),
                                 static_cast<std::size_t>(tokens.length(row)),
                                 static_cast<std::size_t>(encoder.dimension())));
  }
  return result;
}

}  // namespace

void register_hidden_states(nb::module_& module) {
  // `embeddings` is an EmbeddingTable of this module, not of _native. Gives
  // float32 [tokens of the row, dimension] for each row ids[offsets[i]:offsets[i + 1]].
  module.def("hidden_states", hidden_states, "library"_a, "model"_a, "ids"_a, "offsets"_a,
             "embeddings"_a.none() = nb::none(), nb::kw_only(), "threads"_a = 1);
}

}  // namespace ortembed::testing
