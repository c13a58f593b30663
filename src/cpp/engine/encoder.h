// Owns the interface between the engine and whatever runs a model: tensors in, hidden states out.
#pragma once

#include <cstdint>
#include <memory>

#include "engine/batch_layout.h"
#include "engine/cores.h"
#include "engine/tensors.h"

namespace ortembed {

// What one run gave, left where the encoder put it.
struct HiddenStates {
  const float* data = nullptr;  // [batch, sequence, dimension], packed [tokens, dimension], pooled [batch, dimension]
  std::shared_ptr<const void> owner;  // keeps `data` alive
};

class Encoder {
 public:
  virtual ~Encoder() = default;

  virtual std::int64_t dimension() const = 0;
  // True when the model gives one vector a text and there is nothing left to pool.
  virtual bool is_pooled() const = 0;
  // How it takes the texts of a batch.
  virtual const BatchLayout& layout() const = 0;
  // On the calling thread alone, or on all cores. Thread-safe. Throws Error(inference).
  virtual HiddenStates run(const InputTensors& tensors, Cores cores) const = 0;
};

}  // namespace ortembed
