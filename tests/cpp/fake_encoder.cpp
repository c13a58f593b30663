// Owns an encoder without a model, so that the engine's own behaviour shows: its hidden states are a formula.
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "engine/engine.h"
#include "testing.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace ortembed::testing {
namespace {

constexpr std::int64_t nan_id = 13;    // a text with this id gives a NaN
constexpr std::int64_t throw_id = 14;  // a batch with this id fails

using Shapes = std::vector<std::pair<std::int64_t, std::int64_t>>;

BatchShapes batch_shapes(const Shapes& buckets) {
  std::vector<BatchShape> fixed;
  for (const auto& [rows, sequence_length] : buckets) fixed.push_back({rows, sequence_length});
  return BatchShapes(std::move(fixed));
}

// hidden[b, t, d] = id + t / 8 + d / 64, and 1e6 at padding, which no pooling may let through.
class FakeEncoder final : public Encoder {
 public:
  FakeEncoder(std::int64_t dimension, bool pooled, int cores, std::chrono::microseconds run_time,
              const Shapes& buckets)
      : dimension_(dimension), pooled_(pooled), cores_(cores), run_time_(run_time), shapes_(batch_shapes(buckets)) {}

  std::int64_t dimension() const override { return dimension_; }
  bool is_pooled() const override { return pooled_; }
  const BatchShapes& shapes() const override { return shapes_; }

  HiddenStates run(const InputTensors& tensors, Cores cores) const override {
    const int used = cores == Cores::all ? cores_ : 1;
    {
      const std::lock_guard lock(mutex_);
      runs_.emplace_back(tensors.batch_size(), tensors.sequence_length());
      in_use_ += used;
      most_cores_ = std::max(most_cores_, in_use_);
    }
    if (cores_ > 1) std::this_thread::sleep_for(run_time_);  // so that runs meet
    HiddenStates hidden;
    try {
      hidden = states(tensors);
    } catch (...) {
      release(used);
      throw;
    }
    release(used);
    return hidden;
  }

  Shapes runs() const {
    const std::lock_guard lock(mutex_);
    return runs_;
  }
  // Cores that ran at once, at most.
  int most_cores() const {
    const std::lock_guard lock(mutex_);
    return most_cores_;
  }

 private:
  void release(int used) const {
    const std::lock_guard lock(mutex_);
    in_use_ -= used;
  }

  HiddenStates states(const InputTensors& tensors) const {
    const std::int64_t step = pooled_ ? tensors.sequence_length() : 1;
    auto values = std::make_shared<std::vector<float>>();
    for (std::int64_t i = 0; i < tensors.batch_size() * tensors.sequence_length(); i += step) {
      append_token(tensors, i, *values);
    }
    return {values->data(), values};
  }

  void append_token(const InputTensors& tensors, std::int64_t index, std::vector<float>& values) const {
    const auto at = static_cast<std::size_t>(index);
    const std::int64_t id = tensors.input_ids()[at];
    if (id == throw_id) throw Error(ErrorCode::inference, "the fake encoder fails on this id");
    const auto position = static_cast<float>(index % tensors.sequence_length());
    for (std::int64_t d = 0; d < dimension_; ++d) {
      float value = static_cast<float>(id) + position / 8 + static_cast<float>(d) / 64;
      if (id == nan_id) value = std::numeric_limits<float>::quiet_NaN();
      values.push_back(tensors.attention_mask()[at] == 1 ? value : 1e6F);
    }
  }

  std::int64_t dimension_;
  bool pooled_;
  int cores_;
  std::chrono::microseconds run_time_;
  BatchShapes shapes_;
  mutable std::mutex mutex_;
  mutable Shapes runs_;
  mutable int in_use_ = 0;
  mutable int most_cores_ = 0;
};

class FakeEngine {
 public:
  FakeEngine(std::int64_t dimension, const std::string& pooling, std::int64_t vocab_size, std::int64_t max_tokens,
             std::int64_t max_batch_tokens, bool pooled, int cores, std::int64_t run_microseconds,
             const Shapes& buckets)
      : FakeEngine(std::make_unique<FakeEncoder>(dimension, pooled, cores,
                                                 std::chrono::microseconds(run_microseconds), buckets),
                   {{pooling_from_name(pooling)}, {vocab_size, max_tokens}, {max_batch_tokens, cores}}) {}

  void encode_ids(nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig> ids,
                  nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig> offsets,
                  nb::ndarray<float, nb::ndim<2>, nb::c_contig> out, bool normalize, std::int64_t skip_tokens,
                  const std::optional<nb::callable>& progress) const {
    const CallControl control = watched_by(progress);
    const nb::gil_scoped_release released;
    engine_.encode(std::span(ids.data(), ids.size()), {offsets.data(), offsets.size()},
                   {reinterpret_cast<std::byte*>(out.data()), out.shape(0), out.shape(1)}, {normalize, skip_tokens},
                   control);
  }

  void hidden_states(nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig> ids,
                     nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig> offsets,
                     nb::ndarray<float, nb::ndim<2>, nb::c_contig> out,
                     const std::optional<nb::callable>& progress) const {
    const CallControl control = watched_by(progress);
    const nb::gil_scoped_release released;
    engine_.hidden_states(std::span(ids.data(), ids.size()), {offsets.data(), offsets.size()},
                          {out.data(), out.shape(0), out.shape(1)}, control);
  }

  Shapes shapes() const { return encoder_->runs(); }
  int most_cores() const { return encoder_->most_cores(); }
  void cancel() { cancellation_.cancel(); }

 private:
  FakeEngine(std::unique_ptr<FakeEncoder> encoder, EngineSettings settings)
      : encoder_(encoder.get()), engine_(std::move(encoder), std::move(settings), {}) {}

  CallControl watched_by(const std::optional<nb::callable>& progress) const {
    CallControl control{{}, &cancellation_, std::chrono::milliseconds(0)};
    if (progress) {
      control.progress = [&progress](std::size_t rows) {
        const nb::gil_scoped_acquire acquired;
        (*progress)(rows);
      };
    }
    return control;
  }

  const FakeEncoder* encoder_;
  Engine engine_;
  Cancellation cancellation_;
};

}  // namespace

void register_fake_encoder(nb::module_& module) {
  module.attr("NAN_ID") = nan_id;
  module.attr("THROW_ID") = throw_id;
  nb::class_<FakeEngine>(module, "FakeEngine")
      .def(nb::init<std::int64_t, const std::string&, std::int64_t, std::int64_t, std::int64_t, bool, int,
                    std::int64_t, const Shapes&>(),
           nb::kw_only(), "dimension"_a = 4, "pooling"_a = "mean", "vocab_size"_a = 100, "max_tokens"_a = 16,
           "max_batch_tokens"_a = 32, "pooled"_a = false, "cores"_a = 1, "run_microseconds"_a = 200,
           "buckets"_a = nb::list())
      .def("encode_ids", &FakeEngine::encode_ids, "ids"_a, "offsets"_a, "out"_a, "normalize"_a, "skip_tokens"_a = 0,
           "progress"_a.none() = nb::none())
      .def("hidden_states", &FakeEngine::hidden_states, "ids"_a, "offsets"_a, "out"_a,
           "progress"_a.none() = nb::none())
      .def("cancel", &FakeEngine::cancel)
      .def_prop_ro("shapes", &FakeEngine::shapes)
      .def_prop_ro("most_cores", &FakeEngine::most_cores);
}

}  // namespace ortembed::testing
