// Owns the encoder that runs a graph in batches of a few fixed shapes, each in a session of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/encoder_graph.h"

namespace ortembed {

// What became of one bucket.
struct BucketReport {
  BatchShape shape;
  bool is_open = false;                       // its session has been made
  std::string failure;                        // why it is not used any more; empty while it is
  std::vector<ort::AssignedPart> assignment;  // of its nodes, where it is open and the runtime can tell
};

// Accelerators such as CoreML compile a graph for one shape. The session of a bucket is made when a batch of its
// shape first comes. Runs of one bucket take turns, since the provider holds a lock for each program anyway.
class BucketEncoder final : public Encoder {
 public:
  // Makes a session in a folder for compiled programs, none where it is empty.
  using Make = std::function<void(const std::filesystem::path& compiled)>;
  // Calls `make` once or more, until it does not throw; an Error that it throws itself is the bucket's failure.
  using Open = std::function<void(const BatchShape& shape, const Make& make)>;

  struct Settings {
    ort::SessionSettings session;  // of each bucket, whose shape and folder for compiled programs are added
    std::vector<BatchShape> buckets;
    Open open;
    bool may_use_cpu = true;  // for a bucket that fails, and for texts longer than every bucket
  };

  // Opens the first bucket, to read the graph. Throws Error(invalid_input) for buckets that are none,
  // Error(model_load) as OrtEncoder, and Error(provider_unavailable) when that bucket cannot be opened.
  BucketEncoder(const ort::Runtime& runtime, const std::filesystem::path& model, Settings settings,
                std::optional<EmbeddingTable> embeddings);

  std::int64_t dimension() const override { return graph_->dimension(); }
  bool is_pooled() const override { return graph_->is_pooled(); }
  const BatchLayout& layout() const override { return layout_; }
  // A bucket that cannot be opened, fails to run, or gives any token zeros or values that are not finite, fails for
  // good: this batch and all that follow run on the CPU, where that is allowed; else throws
  // Error(provider_unavailable) or Error(inference).
  HiddenStates run(const InputTensors& tensors, Cores cores) const override;

  std::vector<BucketReport> report() const;
  int failures() const { return failures_; }

 private:
  struct Bucket {
    BatchShape shape;
    std::mutex using_;
    std::unique_ptr<const ort::Session> session;
    std::string failure;
  };

  Bucket* find(const InputTensors& tensors) const;
  void open(Bucket& bucket) const;
  HiddenStates run_bucket(Bucket& bucket, const InputTensors& tensors) const;
  void check_output(const HiddenStates& hidden, const InputTensors& tensors) const;
  const ort::Session& cpu_session() const;

  mutable RunMemories run_memories_;
  BatchLayout layout_;
  ort::Model model_;
  Settings settings_;
  std::vector<std::unique_ptr<Bucket>> buckets_;
  mutable std::mutex making_cpu_;
  mutable std::unique_ptr<const ort::Session> cpu_;  // made when it is first needed
  std::unique_ptr<EncoderGraph> graph_;              // read off the first bucket
  mutable std::atomic<int> failures_ = 0;
};

}  // namespace ortembed
