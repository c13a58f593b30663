// Owns the check that a text's bits depend on nothing but the text: not on neighbours, place or threads.
#include <memory>
#include <thread>

#include "check.h"
#include "kernels/encoder_layer.h"

namespace ortembed::selftest {

using kernels::KernelTable;

namespace {

std::shared_ptr<const kernels::PackedLinear> linear(const KernelTable& table, Random& random, bool is_int8,
                                                    std::size_t inputs, std::size_t outputs) {
  std::vector<std::int8_t> codes(inputs * outputs);
  std::vector<std::uint16_t> bits(inputs * outputs);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    codes[i] = static_cast<std::int8_t>(random.between(0, 254) - 127);
    bits[i] = bfloat16_of(random.normal() * 0.1F);
  }
  const std::vector<float> scale(outputs, 1e-3F);
  const std::vector<float> bias = random.normals(outputs);
  return std::make_shared<const kernels::PackedLinear>(
      table, kernels::LinearWeights{is_int8 ? kernels::WeightType::int8 : kernels::WeightType::bfloat16, inputs,
                                    outputs, is_int8 ? static_cast<const void*>(codes.data()) : bits.data(),
                                    is_int8 ? scale.data() : nullptr, bias.data(), nullptr});
}

std::vector<float> run(const kernels::EncoderLayer& layer, const std::vector<float>& hidden, std::size_t width,
                       const std::vector<std::int64_t>& offsets, std::size_t threads) {
  std::vector<float> output(hidden.size(), NAN);
  const kernels::PackedTexts texts(offsets, static_cast<std::int64_t>(hidden.size() / width));
  kernels::EncoderLayer::Run run(layer, texts, hidden.data(), output.data(), threads);
  std::vector<std::thread> others;
  for (std::size_t i = 0; i < threads; ++i) others.emplace_back([&run] { run.work(); });  // one more than announced
  run.work();
  for (auto& thread : others) thread.join();
  return output;
}

}  // namespace

void check_layer(const KernelTable& table, Random& random) {
  const std::size_t heads = random.between(1, 3);
  const std::size_t head_width = 4 * random.between(1, 12);
  const std::size_t width = heads * head_width;
  const std::size_t inner = random.between(1, 100);
  const bool is_int8 = random.coin();
  const bool is_gated = random.coin();
  const std::vector<float> weight(width, 1);
  kernels::LayerSettings settings;
  settings.width = width;
  settings.heads = heads;
  settings.head_width = head_width;
  settings.is_gated = is_gated;
  settings.norms_first = random.coin();
  settings.reach = random.coin() ? -1 : 3;
  settings.attention_norm = settings.output_norm = {weight.data(), nullptr, 1e-5F};
  const kernels::EncoderLayer layer(
      table, settings,
      {linear(table, random, is_int8, width, 3 * width), linear(table, random, is_int8, width, width),
       linear(table, random, is_int8, width, is_gated ? 2 * inner : inner),
       linear(table, random, is_int8, inner, width)},
      std::make_shared<kernels::RunMemories>());
  const auto before = random.between(0, 100);
  const auto tokens = random.between(1, 100);
  const std::vector<float> hidden = random.normals((before + tokens) * width);
  const std::vector<float> text(hidden.begin() + static_cast<std::ptrdiff_t>(before * width), hidden.end());
  const auto end = static_cast<std::int64_t>(tokens);
  const auto middle = static_cast<std::int64_t>(before);
  const std::vector<float> alone = run(layer, text, width, {0, end}, 1);
  for (const float value : alone) expect(std::isfinite(value), "a layer gives a number that is not finite");
  for (std::size_t threads = 1; threads <= 3; ++threads) {
    const std::vector<float> together = run(layer, hidden, width, {0, middle, middle + end}, threads);
    expect_same_bytes(std::span(together).subspan(before * width), alone,
                      "a text depends on its neighbours, or on its " + std::to_string(threads) + " threads");
  }
}

}  // namespace ortembed::selftest
