// Owns the Python face of the engine.
#include "binding/engine.h"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "binding/arrays.h"
#include "binding/embedding_table.h"
#include "binding/encoders.h"
#include "binding/gil.h"
#include "binding/head.h"
#include "binding/heartbeat.h"
#include "binding/precision.h"
#include "engine/engine.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace ortembed {
namespace {

using PoolingNames = std::variant<std::string, std::vector<std::string>>;

// An engine over ONNX Runtime, with what Python asks about it.
class NativeEngine {
 public:
  NativeEngine(const std::filesystem::path& library, const std::filesystem::path& model, const PoolingNames& pooling,
               std::int64_t vocab_size, std::int64_t max_tokens, std::int64_t max_batch_tokens, std::int64_t threads,
               std::vector<NativeHeadStep> head, const NativeEmbeddingTable* embeddings, ProviderList providers,
               BucketList buckets, nb::object open_bucket, bool may_use_cpu)
      // With the GIL held: making the environment sets a variable for a moment, and Python code may read those.
      : runtime_(ort::runtime_at(library)),
        encoder_(runtime_,
                 {model, static_cast<int>(checked("threads", threads, 1024)), providers, buckets, open_bucket,
                  may_use_cpu},
                 table_of(embeddings)),
        engine_(encoder_.release(),
                {read_poolings(pooling),
                 {checked("vocab_size", vocab_size), checked("max_tokens", max_tokens)},
                 {checked("max_batch_tokens", max_batch_tokens, 1 << 16),
                  // An accelerator runs one batch at a time, and is as busy with it as it can be.
                  providers.empty() && buckets.empty() ? static_cast<int>(threads) : 1}},
                unwrapped(std::move(head))) {
    if (embeddings != nullptr) embeddings->table().check_covers({vocab_size, max_tokens});
  }

  Assignment assignment() const { return encoder_.assignment(); }
  std::vector<BucketState> buckets() const {
    engine_.check_process();
    return encoder_.buckets();
  }
  int failed_buckets() const { return encoder_.failures(); }
  std::int64_t dimension() const { return engine_.dimension(); }
  const std::string& runtime_version() const { return runtime_.library.version; }

  void encode_ids(nb::handle ids, nb::handle offsets, nb::handle out, bool normalize, std::int64_t skip_tokens,
                  const std::string& precision, nb::handle ranges, std::optional<std::size_t> dimensions,
                  nb::handle progress, const Cancellation* cancellation) const {
    const EncodedTexts texts(ids, offsets);
    OutputRows rows{.precision = precision_from_name(precision)};
    const AnyArray out_array = output_array(out, rows.precision);
    rows.data = static_cast<std::byte*>(out_array.data());
    rows.rows = out_array.shape(0);
    rows.dimensions = vector_dimensions(out_array, rows.precision, dimensions);
    const std::optional<ValueRanges> value_ranges = read_ranges(ranges, rows.precision, rows.dimensions);
    if (value_ranges) rows.ranges = &*value_ranges;
    watched(progress, cancellation, rows.rows, [&](const CallControl& control) {
      engine_.encode(texts.ids, texts.offsets, rows, {normalize, skip_tokens}, control);
    });
  }

  std::int64_t hidden_size() const { return engine_.hidden_size(); }

  void hidden_states(nb::handle ids, nb::handle offsets, nb::handle out, nb::handle progress,
                     const Cancellation* cancellation) const {
    const EncodedTexts texts(ids, offsets);
    const AnyArray array = output_array(out);
    const TokenRows rows{static_cast<float*>(array.data()), array.shape(0), array.shape(1)};
    watched(progress, cancellation, texts.size(),
            [&](const CallControl& control) { engine_.hidden_states(texts.ids, texts.offsets, rows, control); });
  }

  nb::dict stats() const {
    const Counters::Values values = engine_.counters();
    nb::dict result;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::string name = counter_names[i];
      if (name.ends_with("_seconds")) {
        result[counter_names[i]] = static_cast<double>(values[i]) * 1e-9;
      } else {
        result[counter_names[i]] = values[i];
      }
    }
    return result;
  }

 private:
  // Calls run(control) without the GIL, for a call of so many rows.
  template <class Run>
  static void watched(nb::handle progress, const Cancellation* cancellation, std::size_t rows, const Run& run) {
    Heartbeat heartbeat(progress, rows);
    GilReleased released;
    run(CallControl{[&](std::size_t done) { heartbeat.beat(done, released); }, cancellation});
    heartbeat.finish(released);
  }

