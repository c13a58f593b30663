// Owns the check of one head's attention against a softmax in double.
#include <algorithm>

#include "check.h"

namespace ortembed::selftest {

using kernels::KernelTable;

namespace {

// One head: query, key and value side by side in each token's row, as numbers that attention's type has.
struct Head {
  explicit Head(Random& random, bool is_short)
      : tokens(random.below(25) == 0 ? random.between(500, 700)
                                     : random.between(1, 90)),  // of two blocks of keys, too
        width(2 * random.between(1, tokens > 90 ? 5 : 40)),
        x(random.normals(tokens * 3 * width)) {
    for (float& value : x) {
      if (is_short) value = float_of(bfloat16_of(value));
    }
    reach = random.coin() ? -1 : static_cast<std::int64_t>(random.below(20));
    if (random.coin()) bias = random.normals(2 * tokens - 1, 2);
    if (!random.coin()) return;
    for (std::size_t i = 0; i < tokens * width / 2; ++i) {
      const double angle = static_cast<double>(i / (width / 2)) / static_cast<double>(1 + i % (width / 2));
      cosines.push_back(static_cast<float>(std::cos(angle)));
      sines.push_back(static_cast<float>(std::sin(angle)));
    }
  }

  // Of a query (part 0) or key (part 1), turned where there are tables.
  double at(std::size_t token, std::size_t part, std::size_t column) const {
    const float* const row = x.data() + (token * 3 + part) * width;
    if (cosines.empty()) return row[column];
    const std::size_t half = width / 2;
    const std::size_t place = token * half + column % half;
    const double low = row[column % half];
    const double high = row[column % half + half];
    return column < half ? low * cosines[place] - high * sines[place] : high * cosines[place] + low * sines[place];
  }

  std::size_t tokens;
  std::size_t width;
  std::vector<float> x;
  std::int64_t reach;
  std::vector<float> bias;
  std::vector<float> cosines;
  std::vector<float> sines;
};

std::vector<float> attend(const KernelTable& table, const Head& head, float scale) {
  const bool is_short = table.attention_value_bytes == 2;
  std::vector<std::uint16_t> rounded;
  for (const float value : head.x) rounded.push_back(bfloat16_of(value));
  const auto* const data = is_short ? reinterpret_cast<const std::byte*>(rounded.data())
                                    : reinterpret_cast<const std::byte*>(head.x.data());
  const std::size_t row = head.width * table.attention_value_bytes;
  std::vector<float> output(head.tokens * head.width, NAN);
  const Bytes scratch(table.attention_scratch(head.tokens, head.width));
  table.attend({data, data + row, data + 2 * row, 3 * row, head.tokens, head.width, scale, head.reach,
                head.bias.empty() ? nullptr : head.bias.data() + head.tokens - 1,
                head.cosines.empty() ? nullptr : head.cosines.data(),
                head.sines.empty() ? nullptr : head.sines.data(), output.data(), head.width, scratch.get()});
  return output;
}

struct Score {
  std::size_t key;
  double value;
  double bound;
};

// Scores of the keys that a query sees; rotated and scaled queries and keys may be rounded once more.
std::vector<Score> scores_of(const Head& head, std::size_t query, double scale, double step) {
  std::vector<Score> scores;
  for (std::size_t key = 0; key < head.tokens; ++key) {
    const auto distance = static_cast<std::int64_t>(key) - static_cast<std::int64_t>(query);
    if (head.reach >= 0 && std::abs(distance) > head.reach) continue;
    double sum = 0;
    double magnitude = 0;
    for (std::size_t i = 0; i < head.width; ++i) {
      const double term = head.at(query, 0, i) * head.at(key, 1, i) * scale;
      sum += term;
      magnitude += std::abs(term);
    }
    const double bias =
        head.bias.empty()
            ? 0
            : head.bias[static_cast<std::size_t>(distance + static_cast<std::int64_t>(head.tokens) - 1)];
    const double roundings = 3 * step + static_cast<double>(head.width + 4) * rounding;
    scores.push_back({key, sum + bias, roundings * magnitude + 8 * rounding * std::abs(sum + bias)});
  }
  return scores;
}

void expect_query(const Head& head, std::size_t query, double scale, double step, const float* output) {
  std::vector<Score> scores = scores_of(head, query, scale, step);
  double largest = scores[0].value;
  double score_bound = 0;
  for (const Score& score : scores) {
    largest = std::max(largest, score.value);
    score_bound = std::max(score_bound, score.bound);
  }
  double total = 0;
  for (const Score& score : scores) total += std::exp(score.value - largest);
  const double off = std::expm1(2 * score_bound) + step + 7e-6 + rounding * static_cast<double>(head.tokens);
  for (std::size_t i = 0; i < head.width; ++i) {
    double sum = 0;
    double magnitude = 0;
    for (const Score& score : scores) {
      const double term = std::exp(score.value - largest) / total * head.x[(score.key * 3 + 2) * head.width + i];
      sum += term;
      magnitude += std::abs(term);
    }
    expect_near(output[i], sum, off * magnitude + 1e-30, query, i);
  }
}

}  // namespace

void check_attention(const KernelTable& table, Random& random) {
  const bool is_short = table.attention_value_bytes == 2;
  const Head head(random, is_short);
  const float scale = 1 / std::sqrt(static_cast<float>(head.width));
  const std::vector<float> output = attend(table, head, scale);
  for (std::size_t query = 0; query < head.tokens; ++query) {
    expect_query(head, query, scale, is_short ? short_rounding : 2 * rounding, output.data() + query * head.width);
  }
}

}  // namespace ortembed::selftest
