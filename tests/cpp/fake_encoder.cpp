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
#include <variant>
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

BatchLayout batch_layout(bool packed, const Shapes& buckets) {
  if (packed) return Packed{};
  std::vector<BatchShape> fixed;
  for (const auto& [rows, sequence_length] : buckets) fixed.push_back({rows, sequence_length});
  return BatchShapes(std::move(fixed));
}

// For token t of a text: hidden[..., t, d] = id + t / 8 + d / 64, and 1e6 at padding, which no pooling may let
// through.
class FakeEncoder final : public Encoder {
 public:
  FakeEncoder(std::int64_t dimension, bool pooled, int cores, std::chrono::microseconds run_time, BatchLayout layout)
      : dimension_(dimension), pooled_(pooled), cores_(cores), run_time_(run_time), layout_(std::move(layout)) {}

  std::int64_t dimension() const override { return dimension_; }
  bool is_pooled() const override { return pooled_; }
  const BatchLayout& layout() const override { return layout_; }

  HiddenStates run(const InputTensors& tensors, Cores cores) const override {
    const int used = cores == Cores::all ? cores_ : 1;
    {
      const std::lock_guard lock(mutex_);
      runs_.emplace_back(tensors.batch_size(), is_packed() ? tensors.tokens() : tensors.sequence_length());
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

  // Of each run: texts, and the sequence length; or packed, the tokens.
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
  bool is_packed() const { return std::holds_alternative<Packed>(layout_); }

  void release(int used) const {
    const std::lock_guard lock(mutex_);
    in_use_ -= used;
  }

  HiddenStates states(const InputTensors& tensors) const {
    auto values = std::make_shared<std::vector<float>>();
    if (is_packed()) {
      append_packed(tensors, *values);
    } else {
      append_padded(tensors, *values);
    }
    return {values->data(), values};
  }

  void append_packed(const InputTensors& tensors, std::vector<float>& values) const {
    const auto offsets = tensors.offsets();
    for (std::size_t text = 0; text + 1 < offsets.size(); ++text) {
      for (std::int64_t i = offsets[text]; i < offsets[text + 1]; ++i) {
        append_token(tensors.input_ids()[static_cast<std::size_t>(i)], i - offsets[text], values);
      }
    }
  }

  void append_padded(const InputTensors& tensors, std::vector<float>& values) const {
    const std::int64_t step = pooled_ ? tensors.sequence_length() : 1;
    for (std::int64_t i = 0; i < tensors.tokens(); i += step) {
      const auto at = static_cast<std::size_t>(i);
      if (tensors.attention_mask()[at] == 1) {
        append_token(tensors.input_ids()[at], i % tensors.sequence_length(), values);
      } else {
        values.insert(values.end(), static_cast<std::size_t>(dimension_), 1e6F);
      }
    }
  }

  void append_token(std::int64_t id, std::int64_t position, std::vector<float>& values) const {
    if (id == throw_id) throw Error(ErrorCode::inference, "the fake encoder fails on this id");
    for (std::int64_t d = 0; d < dimension_; ++d) {
      const float value = static_cast<float>(id) + static_cast<float>(position) / 8 + static_cast<float>(d) / 64;
      values.push_back(id == nan_id ? std::numeric_limits<float>::quiet_NaN() : value);
    }
  }

  std::int64_t dimension_;
  bool pooled_;
  int cores_;
  std::chrono::microseconds run_time_;
  BatchLayout layout_;
  mutable std::mutex mutex_;
  mutable Shapes runs_;
  mutable int in_use_ = 0;
  mutable int most_cores_ = 0;
};

class FakeEngine {
 public:
  FakeEngine(std::int64_t dimension, const std::string& pooling, std::int64_t vocab_size, std::int64_t max_tokens,
             std::int64_t max_batch_tokens, bool pooled, int cores, std::int64_t run_microseconds,
             const Shapes& buckets, bool packed)
      : FakeEngine(
            std::make_unique<FakeEncoder>(dimension, pooled, cores, std::chrono::microseconds(run_microseconds),
                                          batch_layout(packed, buckets)),
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
                    std::int64_t, const Shapes&, bool>(),
           nb::kw_only(), "dimension"_a = 4, "pooling"_a = "mean", "vocab_size"_a = 100, "max_tokens"_a = 16,
           "max_batch_tokens"_a = 32, "pooled"_a = false, "cores"_a = 1, "run_microseconds"_a = 200,
           "buckets"_a = nb::list(), "packed"_a = false)
      .def("encode_ids", &FakeEngine::encode_ids, "ids"_a, "offsets"_a, "out"_a, "normalize"_a, "skip_tokens"_a = 0,
           "progress"_a.none() = nb::none())
      .def("hidden_states", &FakeEngine::hidden_states, "ids"_a, "offsets"_a, "out"_a,
           "progress"_a.none() = nb::none())
      .def("cancel", &FakeEngine::cancel)
      .def_prop_ro("shapes", &FakeEngine::shapes)
      .def_prop_ro("most_cores", &FakeEngine::most_cores);
}

}  // namespace ortembed::testing
