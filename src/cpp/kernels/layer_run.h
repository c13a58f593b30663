// Owns one run of a layer: its memory, and the phases that threads go through together.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/buffer_pool.h"
#include "kernels/division.h"
#include "kernels/encoder_layer.h"
#include "kernels/team.h"
#include "kernels/workspace.h"

namespace ortembed::kernels {

struct LayerParts {
  const KernelTable* kernels;
  const LayerSettings* settings;
  const LayerLinears* linears;
};

struct EncoderLayer::Run::State {
 public:
  State(LayerParts parts, const PackedTexts& texts, const float* hidden, float* output, std::size_t threads);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void work() noexcept;

 private:
  // What one product reads and writes: a block's, where rows are divided, or all rows'.
  struct Buffers {
    float* normed = nullptr;  // [rows, width]: the feed-forward's input
    float* summed = nullptr;  // [rows, width]: the attention's output with its residual, where norms come first
    float* inner = nullptr;   // [rows, gates * inner width]
    std::byte* operand = nullptr;
    RowScale* scales = nullptr;
  };

  std::size_t operand_stride() const;
  std::size_t buffer_bytes(std::size_t rows) const;
  Buffers take_buffers(std::size_t rows);

  OperandRows to_operand(const PackedLinear& linear, const float* x, std::size_t stride, Part rows,
                         const Buffers& buffers) const;
  OperandRows operand(const PackedLinear& linear, const Buffers& buffers, std::size_t rows) const;
  std::size_t panels(const PackedLinear& linear) const;
  void multiply(const PackedLinear& linear, const OperandRows& rows, Part panels, Activation activation, float* out,
                std::size_t columns) const;
  void multiply_for_attention(const OperandRows& rows, Part panels, std::size_t first_row) const;

  const float* attention_input(Part rows, const Buffers& buffers) const;
  void norm_attention(Part rows, float* attended, const Buffers& buffers) const;
  void gate(std::size_t rows, float* inner) const;
  void norm_output(Part rows, float* out, const Buffers& buffers) const;
  void attend(std::size_t piece, std::byte* scratch) const;

  void work_by_rows(std::byte* scratch, const Buffers& buffers);
  void feed_forward_block(Part rows, const Buffers& buffers) const;
  void work_by_columns(std::byte* scratch);

  static BufferPool<Workspace>& workspaces();

  LayerParts parts_;
  const PackedTexts& texts_;
  const float* hidden_;
  float* output_;
  std::size_t threads_;
  Division division_;
  std::size_t attended_width_;
  std::size_t inner_width_;
  std::size_t inner_columns_;  // twice the inner width where it is gated
  BufferPool<Workspace>::Lease workspace_;
  std::byte* attention_values_ = nullptr;  // [tokens, 3 * attended width] in the type that attention reads
  float* context_ = nullptr;               // [tokens, attended width]
  std::vector<std::byte*> scratch_;        // of attention, one for each thread
  std::vector<Buffers> buffers_;           // one for each thread by rows, else one for all
  std::atomic<std::size_t> members_ = 0;
  std::array<Phase, 12> phases_;
};

}  // namespace ortembed::kernels
