// Owns what comes after pooling: dense layers, layer normalization and normalization, one after the other.
#include "engine/head.h"

#include <string>
#include <utility>

#include "base/error.h"
#include "engine/normalize.h"

namespace ortembed {
namespace {

// What a step takes and gives; `size` is what comes to it.
struct StepShape {
  std::string_view name;
  std::int64_t inputs;
  std::int64_t outputs;
};

StepShape shape_of(const HeadStep& step, std::int64_t size) {
  if (const auto* dense = std::get_if<Dense>(&step)) return {"dense", dense->inputs(), dense->outputs()};
  if (const auto* norm = std::get_if<LayerNorm>(&step)) return {"layer_norm", norm->width(), norm->width()};
  return {"normalize", size, size};
}

void apply_step(const Dense& dense, HeadBuffers& buffers) {
  buffers.next.resize(static_cast<std::size_t>(dense.outputs()));
  dense.apply(buffers.values, buffers.next);
  std::swap(buffers.values, buffers.next);
}

void apply_step(const LayerNorm& layer_norm, HeadBuffers& buffers) { layer_norm.apply(buffers.values); }

void apply_step(ScaleToUnit, HeadBuffers& buffers) { normalize(buffers.values, norm(buffers.values)); }

}  // namespace

Head::Head(std::vector<HeadStep> steps, std::int64_t input_dimension)
    : steps_(std::move(steps)), dimension_(input_dimension) {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const StepShape shape = shape_of(steps_[i], dimension_);
    if (shape.inputs != dimension_) {
      throw Error(ErrorCode::model_load, "head step " + std::to_string(i) + " (" + std::string(shape.name) +
                                             ") takes " + std::to_string(shape.inputs) + " values, and " +
                                             std::to_string(dimension_) + " come to it");
    }
    dimension_ = shape.outputs;
  }
}

void Head::apply(HeadBuffers& buffers) const {
  for (const HeadStep& step : steps_) {
    std::visit([&](const auto& concrete) { apply_step(concrete, buffers); }, step);
  }
}

}  // namespace ortembed
