// Owns tensors as the runtime sees them: wrapping the caller's memory, and reading a result where it lies.
#include "ort/tensor.h"

#include "ort/status.h"

namespace ortembed::ort {
namespace {

constexpr auto code = ErrorCode::inference;

}  // namespace

std::string describe(ElementType type) {
  switch (type) {
    case ElementType::undefined:
      return "no tensor";
    case ElementType::float32:
      return "float32";
    case ElementType::uint8:
      return "uint8";
    case ElementType::int8:
      return "int8";
    case ElementType::int32:
      return "int32";
    case ElementType::int64:
      return "int64";
    case ElementType::float16:
      return "float16";
    case ElementType::bfloat16:
      return "bfloat16";
  }
  return "of ONNX's type " + std::to_string(static_cast<int>(type));
}

std::string describe(const TensorShape& shape) {
  std::string sizes;
  for (const std::int64_t size : shape.dimensions) sizes += (sizes.empty() ? "" : ", ") + std::to_string(size);
  return describe(shape.type) + " [" + sizes + "]";
}

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
  check(api, api.GetTensorTypeAndShape(value, &info), code, "a value is not a tensor");
  const ShapeHandle owned(info, {&api});
  return shape_of(api, info);
}

const void* data_of(const Api& api, const OrtValue* value) {
  void* data = nullptr;
  // Runtimes have a read-only form of this since 1.23 alone.
  check(api, api.GetTensorMutableData(const_cast<OrtValue*>(value), &data), code, "cannot read a tensor");
  return data;
}

const float* float_data(const Api& api, OrtValue* value) { return static_cast<const float*>(data_of(api, value)); }

}  // namespace ortembed::ort
