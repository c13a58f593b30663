// Owns the encoder that runs a graph in batches of a few fixed shapes, each in a session of its own.
#include "engine/bucket_encoder.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <utility>

#include "base/error.h"

namespace ortembed {
namespace {

std::string name(const BatchShape& shape) {
  return "bucket " + std::to_string(shape.rows) + " x " + std::to_string(shape.sequence_length);
}

// What is wrong with a vector at first sight, null for nothing. By bits, so that the compiler can take several at
// once.
const char* fault_of(std::span<const float> vector) {
  constexpr std::uint32_t exponent = 0x7F80'0000;
  constexpr std::uint32_t magnitude = 0x7FFF'FFFF;
  std::uint32_t any = 0;
  bool is_finite = true;
  for (const float value : vector) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    any |= bits & magnitude;
    is_finite &= (bits & exponent) != exponent;
  }
  if (!is_finite) return "values that are not finite";
  return any == 0 ? "zeros" : nullptr;
}

}  // namespace

BucketEncoder::BucketEncoder(const ort::Runtime& runtime, const std::filesystem::path& model, Settings settings,
                             std::optional<EmbeddingTable> embeddings)
    : layout_(BatchShapes(settings.buckets)), model_(runtime, model), settings_(std::move(settings)) {
  if (settings_.buckets.empty()) throw Error(ErrorCode::invalid_input, "there are no buckets; give one or more");
  for (const BatchShape& shape : settings_.buckets) {
    buckets_.push_back(std::make_unique<Bucket>());
    buckets_.back()->shape = shape;
  }
  Bucket& first = *buckets_.front();
  open(first);
  graph_ = std::make_unique<EncoderGraph>(*first.session, run_memories_, std::move(embeddings), first.shape);
}

HiddenStates BucketEncoder::run(const InputTensors& tensors, Cores) const {
  if (Bucket* bucket = find(tensors)) {
    const std::lock_guard lock(bucket->using_);
    if (bucket->failure.empty()) {
      try {
        return run_bucket(*bucket, tensors);
      } catch (const Error& error) {
        if (!settings_.may_use_cpu) throw;
        bucket->failure = error.what();
        bucket->session.reset();
        ++failures_;
      }
    }
  }
  if (!settings_.may_use_cpu) {
    throw Error(ErrorCode::inference, "no bucket holds " + std::to_string(tensors.sequence_length()) +
                                          " tokens, and the CPU may not be used");
  }
  return graph_->run(cpu_session(), tensors);
}

std::vector<BucketReport> BucketEncoder::report() const {
  std::vector<BucketReport> result;
  for (const auto& bucket : buckets_) {
    const std::lock_guard lock(bucket->using_);
    BucketReport report{bucket->shape, bucket->session != nullptr, bucket->failure, {}};
    if (bucket->session) report.assignment = bucket->session->assignment();
    result.push_back(std::move(report));
  }
  return result;
}

BucketEncoder::Bucket* BucketEncoder::find(const InputTensors& tensors) const {
  const BatchShape shape{tensors.batch_size(), tensors.sequence_length()};
  const auto found = std::ranges::find_if(buckets_, [&](const auto& bucket) { return bucket->shape == shape; });
  return found == buckets_.end() ? nullptr : found->get();
}

void BucketEncoder::open(Bucket& bucket) const {
  settings_.open(bucket.shape, [&](const std::filesystem::path& compiled) {
    ort::SessionSettings settings = settings_.session;
    settings.dimensions = {{"batch", bucket.shape.rows}, {"sequence", bucket.shape.sequence_length}};
    settings.compiled = compiled;
    bucket.session = std::make_unique<const ort::Session>(model_, settings);
  });
  if (!bucket.session) throw Error(ErrorCode::provider_unavailable, name(bucket.shape) + " was not opened");
}

HiddenStates BucketEncoder::run_bucket(Bucket& bucket, const InputTensors& tensors) const {
  if (!bucket.session) open(bucket);
  HiddenStates hidden = graph_->run(*bucket.session, tensors);
  check_output(hidden, tensors);
  return hidden;
}

// Accelerators have been seen to give zeros, and NaN, without an error.
void BucketEncoder::check_output(const HiddenStates& hidden, const InputTensors& tensors) const {
  const auto dimension = static_cast<std::size_t>(graph_->dimension());
  const std::size_t vectors = is_pooled() ? 1U : static_cast<std::size_t>(tensors.sequence_length());
  for (std::size_t row = 0; row < tensors.lengths().size(); ++row) {
    const std::size_t count = is_pooled() ? 1U : static_cast<std::size_t>(tensors.lengths()[row]);
    const float* first = hidden.data + row * vectors * dimension;
    for (std::size_t i = 0; i < count; ++i) {
      const char* fault = fault_of({first + i * dimension, dimension});
      if (fault == nullptr) continue;
      throw Error(ErrorCode::inference, std::string("the execution provider gave ") + fault + " for a text of " +
                                            std::to_string(tensors.lengths()[row]) + " tokens");
    }
  }
}

const ort::Session& BucketEncoder::cpu_session() const {
  const std::lock_guard lock(making_cpu_);
  if (!cpu_) {
    cpu_ = std::make_unique<const ort::Session>(model_, ort::SessionSettings{.threads = settings_.session.threads});
  }
  return *cpu_;
}

}  // namespace ortembed
