// Owns what comes after pooling: dense layers, layer normalization and normalization, one after the other.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/dense.h"
#include "engine/layer_norm.h"

namespace ortembed {

struct ScaleToUnit {};  // to norm 1, as engine/normalize.h

using HeadStep = std::variant<Dense, LayerNorm, ScaleToUnit>;

// The two vectors that a head's steps write to by turns.
struct HeadBuffers {
  std::vector<float> values;
  std::vector<float> next;
};

class Head {
 public:
  // Throws Error(model_load) naming the first step that does not take what comes to it.
  Head(std::vector<HeadStep> steps, std::int64_t input_dimension);

  bool is_empty() const { return steps_.empty(); }
  std::int64_t dimension() const { return dimension_; }
  // Takes input_dimension values in buffers.values, and leaves `dimension` values there.
  void apply(HeadBuffers& buffers) const;

 private:
  std::vector<HeadStep> steps_;
  std::int64_t dimension_;
};

}  // namespace ortembed
