// Owns tensors as the runtime sees them: wrapping the caller's memory, and reading a result where it lies.
#include "ort/tensor.h"

#include "ort/status.h"

namespace ortembed::ort {
namespace {

constexpr auto code = ErrorCode::inference;

}  // namespace

TensorFactory::TensorFactory(const Api& api) : api_(&api) {
  OrtMemoryInfo* memory = nullptr;
  check(api, api.CreateCpuMemoryInfo(AllocatorType::device, MemoryType::standard, &memory), code,
        "cannot describe CPU memory");
  memory_ = MemoryInfoHandle(memory, {&api});
}

ValueHandle TensorFactory::wrap(std::span<const std::int64_t> data, std::span<const std::int64_t> dimensions) const {
  return wrap(std::as_bytes(data), ElementType::int64, dimensions);
}

ValueHandle TensorFactory::wrap(std::span<const float> data, std::span<const std::int64_t> dimensions) const {
  return wrap(std::as_bytes(data), ElementType::float32, dimensions);
}

ValueHandle TensorFactory::wrap(std::span<const std::byte> data, ElementType type,
                                std::span<const std::int64_t> dimensions) const {
  OrtValue* value = nullptr;
  // The ABI has no read-only form; the runtime does not write to its inputs.
  void* memory = const_cast<std::byte*>(data.data());
  check(*api_,
        api_->CreateTensorWithDataAsOrtValue(memory_.get(), memory, data.size_bytes(), dimensions.data(),
                                             dimensions.size(), type, &value),
        code, "cannot make an input tensor");
  return ValueHandle(value, {api_});
}

TensorShape shape_of(const Api& api, const OrtTensorTypeAndShapeInfo* info) {
  TensorShape shape;
  std::size_t rank = 0;
  check(api, api.GetTensorElementType(info, &shape.type), code, "cannot read a tensor's type");
  check(api, api.GetDimensionsCount(info, &rank), code, "cannot read a tensor's rank");
  shape.dimensions.resize(rank);
  check(api, api.GetDimensions(info, shape.dimensions.data(), rank), code, "cannot read a tensor's shape");
  return shape;
}

TensorShape shape_of(const Api& api, const OrtValue* value) {
  OrtTensorTypeAndShapeInfo* info = nullptr;
  check(api, api.GetTensorTypeAndShape(value, &info), code, "the model's output is not a tensor");
  const ShapeHandle owned(info, {&api});
  return shape_of(api, info);
}

const float* float_data(const Api& api, OrtValue* value) {
  void* data = nullptr;
  check(api, api.GetTensorMutableData(value, &data), code, "cannot read the model's output");
  return static_cast<const float*>(data);
}

}  // namespace ortembed::ort
