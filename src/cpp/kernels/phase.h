// Owns a phase of many large pieces, which whoever comes takes one after the other, until none is left.
#pragma once

#include <atomic>
#include <cstddef>
#include <thread>

#include "kernels/pause.h"

namespace ortembed::kernels {

// The pieces of one phase. No thread is waited for before it has taken a piece, so a run ends however few threads
// come, and one that comes late finds the phases done and passes through them.
class alignas(64) Phase {
 public:
  // Calls work(piece) for pieces from 0 to before `count`, those that no other thread takes; returns when all are
  // done. All threads give the same count.
  template <class Work>
  void run(std::size_t count, const Work& work) {
    std::size_t done = 0;
    for (std::size_t piece = next_.load(std::memory_order_relaxed); piece < count;) {
      if (next_.compare_exchange_weak(piece, piece + 1, std::memory_order_relaxed)) {
        work(piece);
        ++done;
        piece = next_.load(std::memory_order_relaxed);
      }
    }
    if (done > 0) done_.fetch_add(done, std::memory_order_release);
    wait(count);
  }

 private:
  void wait(std::size_t count) const {
    for (std::size_t spins = 0; done_.load(std::memory_order_acquire) < count; ++spins) {
      if (spins > most_spins) {
        std::this_thread::yield();
        continue;
      }
      pause();
    }
  }

  // A piece takes microseconds; beyond that its thread has lost its core, which this one may be holding.
  static constexpr std::size_t most_spins = 2000;

  std::atomic<std::size_t> next_ = 0;
  alignas(64) std::atomic<std::size_t> done_ = 0;
};

}  // namespace ortembed::kernels
