// Owns one run of a layer: its memory, and the phases that threads go through together.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "kernels/division.h"
#include "kernels/encoder_layer.h"
#include "kernels/layer_steps.h"
#include "kernels/phase.h"
#include "kernels/run_memories.h"

namespace ortembed::kernels {

struct EncoderLayer::Run::State {
 public:
  State(LayerParts parts, RunMemories& memories, const PackedTexts& texts, const float* hidden, float* output,
        std::size_t threads);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void work() noexcept;

 private:
  std::size_t operand_stride() const;
  std::size_t most_float_channels() const;
  std::size_t buffer_bytes(std::size_t rows) const;
  RowBuffers take_buffers(std::size_t rows);

  void work_by_rows(std::byte* scratch, const RowBuffers& buffers);
  void feed_forward_block(Part rows, const RowBuffers& buffers) const;
  void work_by_columns(std::size_t member, std::byte* scratch);

  LayerParts parts_;
  const PackedTexts& texts_;
  float* output_;
  std::size_t threads_;
  Division division_;
  RunMemories::Lease memory_;
  float* context_ = nullptr;  // [tokens, attended width]
  LayerSteps steps_;
  std::vector<std::byte*> scratch_;  // of attention, one for each thread
  std::vector<RowBuffers> buffers_;  // one for each thread by rows, else one for all
  std::array<Phase, 3> phases_;      // by rows
};

}  // namespace ortembed::kernels
