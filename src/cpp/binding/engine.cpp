// Owns the Python face of the engine.
#include "binding/engine.h"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>

#include <filesystem>
#include <string>

#include "base/error.h"
#include "binding/arrays.h"
#include "binding/gil.h"
#include "engine/ort_encoder.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace ortembed {
namespace {

// An engine over ONNX Runtime, with what Python asks about it.
class NativeEngine {
 public:
  NativeEngine(const std::filesystem::path& library, const std::filesystem::path& model, const std::string& pooling,
               std::int64_t vocab_size, std::int64_t max_tokens, std::int64_t max_batch_tokens, std::int64_t threads)
      // With the GIL held: making the environment sets a variable for a moment, and Python code may read those.
      : runtime_(ort::runtime_at(library)),
        engine_(open_encoder(runtime_, model, {static_cast<int>(checked("threads", threads, 1024))}),
                {pooling_from_name(pooling),
                 {checked("vocab_size", vocab_size), checked("max_tokens", max_tokens)},
                 {checked("max_batch_tokens", max_batch_tokens)}}) {}

  std::int64_t dimension() const { return engine_.dimension(); }
  const std::string& runtime_version() const { return runtime_.library.version; }

  void encode_ids(nb::handle ids, nb::handle offsets, nb::handle out, bool normalize) const {
    const ReadOnlyArray id_array = input_array(ids, "ids");
    const ReadOnlyArray offset_array = input_array(offsets, "offsets");
    const AnyArray out_array = output_array(out);
    const TokenIds id_view = view_ids(id_array);
    const auto offset_view = view_offsets(offset_array);
    const OutputRows rows = view_output(out_array);
    const GilReleased released;
    engine_.encode(id_view, offset_view, rows, normalize);
  }

 private:
  static constexpr std::int64_t int32_max = 2'147'483'647;

  static std::int64_t checked(const char* name, std::int64_t value, std::int64_t maximum = int32_max) {
    if (value >= 1 && value <= maximum) return value;
    throw Error(ErrorCode::invalid_input,
                std::string(name) + " is " + std::to_string(value) + ", not from 1 to " + std::to_string(maximum));
  }

  static std::unique_ptr<Encoder> open_encoder(const ort::Runtime& runtime, const std::filesystem::path& model,
                                               const ort::SessionSettings& settings) {
    const GilReleased released;
    return std::make_unique<OrtEncoder>(runtime, model, settings);
  }

  const ort::Runtime& runtime_;
  Engine engine_;
};

}  // namespace

void register_engine(nb::module_& module) {
  nb::class_<NativeEngine>(module, "Engine", "An encoder graph, loaded and ready to turn token ids into vectors.")
      .def(nb::init<const std::filesystem::path&, const std::filesystem::path&, const std::string&, std::int64_t,
                    std::int64_t, std::int64_t, std::int64_t>(),
           nb::kw_only(), "library"_a, "model"_a, "pooling"_a, "vocab_size"_a, "max_tokens"_a, "max_batch_tokens"_a,
           "threads"_a,
           "library: absolute path of the ONNX Runtime library. model: path of the graph. pooling: a mode of\n"
           "sentence-transformers' pooling config. max_tokens: longest row. max_batch_tokens: padded tokens a run.\n"
           "Raises RuntimeLibraryError, ModelLoadError, InvalidInputError (unknown pooling).")
      .def_prop_ro("dimension", &NativeEngine::dimension, "Length of a full vector.")
      .def_prop_ro("runtime_version", &NativeEngine::runtime_version, "Version of the ONNX Runtime library.")
      .def("encode_ids", &NativeEngine::encode_ids, "ids"_a.none(), "offsets"_a.none(), nb::kw_only(), "out"_a.none(),
           "normalize"_a,
           nb::sig("def encode_ids(self, ids: numpy.ndarray, offsets: numpy.ndarray, *, out: numpy.ndarray, "
                   "normalize: bool) -> None"),
           "Writes the vector of ids[offsets[i]:offsets[i + 1]] into out[i].\n\n"
           "ids: int32 or int64 [total_tokens]; offsets: int64 [n + 1]; out: float32 [n, d], d up to `dimension`,\n"
           "where fewer truncate before normalization. All C-contiguous. The GIL is released.\n"
           "Raises InvalidInputError before anything runs, InferenceError, ServiceUnavailableError after a fork.");
}

}  // namespace ortembed
