// Owns one run of a layer: its memory, and the phases that threads go through together.
#include "kernels/layer_run.h"

#include <algorithm>
#include <cmath>

namespace ortembed::kernels {

namespace {

NormView view(const LayerNorm& norm) { return {norm.weight, norm.bias, norm.epsilon}; }
constexpr NormView no_norm{nullptr, nullptr, 0};

}  // namespace

EncoderLayer::Run::State::State(LayerParts parts, const PackedTexts& texts, const float* hidden, float* output,
                                std::size_t threads)
    : parts_(parts),
      texts_(texts),
      hidden_(hidden),
      output_(output),
      threads_(threads),
      division_(Division::of(texts.tokens(), threads)),
      attended_width_(parts.settings->heads * parts.settings->head_width),
      inner_width_(parts.linears->outer->inputs()),
      inner_columns_(parts.linears->inner->outputs()),
      workspace_(workspaces()) {
  const std::size_t tokens = texts.tokens();
  const std::size_t members = division_.by_rows ? threads : 1;
  const std::size_t rows = division_.by_rows ? (tokens + division_.pieces - 1) / division_.pieces : tokens;
  const std::size_t values = tokens * 3 * attended_width_ * parts.kernels->attention_value_bytes;
  const std::size_t scratch = parts.kernels->attention_scratch(texts.longest(), parts.settings->head_width);
  (*workspace_)
      .reserve(Workspace::padded(values) + Workspace::padded(tokens * attended_width_ * sizeof(float)) +
               threads * Workspace::padded(scratch) + members * buffer_bytes(rows));
  attention_values_ = (*workspace_).take(values);
  context_ = (*workspace_).take_floats(tokens * attended_width_);
  for (std::size_t i = 0; i < threads; ++i) scratch_.push_back((*workspace_).take(scratch));
  for (std::size_t i = 0; i < members; ++i) buffers_.push_back(take_buffers(rows));
}

EncoderLayer::Run::State::~State() { (*workspace_).trim(); }

BufferPool<Workspace>& EncoderLayer::Run::State::workspaces() {
  static BufferPool<Workspace> pool;
  return pool;
}

std::size_t EncoderLayer::Run::State::operand_stride() const {
  const std::size_t widest = std::max({parts_.settings->width, attended_width_, inner_width_});
  return std::max(parts_.kernels->int8.row_bytes(widest), parts_.kernels->bfloat16.row_bytes(widest));
}

std::size_t EncoderLayer::Run::State::buffer_bytes(std::size_t rows) const {
  const std::size_t width = Workspace::padded(rows * parts_.settings->width * sizeof(float));
  return 2 * width + Workspace::padded(rows * inner_columns_ * sizeof(float)) +
         Workspace::padded(rows * operand_stride()) + Workspace::padded(rows * sizeof(RowScale));
}

EncoderLayer::Run::State::Buffers EncoderLayer::Run::State::take_buffers(std::size_t rows) {
  Workspace& memory = *workspace_;
  Buffers buffers;
  buffers.normed = memory.take_floats(rows * parts_.settings->width);
  buffers.summed = memory.take_floats(rows * parts_.settings->width);
  buffers.inner = memory.take_floats(rows * inner_columns_);
  buffers.operand = memory.take(rows * operand_stride());
  buffers.scales = reinterpret_cast<RowScale*>(memory.take(rows * sizeof(RowScale)));
  return buffers;
}

// The rows of a block as an operand; as they lie in the buffers from the block's first row on.
OperandRows EncoderLayer::Run::State::operand(const PackedLinear& linear, const Buffers& buffers,
                                              std::size_t rows) const {
  const bool has_codes = linear.type() == WeightType::int8;
  const OperandLayout& layout = has_codes ? parts_.kernels->int8 : parts_.kernels->bfloat16;
  return {buffers.operand, layout.row_bytes(linear.inputs()), has_codes ? buffers.scales : nullptr, rows};
}

// Makes operands of some of the rows of x, which lie `stride` floats apart.
OperandRows EncoderLayer::Run::State::to_operand(const PackedLinear& linear, const float* x, std::size_t stride,
                                                 Part rows, const Buffers& buffers) const {
  const OperandRows made = operand(linear, buffers, rows.end);
  std::byte* out = buffers.operand + rows.first * made.stride;
  const float* source = x + rows.first * stride;
  if (linear.type() == WeightType::int8) {
    parts_.kernels->quantize_rows(source, stride, rows.size(), linear.inputs(), linear.view().input_scale, out,
                                  made.stride, buffers.scales + rows.first);
  } else {
    parts_.kernels->round_rows(source, stride, rows.size(), linear.inputs(), out, made.stride);
  }
  return made;
}

std::size_t EncoderLayer::Run::State::panels(const PackedLinear& linear) const {
  const bool has_codes = linear.type() == WeightType::int8;
  return (has_codes ? parts_.kernels->int8 : parts_.kernels->bfloat16).panels(linear.outputs());
}

void EncoderLayer::Run::State::multiply(const PackedLinear& linear, const OperandRows& rows, Part panels,
                                        Activation activation, float* out, std::size_t columns) const {
  const LinearOutput target{reinterpret_cast<std::byte*>(out), columns * sizeof(float), false};
  parts_.kernels->linear(rows, linear.view(), panels.first, panels.end, activation, target);
}

void EncoderLayer::Run::State::multiply_for_attention(const OperandRows& rows, Part panels,
                                                      std::size_t first_row) const {
  const std::size_t stride = 3 * attended_width_ * parts_.kernels->attention_value_bytes;
  const LinearOutput target{attention_values_ + first_row * stride, stride, true};
  parts_.kernels->linear(rows, parts_.linears->query_key_value->view(), panels.first, panels.end, Activation::none,
                         target);
}

// What attention's projections read: the hidden states, or where norms come first those, normed.
const float* EncoderLayer::Run::State::attention_input(Part rows, const Buffers& buffers) const {
  const LayerSettings& settings = *parts_.settings;
  const float* hidden = hidden_ + rows.first * settings.width;
  if (!settings.norms_first || settings.attention_norm.weight == nullptr) return hidden;
  parts_.kernels->norm_rows(hidden, nullptr, rows.size(), settings.width, view(settings.attention_norm),
                            buffers.normed);
  return buffers.normed;
}

// From the attention's output to the feed-forward's input, for rows whose `attended` and buffers begin at the first.
void EncoderLayer::Run::State::norm_attention(Part rows, float* attended, const Buffers& buffers) const {
  const LayerSettings& settings = *parts_.settings;
  const auto& norm_rows = parts_.kernels->norm_rows;
  const float* hidden = hidden_ + rows.first * settings.width;
  if (!settings.norms_first) {
    norm_rows(attended, hidden, rows.size(), settings.width, view(settings.attention_norm), buffers.normed);
    return;
  }
  norm_rows(attended, hidden, rows.size(), settings.width, no_norm, buffers.summed);
  norm_rows(buffers.summed, nullptr, rows.size(), settings.width, view(settings.output_norm), buffers.normed);
}

void EncoderLayer::Run::State::gate(std::size_t rows, float* inner) const {
  if (!parts_.settings->is_gated) return;
  parts_.kernels->gate_rows(inner, inner_columns_, rows, inner_width_, parts_.settings->activation);
}

// From the feed-forward's output to the layer's, in place.
void EncoderLayer::Run::State::norm_output(Part rows, float* out, const Buffers& buffers) const {
  const LayerSettings& settings = *parts_.settings;
  const float* residual = settings.norms_first ? buffers.summed : buffers.normed;
  const NormView norm = settings.norms_first ? no_norm : view(settings.output_norm);
  parts_.kernels->norm_rows(out, residual, rows.size(), settings.width, norm, out);
}

// One head of one text.
void EncoderLayer::Run::State::attend(std::size_t piece, std::byte* scratch) const {
  const LayerSettings& settings = *parts_.settings;
  const std::size_t text = piece / settings.heads;
  const std::size_t head = piece % settings.heads;
  const std::size_t value_bytes = parts_.kernels->attention_value_bytes;
  const std::size_t stride = 3 * attended_width_ * value_bytes;
  const std::size_t first = texts_.start(text);
  const std::byte* query = attention_values_ + first * stride + head * settings.head_width * value_bytes;
  const std::size_t biases = 2 * static_cast<std::size_t>(settings.most_distance) + 1;
  HeadTask task{};
  task.query = query;
  task.key = query + attended_width_ * value_bytes;
  task.value = query + 2 * attended_width_ * value_bytes;
  task.stride = stride;
  task.tokens = texts_.length(text);
  task.head_width = settings.head_width;
  task.scale = 1 / std::sqrt(static_cast<float>(settings.head_width));
  task.reach = settings.reach;
  if (settings.relative_bias != nullptr) {
    task.relative_bias = settings.relative_bias + head * biases + static_cast<std::size_t>(settings.most_distance);
  }
  task.cosines = settings.cosines;
  task.sines = settings.sines;
  task.output = context_ + first * attended_width_ + head * settings.head_width;
  task.output_stride = attended_width_;
  task.scratch = scratch;
  parts_.kernels->attend(task);
}

void EncoderLayer::Run::State::work() noexcept {
  const std::size_t member = members_++;
  if (member >= threads_) return;  // more than were announced: there is no memory for them
  if (division_.by_rows) {
    work_by_rows(scratch_[member], buffers_[member]);
  } else {
    work_by_columns(scratch_[member]);
  }
}

// Each thread takes blocks of rows through all products between two attentions.
void EncoderLayer::Run::State::work_by_rows(std::byte* scratch, const Buffers& buffers) {
  const std::size_t tokens = texts_.tokens();
  const PackedLinear& projections = *parts_.linears->query_key_value;
  phases_[0].run(division_.pieces, [&](std::size_t piece) {
    const Part rows(tokens, piece, division_.pieces);
    const float* x = attention_input(rows, buffers);
    const OperandRows made = to_operand(projections, x, parts_.settings->width, {rows.size(), 0, 1}, buffers);
    multiply_for_attention(made, {panels(projections), 0, 1}, rows.first);
  });
  phases_[1].run(texts_.size() * parts_.settings->heads, [&](std::size_t piece) { attend(piece, scratch); });
  phases_[2].run(division_.pieces,
                 [&](std::size_t piece) { feed_forward_block(Part(tokens, piece, division_.pieces), buffers); });
}

// From attention's context to the layer's output, for one block of rows.
void EncoderLayer::Run::State::feed_forward_block(Part rows, const Buffers& buffers) const {
  const LayerLinears& linears = *parts_.linears;
  const std::size_t width = parts_.settings->width;
  const Part block(rows.size(), 0, 1);
  float* out = output_ + rows.first * width;
  const auto product = [&](const PackedLinear& linear, const float* x, Activation activation, float* target) {
    const std::size_t stride = &linear == linears.outer.get() ? inner_columns_ : linear.inputs();
    const OperandRows made = to_operand(linear, x, stride, block, buffers);
    multiply(linear, made, {panels(linear), 0, 1}, activation, target, linear.outputs());
  };
  product(*linears.attention_output, context_ + rows.first * attended_width_, Activation::none, out);
  norm_attention(rows, out, buffers);
  product(*linears.inner, buffers.normed, parts_.settings->is_gated ? Activation::none : parts_.settings->activation,
          buffers.inner);
  gate(block.size(), buffers.inner);
  product(*linears.outer, buffers.inner, Activation::none, out);
  norm_output(rows, out, buffers);
}

// Threads share each product by its columns, and what lies between by rows.
void EncoderLayer::Run::State::work_by_columns(std::byte* scratch) {
  const std::size_t tokens = texts_.tokens();
  const std::size_t width = parts_.settings->width;
  const LayerLinears& linears = *parts_.linears;
  const Buffers& all = buffers_.front();
  std::size_t phase = 0;
  const auto by_rows = [&](const auto& work) {
    phases_[phase++].run(division_.pieces, [&](std::size_t piece) {
      const Part rows(tokens, piece, division_.pieces);
      if (rows.size() == 0) return;
      Buffers part = all;
      part.normed += rows.first * width;
      part.summed += rows.first * width;
      work(rows, part);
    });
  };
  const auto by_columns = [&](const PackedLinear& linear, const auto& work) {
    const OperandRows rows = operand(linear, all, tokens);
    const std::size_t pieces = std::min(division_.pieces, panels(linear));
    phases_[phase++].run(pieces, [&](std::size_t piece) { work(rows, Part(panels(linear), piece, pieces)); });
  };
  by_rows([&](Part rows, const Buffers& part) {
    const float* x = attention_input(rows, part) - rows.first * width;
    to_operand(*linears.query_key_value, x, width, rows, all);
  });
  by_columns(*linears.query_key_value,
             [&](const OperandRows& rows, Part part) { multiply_for_attention(rows, part, 0); });
  phases_[phase++].run(texts_.size() * parts_.settings->heads, [&](std::size_t piece) { attend(piece, scratch); });
  by_rows([&](Part rows, const Buffers&) {
    to_operand(*linears.attention_output, context_, attended_width_, rows, all);
  });
  by_columns(*linears.attention_output, [&](const OperandRows& rows, Part part) {
    multiply(*linears.attention_output, rows, part, Activation::none, output_, width);
  });
  by_rows([&](Part rows, const Buffers& part) {
    norm_attention(rows, output_ + rows.first * width, part);
    to_operand(*linears.inner, all.normed, width, rows, all);
  });
  by_columns(*linears.inner, [&](const OperandRows& rows, Part part) {
    const Activation activation = parts_.settings->is_gated ? Activation::none : parts_.settings->activation;
    multiply(*linears.inner, rows, part, activation, all.inner, inner_columns_);
  });
  by_rows([&](Part rows, const Buffers&) {
    gate(rows.size(), all.inner + rows.first * inner_columns_);
    to_operand(*linears.outer, all.inner, inner_columns_, rows, all);
  });
  by_columns(*linears.outer, [&](const OperandRows& rows, Part part) {
    multiply(*linears.outer, rows, part, Activation::none, output_, width);
  });
  by_rows([&](Part rows, const Buffers& part) { norm_output(rows, output_ + rows.first * width, part); });
}

}  // namespace ortembed::kernels
