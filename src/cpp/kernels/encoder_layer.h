// Owns one transformer layer over packed texts: attention, feed-forward, their residuals and norms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "kernels/activation.h"
#include "kernels/kernel_table.h"
#include "kernels/packed_linear.h"
#include "kernels/packed_texts.h"
#include "kernels/run_memories.h"

namespace ortembed::kernels {

struct LayerNorm {
  const float* weight = nullptr;  // [width]; null for no norm
  const float* bias = nullptr;    // [width], or null
  float epsilon = 0;
};

// What shapes a layer. Pointers are borrowed for the layer's life.
struct LayerSettings {
  std::size_t width = 0;
  std::size_t heads = 0;
  std::size_t head_width = 0;
  Activation activation = Activation::gelu;
  bool is_gated = false;     // the inner linear gives [activated | plain]; their product goes on
  bool norms_first = false;  // each half norms its input (ModernBERT), instead of its sum (BERT)
  std::int64_t reach = -1;   // tokens to each side that a token sees; -1 for all
  LayerNorm attention_norm;  // of the attention's input where norms come first, else of its sum with the residual
  LayerNorm output_norm;     // the same of the feed-forward
  const float* relative_bias = nullptr;  // [heads, 2 * most_distance + 1] by key - query, added to scores; or null
  std::int64_t most_distance = 0;
  const float* cosines = nullptr;  // [positions, head_width / 2], rotary, halves as in GPT-NeoX; or null
  const float* sines = nullptr;
  std::int64_t positions = 0;  // of those tables
};

struct LayerLinears {
  std::shared_ptr<const PackedLinear> query_key_value;  // [width, 3 * heads * head_width]: all queries, keys, values
  std::shared_ptr<const PackedLinear> attention_output;
  std::shared_ptr<const PackedLinear> inner;
  std::shared_ptr<const PackedLinear> outer;
};

class EncoderLayer {
 public:
  // `memories` may be shared with other layers. Throws Error(model_load) when sizes do not fit each other.
  EncoderLayer(const KernelTable& kernels, const LayerSettings& settings, LayerLinears linears,
               std::shared_ptr<RunMemories> memories);

  // Of the longest text that the layer can take; no limit is the largest std::int64_t.
  std::int64_t most_tokens() const;

  // One run, worked on by any number of threads, each of which calls work() once, at any time, and whose calls return
  // when all is done but for what other threads are at. It is done when all calls that began have returned; one is
  // enough. The same bits come out whatever the number of threads, and of a text whatever its neighbours.
  class Run {
   public:
    // `hidden` and `output`: [texts.tokens(), width]; the output may not overlap the hidden states.
    // `threads`: how many may come to work. Throws Error(inference) for a text that is too long.
    Run(const EncoderLayer& layer, const PackedTexts& texts, const float* hidden, float* output, std::size_t threads);
    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    void work() noexcept;

   private:
    struct State;
    std::unique_ptr<State> state_;
  };

 private:
  const KernelTable* kernels_;
  LayerSettings settings_;
  LayerLinears linears_;
  std::shared_ptr<RunMemories> memories_;
};

}  // namespace ortembed::kernels