  static constexpr std::int64_t int32_max = 2'147'483'647;
  // As in Counter.
  static constexpr std::array<const char*, static_cast<std::size_t>(Counter::count)> counter_names{
      "calls", "texts", "tokens", "padded_tokens", "batches", "plan_seconds", "run_seconds", "pool_seconds"};

  static std::int64_t checked(const char* name, std::int64_t value, std::int64_t maximum = int32_max) {
    if (value >= 1 && value <= maximum) return value;
    throw Error(ErrorCode::invalid_input,
                std::string(name) + " is " + std::to_string(value) + ", not from 1 to " + std::to_string(maximum));
  }

  // Several dimensions may share a column of out, so their number can be less than the columns have room for.
  std::size_t vector_dimensions(const AnyArray& out, Precision precision, std::optional<std::size_t> given) const {
    const bool is_packed = row_columns(precision, 8) < 8;
    const std::size_t dimensions = given.value_or(is_packed ? static_cast<std::size_t>(dimension()) : out.shape(1));
    const std::size_t columns = row_columns(precision, dimensions);
    if (out.shape(1) == columns) return dimensions;
    throw Error(ErrorCode::invalid_input, "out has " + std::to_string(out.shape(1)) + " columns; " +
                                              std::to_string(dimensions) + " dimensions take " +
                                              std::to_string(columns));
  }

  static std::vector<Pooling> read_poolings(const PoolingNames& names) {
    if (const auto* name = std::get_if<std::string>(&names)) return {pooling_from_name(*name)};
    std::vector<Pooling> result;
    for (const auto& name : std::get<std::vector<std::string>>(names)) result.push_back(pooling_from_name(name));
    return result;
  }

  static std::vector<HeadStep> unwrapped(std::vector<NativeHeadStep> head) {
    std::vector<HeadStep> steps;
    for (auto& native : head) steps.push_back(std::move(native.step));
    return steps;
  }

  static std::optional<EmbeddingTable> table_of(const NativeEmbeddingTable* embeddings) {
    return embeddings == nullptr ? std::nullopt : std::optional(embeddings->table());
  }

  const ort::Runtime& runtime_;
  NativeEncoder encoder_;
  Engine engine_;
};

void register_cancellation(nb::module_& module) {
  nb::class_<Cancellation>(module, "Cancellation", "Asks calls that were given it to stop, from any thread.")
      .def(nb::init<>())
      .def("cancel", &Cancellation::cancel,
           "Ask. A call stops before its next batch; one that waits for a core, when its turn comes.")
      .def_prop_ro("cancelled", &Cancellation::is_cancelled, "Whether cancel() was called.");
}

}  // namespace

