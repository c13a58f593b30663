// Owns the encoder that runs an ONNX graph through ONNX Runtime, in batches of any shape or packed.
#include "engine/ort_encoder.h"

#include <utility>

#include "base/error.h"

namespace ortembed {

OrtEncoder::OrtEncoder(const ort::Runtime& runtime, const std::filesystem::path& model,
                       const ort::SessionSettings& settings, std::optional<EmbeddingTable> embeddings)
    : model_(runtime, model),
      settings_(settings),
      all_cores_(model_, settings),
      graph_(all_cores_, run_memories_, std::move(embeddings)),
      layout_(graph_.is_packed() ? BatchLayout(Packed{}) : BatchLayout(BatchShapes())) {}

HiddenStates OrtEncoder::run(const InputTensors& tensors, Cores cores) const {
  return graph_.run(session(cores), tensors);
}

const ort::Session& OrtEncoder::session(Cores cores) const {
  if (cores == Cores::all || settings_.threads == 1 || !settings_.is_plain()) return all_cores_;
  if (const ort::Session* ready = ready_) return *ready;
  const std::unique_lock lock(making_, std::try_to_lock);
  if (!lock) return all_cores_;  // right too, and sooner than the other thread is done
  if (const ort::Session* ready = ready_) return *ready;
  try {
    one_core_ = std::make_unique<const ort::Session>(model_, ort::SessionSettings{.threads = 1});
    ready_ = one_core_.get();
  } catch (const Error&) {  // the file was there and good; without it, only speed is lost
    ready_ = &all_cores_;
  }
  return *ready_;
}

}  // namespace ortembed
