// Owns what a kernel reads and writes in one run, and the threads that it runs on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "ort/abi.h"
#include "ort/operators/node.h"

namespace ortembed::ort {

// Every failure is an Error(inference) that names the input.
class KernelRun {
 public:
  KernelRun(const Api& api, OrtKernelContext* context, InputNames names)
      : api_(&api), context_(context), names_(names) {}

  // Int64 in one dimension.
  std::span<const std::int64_t> integers(std::size_t input) const;
  // Float32 [rows, width], of any number of rows.
  std::span<const float> matrix(std::size_t input, std::size_t width) const;
  // The one output, float32 [rows, columns].
  float* output(std::size_t rows, std::size_t columns);

  // Calls `work` once for each thread, on the session's threads as far as they are free. It may not throw: nothing
  // catches there.
  template <class Work>
  void on_threads(int threads, Work work) {
    static_assert(std::is_nothrow_invocable_v<Work&>);
    if (threads == 1) return work();
    parallel([](void* data, std::size_t) noexcept { (*static_cast<Work*>(data))(); },
             static_cast<std::size_t>(threads), &work);
  }

 private:
  struct Input {
    TensorShape shape;
    const void* data;
  };
  Input input(std::size_t index) const;
  void parallel(void (*function)(void*, std::size_t), std::size_t times, void* data);

  const Api* api_;
  OrtKernelContext* context_;
  InputNames names_;
};

}  // namespace ortembed::ort
