// Owns RAII for the runtime's opaque objects: a unique_ptr whose deleter is a bound entry point.
#pragma once

#include <memory>

#include "ort/abi.h"

namespace ortembed::ort {

template <auto Release>
struct Releaser {
  const Api* api = nullptr;
  template <class T>
  void operator()(T* object) const {
    (api->*Release)(object);
  }
};

template <class T, auto Release>
using Handle = std::unique_ptr<T, Releaser<Release>>;

using StatusHandle = Handle<OrtStatus, &Api::ReleaseStatus>;
using SessionOptionsHandle = Handle<OrtSessionOptions, &Api::ReleaseSessionOptions>;
using SessionHandle = Handle<OrtSession, &Api::ReleaseSession>;
using PackedWeightsHandle = Handle<OrtPrepackedWeightsContainer, &Api::ReleasePrepackedWeightsContainer>;
using CustomOpDomainHandle = Handle<OrtCustomOpDomain, &Api::ReleaseCustomOpDomain>;
using MemoryInfoHandle = Handle<OrtMemoryInfo, &Api::ReleaseMemoryInfo>;
using CudaOptionsHandle = Handle<OrtCUDAProviderOptionsV2, &Api::ReleaseCUDAProviderOptions>;
using TensorRtOptionsHandle = Handle<OrtTensorRTProviderOptionsV2, &Api::ReleaseTensorRTProviderOptions>;
using TypeInfoHandle = Handle<OrtTypeInfo, &Api::ReleaseTypeInfo>;
using ShapeHandle = Handle<OrtTensorTypeAndShapeInfo, &Api::ReleaseTensorTypeAndShapeInfo>;
using ValueHandle = Handle<OrtValue, &Api::ReleaseValue>;

}  // namespace ortembed::ort
