// Owns how a call that is under way is watched and stopped.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>

#include "base/error.h"

namespace ortembed {

// Asks a call to stop. Set from any thread; a call looks at it before each batch.
class Cancellation {
 public:
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool is_cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_ = false;
};

struct CallControl {
  // Called on the calling thread between batches, not more often than the interval, with the rows that were finished
  // since the time before (or the start); those after the last time are not told. What it throws ends the call.
  std::function<void(std::size_t rows)> progress;
  const Cancellation* cancellation = nullptr;
  std::chrono::milliseconds interval{50};

  // Throws Error(cancelled).
  void check() const {
    if (cancellation != nullptr && cancellation->is_cancelled()) {
      throw Error(ErrorCode::cancelled, "the call was cancelled");
    }
  }
};

}  // namespace ortembed
