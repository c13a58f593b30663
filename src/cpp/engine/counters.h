// Owns what an engine counts of its work: texts, tokens, padding and the time of each stage.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ortembed {

enum class Counter : std::size_t {
  calls,
  texts,
  tokens,
  padded_tokens,  // what ran: tokens and padding
  batches,
  plan_nanoseconds,  // checking ids, planning, filling tensors; times are sums over threads
  run_nanoseconds,   // the encoder
  pool_nanoseconds,  // pooling, head, normalization, writing
  count,
};

// Thread-safe, and cheap enough for every batch. Of texts, tokens and batches, only what was finished is counted.
class Counters {
 public:
  using Values = std::array<std::uint64_t, static_cast<std::size_t>(Counter::count)>;

  void add(Counter counter, std::uint64_t amount) {
    values_[static_cast<std::size_t>(counter)].fetch_add(amount, std::memory_order_relaxed);
  }

  // Each value is exact; while calls are under way, values may be of slightly different moments.
  Values read() const {
    Values result;
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = values_[i].load(std::memory_order_relaxed);
    return result;
  }

 private:
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Counter::count)> values_{};
};

// The time since the one before it.
class StopWatch {
 public:
  std::uint64_t lap() {
    const auto now = std::chrono::steady_clock::now();
    const auto elapsed = std::chrono::duration_cast<std::chrono::nanoseconds>(now - std::exchange(last_, now));
    return static_cast<std::uint64_t>(elapsed.count());
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace ortembed
