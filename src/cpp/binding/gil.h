// Owns the release of the GIL around native work.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <exception>
#include <thread>

namespace ortembed {

// The interpreter, when it ends, may end a (daemon) thread that comes back to it by unwinding it, which neither a
// destructor nor a model's run can let through; so the thread waits for the end of the process instead.
[[noreturn]] inline void wait_for_exit() {
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

// Calls a function of Python's that throws no exception, and so lets through only that unwinding.
template <class Function>
auto or_wait_for_exit(const Function& function) {
  try {
    return function();
  } catch (...) {
    wait_for_exit();
  }
}

class GilReleased {
 public:
  GilReleased() : state_(PyEval_SaveThread()) {}
  ~GilReleased() { take_back(); }
  GilReleased(const GilReleased&) = delete;
  GilReleased& operator=(const GilReleased&) = delete;

  // Calls a function with the GIL held for as long as it takes. On the thread that released it.
  template <class Function>
  void with_gil(const Function& function) {
    take_back();
    try {
      function();
    } catch (const std::exception&) {
      state_ = PyEval_SaveThread();
      throw;
    } catch (...) {
      wait_for_exit();
    }
    state_ = PyEval_SaveThread();
  }

 private:
  void take_back() {
    or_wait_for_exit([this] { PyEval_RestoreThread(state_); });
  }

  PyThreadState* state_;
};

}  // namespace ortembed
