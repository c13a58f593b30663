// Owns what Python gets to do while a native call is under way: handle signals, and hear of progress.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <cstddef>

#include "binding/gil.h"

namespace ortembed {

// Takes the GIL between batches, but not often: another Python thread may hold it for milliseconds.
class Heartbeat {
 public:
  // `progress`: called with the rows that were finished since the last time, or None.
  explicit Heartbeat(nanobind::handle progress) : progress_(progress) {}

  // With the GIL released. Throws nanobind::python_error for what a signal's handler or the progress raises.
  void beat(std::size_t rows, GilReleased& released);
  // The same for the last rows, however soon after the time before.
  void finish(GilReleased& released);

 private:
  using Clock = std::chrono::steady_clock;

  void tell();

  nanobind::handle progress_;
  std::size_t rows_ = 0;  // finished and not told
  Clock::time_point last_ = Clock::now();
};

}  // namespace ortembed
