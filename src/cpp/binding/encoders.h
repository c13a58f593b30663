// Owns the encoder of an engine as Python asks for it: on which providers, in which shapes, and what became of them.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/bucket_encoder.h"
#include "engine/ort_encoder.h"

namespace ortembed {

using ProviderList = std::vector<std::pair<std::string, std::vector<std::pair<std::string, std::string>>>>;
using BucketList = std::vector<std::pair<std::int64_t, std::int64_t>>;
// (provider, operators) of each part of a graph.
using Assignment = std::vector<std::pair<std::string, std::vector<std::string>>>;
// (rows, sequence length, whether it is open, failure, assignment).
using BucketState = std::tuple<std::int64_t, std::int64_t, bool, std::string, Assignment>;

struct EncoderRequest {
  std::filesystem::path model;
  int threads = 1;
  ProviderList providers;
  BucketList buckets;            // empty for batches of any shape, or packed
  nanobind::object open_bucket;  // a callable, where there are buckets
  bool may_use_cpu = true;
};

// An encoder of one of the two kinds. Made and destroyed with the GIL held.
class NativeEncoder {
 public:
  // Releases the GIL while it loads.
  NativeEncoder(const ort::Runtime& runtime, const EncoderRequest& request, std::optional<EmbeddingTable> embeddings);

  // The encoder, for the engine that will own it; it can be asked about as long as that engine lives.
  std::unique_ptr<Encoder> release() { return std::move(owned_); }

  Assignment assignment() const;
  std::vector<BucketState> buckets() const;
  int failures() const { return buckets_ == nullptr ? 0 : buckets_->failures(); }

 private:
  std::unique_ptr<Encoder> owned_;
  const OrtEncoder* plain_ = nullptr;
  const BucketEncoder* buckets_ = nullptr;
};

}  // namespace ortembed
