// Owns the release of the GIL around native work.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <exception>
#include <thread>

namespace ortembed {

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
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      // The interpreter is ending, and ends this (daemon) thread by unwinding it, which neither a destructor nor a
      // model's run can let through; so the thread waits for the end of the process instead.
      wait_for_exit();
    }
  }

  [[noreturn]] static void wait_for_exit() {
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }

  PyThreadState* state_;
};

}  // namespace ortembed
