// Owns what Python gets to do while a native call is under way: handle signals, and hear of progress.
#include "binding/heartbeat.h"

#include <utility>

namespace nb = nanobind;

namespace ortembed {
namespace {

constexpr std::chrono::milliseconds interval(50);

}  // namespace

void Heartbeat::beat(std::size_t rows, GilReleased& released) {
  rows_ += rows;
  const auto now = Clock::now();
  if (now - last_ < interval) return;
  last_ = now;
  released.with_gil([this] {
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    tell();
  });
}

void Heartbeat::finish(GilReleased& released) {
  if (rows_ > 0 && !progress_.is_none()) released.with_gil([this] { tell(); });
}

void Heartbeat::tell() {
  if (!progress_.is_none()) progress_(std::exchange(rows_, 0));
}

}  // namespace ortembed
