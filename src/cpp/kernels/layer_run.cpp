// Owns one run of a layer: its memory, and the phases that threads go through together.
#include "kernels/layer_run.h"

#include <algorithm>

namespace ortembed::kernels {

namespace {

constexpr std::size_t phases_by_columns = 10;
// Of the heads of all texts: few enough that taking one costs nothing beside it, enough that all threads end
// together.
constexpr std::size_t groups_per_thread = 8;

}  // namespace

EncoderLayer::Run::State::State(LayerParts parts, RunMemories& memories, const PackedTexts& texts,
                                const float* hidden, float* output, std::size_t threads)
    : parts_(parts),
      texts_(texts),
      output_(output),
      threads_(threads),
      division_(Division::of(texts.tokens(), threads)),
      memory_(memories),
      steps_(parts, texts, hidden) {
  const std::size_t tokens = texts.tokens();
  const std::size_t members = division_.by_rows ? threads : 1;
  const std::size_t rows = division_.by_rows ? (tokens + division_.pieces - 1) / division_.pieces : tokens;
  const std::size_t values = tokens * 3 * parts_.attended_width() * parts.kernels->attention_value_bytes;
  const std::size_t scratch = parts.kernels->attention_scratch(texts.longest(), parts.settings->head_width);
  Workspace& workspace = (*memory_).workspace;
  workspace.reserve(Workspace::padded(values) + Workspace::padded(tokens * parts_.attended_width() * sizeof(float)) +
                    threads * Workspace::padded(scratch) + members * buffer_bytes(rows));
  std::byte* attention_values = workspace.take(values);
  context_ = workspace.take_floats(tokens * parts_.attended_width());
  steps_.set_memory(attention_values, context_);
  for (std::size_t i = 0; i < threads; ++i) scratch_.push_back(workspace.take(scratch));
  for (std::size_t i = 0; i < members; ++i) buffers_.push_back(take_buffers(rows));
  (*memory_).team.begin(phases_by_columns, threads);
}

EncoderLayer::Run::State::~State() { (*memory_).workspace.trim(); }

std::size_t EncoderLayer::Run::State::operand_stride() const {
  const std::size_t widest = std::max({parts_.settings->width, parts_.attended_width(), parts_.inner_width()});
  return std::max(parts_.kernels->int8.row_bytes(widest), parts_.kernels->bfloat16.row_bytes(widest));
}

std::size_t EncoderLayer::Run::State::most_float_channels() const {
  const LayerLinears& linears = *parts_.linears;
  std::size_t most = 0;
  for (const auto* linear : {&linears.query_key_value, &linears.attention_output, &linears.inner, &linears.outer}) {
    most = std::max(most, (*linear)->view().float_channel_count);
  }
  return most;
}

std::size_t EncoderLayer::Run::State::buffer_bytes(std::size_t rows) const {
  const std::size_t width = Workspace::padded(rows * parts_.settings->width * sizeof(float));
  return 2 * width + Workspace::padded(rows * parts_.inner_columns() * sizeof(float)) +
         Workspace::padded(rows * operand_stride()) + Workspace::padded(rows * sizeof(RowScale)) +
         Workspace::padded(rows * most_float_channels() * sizeof(float));
}

RowBuffers EncoderLayer::Run::State::take_buffers(std::size_t rows) {
  Workspace& memory = (*memory_).workspace;
  RowBuffers buffers;
  buffers.normed = memory.take_floats(rows * parts_.settings->width);
  buffers.summed = memory.take_floats(rows * parts_.settings->width);
  buffers.inner = memory.take_floats(rows * parts_.inner_columns());
  buffers.operand = memory.take(rows * operand_stride());
  buffers.scales = reinterpret_cast<RowScale*>(memory.take(rows * sizeof(RowScale)));
  buffers.float_values = memory.take_floats(rows * most_float_channels());
  return buffers;
}

void EncoderLayer::Run::State::work() noexcept {
  const std::size_t member = (*memory_).team.join();
  if (member >= threads_) return;  // more than were announced: there is no memory for them
  if (division_.by_rows) {
    work_by_rows(scratch_[member], buffers_[member]);
  } else {
    work_by_columns(member, scratch_[member]);
  }
}

// Each thread takes blocks of rows through all products between two attentions.
void EncoderLayer::Run::State::work_by_rows(std::byte* scratch, const RowBuffers& buffers) {
  const std::size_t tokens = texts_.tokens();
  const PackedLinear& projections = *parts_.linears->query_key_value;
  phases_[0].run(division_.pieces, [&](std::size_t piece) {
    const Part rows(tokens, piece, division_.pieces);
    const float* x = steps_.attention_input(rows, buffers);
    const OperandRows made = steps_.to_operand(projections, x, parts_.settings->width, {rows.size(), 0, 1}, buffers);
    steps_.multiply_for_attention(made, {steps_.panels(projections), 0, 1}, rows.first);
  });
  const std::size_t heads = texts_.size() * parts_.settings->heads;
  const std::size_t groups = std::min(heads, groups_per_thread * threads_);
  phases_[1].run(groups, [&](std::size_t piece) { steps_.attend(Part(heads, piece, groups), scratch); });
  phases_[2].run(division_.pieces,
                 [&](std::size_t piece) { feed_forward_block(Part(tokens, piece, division_.pieces), buffers); });
}

// From attention's context to the layer's output, for one block of rows.
void EncoderLayer::Run::State::feed_forward_block(Part rows, const RowBuffers& buffers) const {
  const LayerLinears& linears = *parts_.linears;
  const std::size_t width = parts_.settings->width;
  const Part block(rows.size(), 0, 1);
  float* out = output_ + rows.first * width;
  const auto product = [&](const PackedLinear& linear, const float* x, std::size_t stride, Activation activation,
                           float* target) {
    const OperandRows made = steps_.to_operand(linear, x, stride, block, buffers);
    steps_.multiply(linear, made, {steps_.panels(linear), 0, 1}, activation, target, linear.outputs());
  };
  const std::size_t attended = parts_.attended_width();
  product(*linears.attention_output, context_ + rows.first * attended, attended, Activation::none, out);
  steps_.norm_attention(rows, out, buffers);
  product(*linears.inner, buffers.normed, width,
          parts_.settings->is_gated ? Activation::none : parts_.settings->activation, buffers.inner);
  steps_.gate(block.size(), buffers.inner);
  product(*linears.outer, buffers.inner, parts_.inner_columns(), Activation::none, out);
  steps_.norm_output(rows, out, buffers);
}

// Threads share each product by its columns, and what lies between by rows.
void EncoderLayer::Run::State::work_by_columns(std::size_t member, std::byte* scratch) {
  const std::size_t tokens = texts_.tokens();
  const std::size_t width = parts_.settings->width;
  const LayerLinears& linears = *parts_.linears;
  const RowBuffers& all = buffers_.front();
  std::size_t phase = 0;
  const auto share = [&](std::size_t count, const auto& work) {
    (*memory_).team.run(phase++, member, [&](std::size_t piece) {
      const Part part(count, piece, threads_);
      if (part.size() > 0) work(part);
    });
  };
  const auto by_rows = [&](const auto& work) {
    share(tokens, [&](Part rows) {
      RowBuffers part = all;
      part.normed += rows.first * width;
      part.summed += rows.first * width;
      work(rows, part);
    });
  };
  const auto by_columns = [&](const PackedLinear& linear, const auto& work) {
    share(steps_.panels(linear), [&](Part part) { work(steps_.operand(linear, all, tokens), part); });
  };
  by_rows([&](Part rows, const RowBuffers& part) {
    const float* x = steps_.attention_input(rows, part) - rows.first * width;
    steps_.to_operand(*linears.query_key_value, x, width, rows, all);
  });
  by_columns(*linears.query_key_value,
             [&](const OperandRows& rows, Part part) { steps_.multiply_for_attention(rows, part, 0); });
  share(texts_.size() * parts_.settings->heads, [&](Part heads) { steps_.attend(heads, scratch); });
  by_rows([&](Part rows, const RowBuffers&) {
    steps_.to_operand(*linears.attention_output, context_, parts_.attended_width(), rows, all);
  });
  by_columns(*linears.attention_output, [&](const OperandRows& rows, Part part) {
    steps_.multiply(*linears.attention_output, rows, part, Activation::none, output_, width);
  });
  by_rows([&](Part rows, const RowBuffers& part) {
    steps_.norm_attention(rows, output_ + rows.first * width, part);
    steps_.to_operand(*linears.inner, all.normed, width, rows, all);
  });
  by_columns(*linears.inner, [&](const OperandRows& rows, Part part) {
    const Activation activation = parts_.settings->is_gated ? Activation::none : parts_.settings->activation;
    steps_.multiply(*linears.inner, rows, part, activation, all.inner, parts_.inner_columns());
  });
  by_rows([&](Part rows, const RowBuffers&) {
    steps_.gate(rows.size(), all.inner + rows.first * parts_.inner_columns());
    steps_.to_operand(*linears.outer, all.inner, parts_.inner_columns(), rows, all);
  });
  by_columns(*linears.outer, [&](const OperandRows& rows, Part part) {
    steps_.multiply(*linears.outer, rows, part, Activation::none, output_, width);
  });
  by_rows([&](Part rows, const RowBuffers& part) { steps_.norm_output(rows, output_ + rows.first * width, part); });
}

}  // namespace ortembed::kernels
