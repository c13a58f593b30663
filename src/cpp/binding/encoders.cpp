// Owns the encoder of an engine as Python asks for it: on which providers, in which shapes, and what became of them.
#include "binding/encoders.h"

#include "base/error.h"
#include "binding/bucket_opener.h"
#include "binding/gil.h"

namespace nb = nanobind;

namespace ortembed {
namespace {

ort::SessionSettings session_settings(const EncoderRequest& request) {
  ort::SessionSettings settings{.threads = request.threads};
  for (const auto& [name, options] : request.providers) settings.providers.push_back({name, options});
  return settings;
}

Assignment plain(const std::vector<ort::AssignedPart>& parts) {
  Assignment result;
  for (const ort::AssignedPart& part : parts) result.emplace_back(part.provider, part.operators);
  return result;
}

}  // namespace

NativeEncoder::NativeEncoder(const ort::Runtime& runtime, const EncoderRequest& request,
                             std::optional<EmbeddingTable> embeddings) {
  const ort::SessionSettings settings = session_settings(request);
  if (request.buckets.empty()) {
    const GilReleased released;
    auto made = std::make_unique<OrtEncoder>(runtime, request.model, settings, std::move(embeddings));
    plain_ = made.get();
    owned_ = std::move(made);
    return;
  }
  BucketEncoder::Settings bucket_settings{settings, {}, python_opener(request.open_bucket), request.may_use_cpu};
  for (const auto& [rows, sequence_length] : request.buckets) {
    bucket_settings.buckets.push_back({rows, sequence_length});
  }
  const GilReleased released;
  auto made =
      std::make_unique<BucketEncoder>(runtime, request.model, std::move(bucket_settings), std::move(embeddings));
  buckets_ = made.get();
  owned_ = std::move(made);
}

Assignment NativeEncoder::assignment() const {
  return plain_ == nullptr ? Assignment{} : plain(plain_->assignment());
}

std::vector<BucketState> NativeEncoder::buckets() const {
  if (buckets_ == nullptr) return {};
  const GilReleased released;  // a bucket in use may be waiting for the GIL
  std::vector<BucketState> result;
  for (const BucketReport& report : buckets_->report()) {
    result.emplace_back(report.shape.rows, report.shape.sequence_length, report.is_open, report.failure,
                        plain(report.assignment));
  }
  return result;
}

}  // namespace ortembed