void register_engine(nb::module_& module) {
  register_cancellation(module);
  nb::class_<NativeEngine>(module, "Engine", "An encoder graph, loaded and ready to turn token ids into vectors.")
      .def(
          nb::init<const std::filesystem::path&, const std::filesystem::path&, const PoolingNames&, std::int64_t,
                   std::int64_t, std::int64_t, std::int64_t, std::vector<NativeHeadStep>, const NativeEmbeddingTable*,
                   ProviderList, BucketList, nb::object, bool>(),
          nb::keep_alive<1, 10>(),  // the engine (1) borrows the arrays of the embeddings (10)
          nb::kw_only(), "library"_a, "model"_a, "pooling"_a, "vocab_size"_a, "max_tokens"_a, "max_batch_tokens"_a,
          "threads"_a, "head"_a = nb::tuple(), "embeddings"_a.none() = nb::none(), "providers"_a = nb::tuple(),
          "buckets"_a = nb::tuple(), "open_bucket"_a.none() = nb::none(), "may_use_cpu"_a = true,
          "library: absolute path of the ONNX Runtime library. model: path of the graph. pooling: a mode of\n"
          "sentence-transformers' pooling config, or several, whose results are concatenated in their order.\n"
          "max_tokens: longest row. max_batch_tokens: tokens a run, padding among them, at most 65,536. threads:\n"
          "cores, which all calls share. head: what the pooled vector goes through. embeddings: for a graph that\n"
          "takes `hidden` and `mask`, and only for one. providers: names, without ExecutionProvider, each with its\n"
          "options, best first; the CPU takes what they leave. buckets: (rows, tokens) of the only batches that\n"
          "run, for a provider that wants fixed shapes; the graph's open dimensions are named batch and sequence,\n"
          "and it is not one of packed texts.\n"
          "open_bucket: called as open_bucket(rows, tokens, make) when a bucket is first needed, on the thread that\n"
          "needs it; it calls make(folder), for compiled programs, or make(None). may_use_cpu: for buckets that\n"
          "fail and for longer texts.\n"
          "Raises RuntimeLibraryError, ProviderUnavailableError, ModelLoadError (a graph, head or embeddings that\n"
          "do not fit one another), InvalidInputError (unknown pooling, limits beyond what the embeddings have\n"
          "rows for, buckets that are none).")
      .def_prop_ro("dimension", &NativeEngine::dimension, "Length of a full vector, after pooling and head.")
      .def_prop_ro("assignment", &NativeEngine::assignment,
                   "(provider, operators) of each part of the graph that runs on one provider, where providers were\n"
                   "given and the runtime is 1.24 or newer.")
      .def_prop_ro(
          "buckets", &NativeEngine::buckets,
          "(rows, tokens, is_open, failure, assignment) of each bucket. Raises ServiceUnavailableError after a fork.")
      .def_prop_ro("failed_buckets", &NativeEngine::failed_buckets, "How many buckets are not used any more.")
      .def_prop_ro("runtime_version", &NativeEngine::runtime_version, "Version of the ONNX Runtime library.")
      .def(
          "encode_ids", &NativeEngine::encode_ids, "ids"_a.none(), "offsets"_a.none(), nb::kw_only(), "out"_a.none(),
          "normalize"_a, "skip_tokens"_a = 0, "precision"_a = "float32", "ranges"_a = nb::none(),
          "dimensions"_a.none() = nb::none(), "progress"_a = nb::none(), "cancellation"_a.none() = nb::none(),
          nb::sig("def encode_ids(self, ids: numpy.ndarray, offsets: numpy.ndarray, *, out: numpy.ndarray, "
                  "normalize: bool, skip_tokens: int = 0, precision: str = 'float32', ranges: numpy.ndarray | None = "
                  "None, dimensions: int | None = None, progress: collections.abc.Callable[[int], object] | None = "
                  "None, cancellation: Cancellation | None = None) -> None"),
          "Writes the vector of ids[offsets[i]:offsets[i + 1]] into out[i].\n\n"
          "ids: int32 or int64 [total_tokens]; offsets: int64 [n + 1]; out: [n, d] of the precision's dtype, d up\n"
          "to `dimension`, where fewer truncate before normalization. All C-contiguous. The GIL is released.\n"
          "precision: as for quantize(); binary and ubinary take [n, ceil(dimensions / 8)]. ranges: float32 [2, d].\n"
          "dimensions: of a vector, where eight of them share a column; all of the model's by default.\n"
          "skip_tokens: the first so many tokens of each row, a prompt's, run but take no part in pooling.\n"
          "progress: called on this thread between batches, at most every 50 ms and once at the end, with the\n"
          "number of rows finished since; what it raises ends the call. Signals are handled then too.\n"
          "Raises InvalidInputError before anything runs, InferenceError, ServiceUnavailableError after a fork,\n"
          "CancelledError within a batch after cancellation.cancel().")
      .def_prop_ro(
          "hidden_size", &NativeEngine::hidden_size,
          "Length of a token's hidden state. Raises InvalidInputError for a graph that gives none, since it\n"
          "pools by itself.")
      .def("hidden_states", &NativeEngine::hidden_states, "ids"_a.none(), "offsets"_a.none(), nb::kw_only(),
           "out"_a.none(), "progress"_a = nb::none(), "cancellation"_a.none() = nb::none(),
           nb::sig("def hidden_states(self, ids: numpy.ndarray, offsets: numpy.ndarray, *, out: numpy.ndarray, "
                   "progress: Callable[[int], object] | None = None, cancellation: Cancellation | None = None) -> "
                   "None"),
           "Writes the model's last hidden state of ids[j] into out[j], without pooling, head or normalization.\n\n"
           "out: float32 [total_tokens, hidden_size], C-contiguous. The rest as for encode_ids; a graph that pools\n"
           "by itself is an InvalidInputError.")
      .def("stats", &NativeEngine::stats,
           "Counters since the engine was made: calls, texts, tokens, padded_tokens (tokens and padding that ran),\n"
           "batches, and plan_seconds (checks, plan, tensors), run_seconds (the model) and pool_seconds (pooling to\n"
           "the final row), summed over threads.");
}

}  // namespace ortembed
