// Owns our slice of ONNX Runtime's C ABI: opaque types, enums, and one list of entry points with their slots.
//
// The runtime's function table only ever grows at its end, so a slot number holds for every later version.
// Entries newer than the floor are in lists of their own, and bound only where the runtime's version has them.
// tests/cpp/abi_check compiles this list against the official header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#ifdef _WIN32
#define ORTEMBED_ORT_CALL __stdcall
#else
#define ORTEMBED_ORT_CALL
#endif

// Named and placed as in the official header, so that the check can compare signatures type by type.
struct OrtAllocator;
struct OrtApi;
struct OrtCUDAProviderOptionsV2;
struct OrtEnv;
struct OrtEpAssignedNode;
struct OrtEpAssignedSubgraph;
struct OrtMemoryInfo;
struct OrtPrepackedWeightsContainer;
struct OrtRunOptions;
struct OrtSession;
struct OrtSessionOptions;
struct OrtStatus;
struct OrtTensorTypeAndShapeInfo;
struct OrtTensorRTProviderOptionsV2;
struct OrtTypeInfo;
struct OrtValue;

namespace ortembed::ort {

// Version 1.Y of the runtime has API version Y. 1.21 is the first with string-keyed CoreML options.
inline constexpr std::uint32_t floor_api_version = 21;

using PathChar = std::filesystem::path::value_type;

// Only the values that we pass or compare, or may meet and name.
enum class LogLevel : int { fatal = 4 };
enum class OptimizationLevel : int { all = 99 };
enum class AllocatorType : int { device = 0 };
enum class MemoryType : int { standard = 0 };
enum class ElementType : int { undefined = 0, float32 = 1, uint8 = 2, int8 = 3, int32 = 6, int64 = 7, float16 = 10 };

// What an OrtAllocator begins with, as of the floor. What later versions have behind it is used only where the
// version says that it is there.
struct AllocatorTable {
  std::uint32_t version;
  void*(ORTEMBED_ORT_CALL* Alloc)(OrtAllocator*, std::size_t);
  void(ORTEMBED_ORT_CALL* Free)(OrtAllocator*, void*);
  const OrtMemoryInfo*(ORTEMBED_ORT_CALL* Info)(const OrtAllocator*);
  void*(ORTEMBED_ORT_CALL* Reserve)(OrtAllocator*, std::size_t);
};

// X(name, slot, result, (parameters))
#define ORTEMBED_ORT_ENTRIES(X)                                                                                      \
  X(GetErrorMessage, 2, const char*, (const OrtStatus*))                                                             \
  X(CreateEnv, 3, OrtStatus*, (LogLevel, const char*, OrtEnv**))                                                     \
  X(DisableTelemetryEvents, 6, OrtStatus*, (const OrtEnv*))                                                          \
  X(CreateSession, 7, OrtStatus*, (const OrtEnv*, const PathChar*, const OrtSessionOptions*, OrtSession**))          \
  X(Run, 9, OrtStatus*,                                                                                              \
    (OrtSession*, const OrtRunOptions*, const char* const*, const OrtValue* const*, std::size_t, const char* const*, \
     std::size_t, OrtValue**))                                                                                       \
  X(CreateSessionOptions, 10, OrtStatus*, (OrtSessionOptions**))                                                     \
  X(DisableMemPattern, 17, OrtStatus*, (OrtSessionOptions*))                                                         \
  X(SetSessionGraphOptimizationLevel, 23, OrtStatus*, (OrtSessionOptions*, OptimizationLevel))                       \
  X(SetIntraOpNumThreads, 24, OrtStatus*, (OrtSessionOptions*, int))                                                 \
  X(SetInterOpNumThreads, 25, OrtStatus*, (OrtSessionOptions*, int))                                                 \
  X(SessionGetInputCount, 30, OrtStatus*, (const OrtSession*, std::size_t*))                                         \
  X(SessionGetOutputCount, 31, OrtStatus*, (const OrtSession*, std::size_t*))                                        \
  X(SessionGetInputTypeInfo, 33, OrtStatus*, (const OrtSession*, std::size_t, OrtTypeInfo**))                        \
  X(SessionGetOutputTypeInfo, 34, OrtStatus*, (const OrtSession*, std::size_t, OrtTypeInfo**))                       \
  X(SessionGetInputName, 36, OrtStatus*, (const OrtSession*, std::size_t, OrtAllocator*, char**))                    \
  X(SessionGetOutputName, 37, OrtStatus*, (const OrtSession*, std::size_t, OrtAllocator*, char**))                   \
  X(CreateTensorWithDataAsOrtValue, 49, OrtStatus*,                                                                  \
    (const OrtMemoryInfo*, void*, std::size_t, const std::int64_t*, std::size_t, ElementType, OrtValue**))           \
  X(GetTensorMutableData, 51, OrtStatus*, (OrtValue*, void**))                                                       \
  X(CastTypeInfoToTensorInfo, 55, OrtStatus*, (const OrtTypeInfo*, const OrtTensorTypeAndShapeInfo**))               \
  X(GetTensorElementType, 60, OrtStatus*, (const OrtTensorTypeAndShapeInfo*, ElementType*))                          \
  X(GetDimensionsCount, 61, OrtStatus*, (const OrtTensorTypeAndShapeInfo*, std::size_t*))                            \
  X(GetDimensions, 62, OrtStatus*, (const OrtTensorTypeAndShapeInfo*, std::int64_t*, std::size_t))                   \
  X(GetTensorTypeAndShape, 65, OrtStatus*, (const OrtValue*, OrtTensorTypeAndShapeInfo**))                           \
  X(CreateCpuMemoryInfo, 69, OrtStatus*, (AllocatorType, MemoryType, OrtMemoryInfo**))                               \
  X(AllocatorFree, 76, OrtStatus*, (OrtAllocator*, void*))                                                           \
  X(GetAllocatorWithDefaultOptions, 78, OrtStatus*, (OrtAllocator**))                                                \
  X(ReleaseStatus, 93, void, (OrtStatus*))                                                                           \
  X(ReleaseMemoryInfo, 94, void, (OrtMemoryInfo*))                                                                   \
  X(ReleaseSession, 95, void, (OrtSession*))                                                                         \
  X(ReleaseValue, 96, void, (OrtValue*))                                                                             \
  X(ReleaseTypeInfo, 98, void, (OrtTypeInfo*))                                                                       \
  X(ReleaseTensorTypeAndShapeInfo, 99, void, (OrtTensorTypeAndShapeInfo*))                                           \
  X(ReleaseSessionOptions, 100, void, (OrtSessionOptions*))                                                          \
  X(AddFreeDimensionOverrideByName, 124, OrtStatus*, (OrtSessionOptions*, const char*, std::int64_t))                \
  X(GetAvailableProviders, 125, OrtStatus*, (char***, int*))                                                         \
  X(ReleaseAvailableProviders, 126, OrtStatus*, (char**, int))                                                       \
  X(AddSessionConfigEntry, 130, OrtStatus*, (OrtSessionOptions*, const char*, const char*))                          \
  X(AddInitializer, 150, OrtStatus*, (OrtSessionOptions*, const char*, const OrtValue*))                             \
  X(CreatePrepackedWeightsContainer, 166, OrtStatus*, (OrtPrepackedWeightsContainer**))                              \
  X(ReleasePrepackedWeightsContainer, 167, void, (OrtPrepackedWeightsContainer*))                                    \
  X(RegisterAllocator, 176, OrtStatus*, (OrtEnv*, OrtAllocator*))                                                    \
  X(CreateSessionWithPrepackedWeightsContainer, 168, OrtStatus*,                                                     \
    (const OrtEnv*, const PathChar*, const OrtSessionOptions*, OrtPrepackedWeightsContainer*, OrtSession**))         \
  X(SessionOptionsAppendExecutionProvider_TensorRT_V2, 170, OrtStatus*,                                              \
    (OrtSessionOptions*, const OrtTensorRTProviderOptionsV2*))                                                       \
  X(CreateTensorRTProviderOptions, 171, OrtStatus*, (OrtTensorRTProviderOptionsV2**))                                \
  X(UpdateTensorRTProviderOptions, 172, OrtStatus*,                                                                  \
    (OrtTensorRTProviderOptionsV2*, const char* const*, const char* const*, std::size_t))                            \
  X(ReleaseTensorRTProviderOptions, 174, void, (OrtTensorRTProviderOptionsV2*))                                      \
  X(SessionOptionsAppendExecutionProvider_CUDA_V2, 204, OrtStatus*,                                                  \
    (OrtSessionOptions*, const OrtCUDAProviderOptionsV2*))                                                           \
  X(CreateCUDAProviderOptions, 205, OrtStatus*, (OrtCUDAProviderOptionsV2**))                                        \
  X(UpdateCUDAProviderOptions, 206, OrtStatus*,                                                                      \
    (OrtCUDAProviderOptionsV2*, const char* const*, const char* const*, std::size_t))                                \
  X(ReleaseCUDAProviderOptions, 208, void, (OrtCUDAProviderOptionsV2*))                                              \
  X(SessionOptionsAppendExecutionProvider, 216, OrtStatus*,                                                          \
    (OrtSessionOptions*, const char*, const char* const*, const char* const*, std::size_t))

// Those that came with API version 24, null with an older runtime.
#define ORTEMBED_ORT_ENTRIES_24(X)                                                               \
  X(Session_GetEpGraphAssignmentInfo, 407, OrtStatus*,                                           \
    (const OrtSession*, const OrtEpAssignedSubgraph* const**, std::size_t*))                     \
  X(EpAssignedSubgraph_GetEpName, 408, OrtStatus*, (const OrtEpAssignedSubgraph*, const char**)) \
  X(EpAssignedSubgraph_GetNodes, 409, OrtStatus*,                                                \
    (const OrtEpAssignedSubgraph*, const OrtEpAssignedNode* const**, std::size_t*))              \
  X(EpAssignedNode_GetOperatorType, 412, OrtStatus*, (const OrtEpAssignedNode*, const char**))

// The entry points above, bound.
struct Api {
#define ORTEMBED_ORT_MEMBER(name, slot, result, parameters) result(ORTEMBED_ORT_CALL* name) parameters = nullptr;
  ORTEMBED_ORT_ENTRIES(ORTEMBED_ORT_MEMBER)
  ORTEMBED_ORT_ENTRIES_24(ORTEMBED_ORT_MEMBER)
#undef ORTEMBED_ORT_MEMBER
};

// What the library's one exported symbol, OrtGetApiBase, points to.
struct ApiBase {
  const OrtApi*(ORTEMBED_ORT_CALL* GetApi)(std::uint32_t version);
  const char*(ORTEMBED_ORT_CALL* GetVersionString)();
};

}  // namespace ortembed::ort
