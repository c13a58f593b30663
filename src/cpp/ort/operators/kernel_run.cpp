// Owns what a kernel reads and writes in one run, and the threads that it runs on.
#include "ort/operators/kernel_run.h"

#include <string>

#include "base/error.h"
#include "ort/status.h"

namespace ortembed::ort {
namespace {

constexpr auto code = ErrorCode::inference;

}  // namespace

KernelRun::Input KernelRun::input(std::size_t index) const {
  const OrtValue* value = nullptr;
  check(*api_, api_->KernelContext_GetInput(context_, index, &value), code, "cannot get an input");
  if (value == nullptr) throw Error(code, describe_input(names_, index) + " is missing");
  try {
    return {shape_of(*api_, value), data_of(*api_, value)};
  } catch (const Error& error) {  // of an input that the run was not given
    throw Error(code, describe_input(names_, index) + ": " + error.what());
  }
}

std::span<const std::int64_t> KernelRun::integers(std::size_t index) const {
  const auto [shape, data] = input(index);
  if (shape.type != ElementType::int64 || shape.dimensions.size() != 1) {
    throw Error(code, describe_input(names_, index) + " is " + describe(shape) + ", not int64 in one dimension");
  }
  return {static_cast<const std::int64_t*>(data), static_cast<std::size_t>(shape.dimensions[0])};
}

std::span<const float> KernelRun::matrix(std::size_t index, std::size_t width) const {
  const auto [shape, data] = input(index);
  const auto columns = static_cast<std::int64_t>(width);
  if (shape.type != ElementType::float32 || shape.dimensions.size() != 2 || shape.dimensions[1] != columns) {
    throw Error(code, describe_input(names_, index) + " is " + describe(shape) + ", not float32 [tokens, " +
                          std::to_string(width) + "]");
  }
  return {static_cast<const float*>(data), static_cast<std::size_t>(shape.dimensions[0]) * width};
}

float* KernelRun::output(std::size_t rows, std::size_t columns) {
  const std::int64_t shape[] = {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)};
  OrtValue* value = nullptr;
  check(*api_, api_->KernelContext_GetOutput(context_, 0, shape, 2, &value), code, "cannot make the output");
  void* data = nullptr;
  check(*api_, api_->GetTensorMutableData(value, &data), code, "cannot make the output");
  return static_cast<float*>(data);
}

void KernelRun::parallel(void (*function)(void*, std::size_t), std::size_t times, void* data) {
  check(*api_, api_->KernelContext_ParallelFor(context_, function, times, times, data), code,
        "cannot run on the session's threads");
}

}  // namespace ortembed::ort
