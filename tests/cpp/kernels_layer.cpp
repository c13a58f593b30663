// Owns the view of whole layers over packed texts, of their first hidden states, and of where texts begin.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "kernel_arrays.h"
#include "kernel_views.h"
#include "kernels/embedding.h"
#include "kernels/encoder_layer.h"
#include "kernels/packed_texts.h"
#include "testing.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace ortembed::testing {
namespace {

using MaybeNorm = std::optional<std::pair<Vector, MaybeVector>>;
using MaybeTables = std::optional<std::pair<Rows, Rows>>;

struct NormArrays {
  explicit NormArrays(const MaybeNorm& norm)
      : weight(norm ? copy_of(norm->first) : std::vector<float>()),
        bias(norm ? copy_of(norm->second) : std::vector<float>()) {}
  kernels::LayerNorm view(float epsilon) const { return {or_null(weight), or_null(bias), epsilon}; }
  std::vector<float> weight;
  std::vector<float> bias;
};

// A layer and what its settings borrow.
struct NativeLayer {
  NormArrays attention_norm;
  NormArrays output_norm;
  std::vector<float> relative_bias;
  std::vector<float> cosines;
  std::vector<float> sines;
  std::size_t width = 0;
  std::unique_ptr<kernels::EncoderLayer> layer;
};

void make_layer(NativeLayer* self, const std::vector<const NativeLinear*>& linears, std::size_t width,
                std::size_t heads, std::size_t head_width, const std::string& activation, bool is_gated,
                bool norms_first, std::int64_t reach, float epsilon, const MaybeNorm& attention_norm,
                const MaybeNorm& output_norm, const MaybeRows& relative_bias, const MaybeTables& rotary) {
  new (self) NativeLayer{NormArrays(attention_norm),
                         NormArrays(output_norm),
                         copy_of(relative_bias),
                         rotary ? copy_of(rotary->first) : std::vector<float>(),
                         rotary ? copy_of(rotary->second) : std::vector<float>(),
                         width,
                         nullptr};
  const kernels::LayerSettings settings{
      .width = width,
      .heads = heads,
      .head_width = head_width,
      .activation = kernels::activation_from_name(activation),
      .is_gated = is_gated,
      .norms_first = norms_first,
      .reach = reach,
      .attention_norm = self->attention_norm.view(epsilon),
      .output_norm = self->output_norm.view(epsilon),
      .relative_bias = or_null(self->relative_bias),
      .most_distance = relative_bias ? static_cast<std::int64_t>(relative_bias->shape(1) / 2) : 0,
      .cosines = or_null(self->cosines),
      .sines = or_null(self->sines),
      .positions = rotary ? static_cast<std::int64_t>(rotary->first.shape(0)) : 0,
  };
  const auto packed = [&](std::size_t index) { return linears.at(index)->packed; };
  try {
    self->layer = std::make_unique<kernels::EncoderLayer>(
        *linears.at(0)->kernels, settings, kernels::LayerLinears{packed(0), packed(1), packed(2), packed(3)},
        std::make_shared<kernels::RunMemories>());
  } catch (...) {
    self->~NativeLayer();  // Python destroys none whose constructor failed
    throw;
  }
}

// `threads` work at once, and `late` more when the first of them is back.
void work(kernels::EncoderLayer::Run& run, std::size_t threads, std::size_t late) {
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < threads; ++i) others.emplace_back([&run] { run.work(); });
  run.work();
  for (std::size_t i = 0; i < late; ++i) others.emplace_back([&run] { run.work(); });
  for (auto& thread : others) thread.join();
}

// `absent`: threads that were announced and never come.
auto run_layer(const NativeLayer& self, const Rows& hidden, const Offsets& offsets, std::size_t threads,
               std::size_t late, std::size_t absent) {
  const kernels::PackedTexts texts({offsets.data(), offsets.size()}, static_cast<std::int64_t>(hidden.shape(0)));
  const StridedRows input(hidden, self.width);
  const StridedRows output(input.count(), self.width, self.width);
  {
    const nb::gil_scoped_release release;
    kernels::EncoderLayer::Run run(*self.layer, texts, input.data(), output.data(), threads + late + absent);
    work(run, threads, late);
  }
  return to_numpy(output.data(), {output.count(), output.columns()});
}

using Floats = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Bfloat16 = nb::ndarray<const std::uint16_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Codes = nb::ndarray<const std::int8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Table = std::variant<Floats, Bfloat16, Codes>;

auto embed(const std::string& isa, const Table& word, const Offsets& ids, const Offsets& offsets,
           const MaybeVector& word_scale, const MaybeRows& position, std::int64_t padding_id, const MaybeNorm& norm,
           float epsilon) {
  const kernels::PackedTexts texts({offsets.data(), offsets.size()}, static_cast<std::int64_t>(ids.size()));
  const std::vector<float> scales = copy_of(word_scale);
  const std::vector<float> positions = copy_of(position);
  const NormArrays norms(norm);
  return std::visit(
      [&](const auto& rows) {
        const auto copy = copy_of(rows);
        const kernels::EmbeddingSettings settings{
            .width = rows.shape(1),
            .word = {static_cast<kernels::EmbeddingRows::Type>(word.index()), copy.data(), or_null(scales),
                     rows.shape(0)},
            .position = or_null(positions),
            .positions = position ? position->shape(0) : 0,
            .padding_id = padding_id,
            .norm = norms.view(epsilon),
        };
        const StridedRows output(ids.size(), rows.shape(1), rows.shape(1));
        kernels::embed(kernels_named(isa), settings, texts, {ids.data(), ids.size()}, output.data());
        return to_numpy(output.data(), {output.count(), output.columns()});
      },
      word);
}

// Of each text where it starts and its length; and the longest length.
auto packed_texts(const Offsets& offsets, std::int64_t tokens) {
  const auto copy = copy_of(offsets);
  const kernels::PackedTexts texts(copy, tokens);
  std::vector<std::pair<std::size_t, std::size_t>> places;
  for (std::size_t text = 0; text < texts.size(); ++text) places.emplace_back(texts.start(text), texts.length(text));
  return std::pair(places, texts.longest());
}

}  // namespace

void register_layers(nb::module_& module) {
  nb::class_<NativeLayer>(module, "Layer")
      .def("__init__", make_layer, "linears"_a, "width"_a, "heads"_a, "head_width"_a, "activation"_a = "gelu",
           "is_gated"_a = false, "norms_first"_a = false, "reach"_a = -1, "epsilon"_a = 1e-12F,
           "attention_norm"_a = nb::none(), "output_norm"_a = nb::none(), "relative_bias"_a = nb::none(),
           "rotary"_a = nb::none())
      .def("most_tokens", [](const NativeLayer& self) { return self.layer->most_tokens(); })
      .def("run", run_layer, "hidden"_a, "offsets"_a, "threads"_a = 1, "late"_a = 0, "absent"_a = 0);
  module.def("embed", embed, "isa"_a, "word"_a, "ids"_a, "offsets"_a, "word_scale"_a = nb::none(),
             "position"_a = nb::none(), "padding_id"_a = -1, "norm"_a = nb::none(), "epsilon"_a = 1e-12F);
  module.def("packed_texts", packed_texts, "offsets"_a, "tokens"_a);
}

}  // namespace ortembed::testing
