// Owns the Python face of the embedding lookup.
#include "binding/embedding_table.h"

#include <nanobind/stl/optional.h>

#include <span>

#include "base/error.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace ortembed {
namespace {

std::optional<FloatMatrix> optional_matrix(nb::handle object, const ReadOnlyArray& array, const char* name) {
  if (object.is_none()) return std::nullopt;
  return view_matrix(array, name);
}

std::optional<LayerNorm> optional_layer_norm(nb::handle scale, nb::handle bias, double epsilon) {
  if (scale.is_none() && !bias.is_none()) throw Error(ErrorCode::invalid_input, "bias is given without scale");
  if (scale.is_none()) return std::nullopt;
  const OptionalFloats scales(scale, "scale");
  const OptionalFloats biases(bias, "bias");
  return LayerNorm(*scales.view, biases.view, epsilon);
}

}  // namespace

NativeEmbeddingTable::NativeEmbeddingTable(nb::handle word, nb::handle position, nb::handle scale, nb::handle bias,
                                           double epsilon, std::optional<std::int64_t> padding_id)
    : word_(input_array(word, "word", 2)),
      position_(position.is_none() ? ReadOnlyArray() : input_array(position, "position", 2)),
      table_(view_matrix(word_, "word"), optional_matrix(position, position_, "position"),
             optional_layer_norm(scale, bias, epsilon), padding_id) {}

nb::object NativeEmbeddingTable::look_up(nb::handle ids) const {
  const ReadOnlyArray id_array = input_array(ids, "ids");
  const TokenIds view = view_ids(id_array);
  const auto* text = std::get_if<std::span<const std::int64_t>>(&view);
  if (text == nullptr) throw Error(ErrorCode::invalid_input, "ids must be of dtype int64");
  const nb::object shape = nb::make_tuple(text->size(), table_.width());
  nb::object out = nb::module_::import_("numpy").attr("empty")(shape, "float32");
  const AnyArray out_array = output_array(out);
  table_.look_up(*text, static_cast<float*>(out_array.data()));
  return out;
}

void register_embedding_table(nb::module_& module) {
  nb::class_<NativeEmbeddingTable>(
      module, "EmbeddingTable",
      "The embedding lookup of a graph that takes `hidden` and `mask`: word + position, then layer normalization.")
      .def(nb::init<nb::handle, nb::handle, nb::handle, nb::handle, double, std::optional<std::int64_t>>(),
           "word"_a.none(), "position"_a.none() = nb::none(), "scale"_a.none() = nb::none(),
           "bias"_a.none() = nb::none(), "epsilon"_a = 1e-12, "padding_id"_a = nb::none(),
           nb::sig("def __init__(self, word: numpy.ndarray, position: numpy.ndarray | None = None, "
                   "scale: numpy.ndarray | None = None, bias: numpy.ndarray | None = None, epsilon: float = 1e-12, "
                   "padding_id: int | None = None) -> None"),
           "word: [vocab, width]; position: [positions, width], the token type's embedding added in. Both are\n"
           "borrowed, and may be mapped from a file. scale, bias: [width], copied; without scale there is no layer\n"
           "normalization. All float32, C-contiguous. padding_id: count positions as RoBERTa does, with row 0 of\n"
           "position for tokens that are padding_id and rows 1, 2, ... for the others in their order.\n"
           "Raises InvalidInputError.")
      .def_prop_ro(
          "width", [](const NativeEmbeddingTable& self) { return self.table().width(); }, "Length of an embedding.")
      .def("lookup", &NativeEmbeddingTable::look_up, "ids"_a.none(),
           nb::sig("def lookup(self, ids: numpy.ndarray) -> numpy.ndarray"),
           "The embeddings of one text, float32 [tokens, width]; ids: int64 [tokens].\n"
           "Raises InvalidInputError for an id or position that the arrays have no row for.");
}

}  // namespace ortembed
