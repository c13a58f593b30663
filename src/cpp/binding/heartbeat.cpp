// Owns what Python gets to do while a native call is under way: handle signals, and hear of progress.
#include "binding/heartbeat.h"

namespace nb = nanobind;

namespace ortembed {

void Heartbeat::beat(std::size_t rows, GilReleased& released) {
  released.with_gil([&] {
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    tell(rows);
  });
}

void Heartbeat::finish(GilReleased& released) {
  if (left_ > 0 && !progress_.is_none()) released.with_gil([this] { tell(left_); });
}

void Heartbeat::tell(std::size_t rows) {
  left_ -= rows;
  if (!progress_.is_none()) progress_(rows);
}

}  // namespace ortembed
