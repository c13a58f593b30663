// Owns what Python gets to do while a native call is under way: handle signals, and hear of progress.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>

#include "binding/gil.h"

namespace ortembed {

// Takes the GIL, for which it may have to wait until another Python thread lets it go: milliseconds.
class Heartbeat {
 public:
  // `progress`: called with the rows that were finished since the time before, or None. `rows`: of the whole call.
  Heartbeat(nanobind::handle progress, std::size_t rows) : progress_(progress), left_(rows) {}

  // With the GIL released. Throws nanobind::python_error for what a signal's handler or the progress raises.
  void beat(std::size_t rows, GilReleased& released);
  // Tells of the rows that are left, at the end of a call.
  void finish(GilReleased& released);

 private:
  void tell(std::size_t rows);

  nanobind::handle progress_;
  std::size_t left_;  // not told
};

}  // namespace ortembed
