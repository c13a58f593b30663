// Owns the release of the GIL around native work.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <thread>

namespace ortembed {

class GilReleased {
 public:
  GilReleased() : state_(PyEval_SaveThread()) {}
  ~GilReleased() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      // The interpreter is ending, and ends this (daemon) thread by unwinding it, which a destructor cannot let
      // through; so the thread waits for the end of the process instead.
      for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
    }
  }
  GilReleased(const GilReleased&) = delete;
  GilReleased& operator=(const GilReleased&) = delete;

 private:
  PyThreadState* state_;
};

}  // namespace ortembed
