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
struct OrtCustomOp;
struct OrtCustomOpDomain;
struct OrtEnv;
struct OrtEpAssignedNode;
struct OrtEpAssignedSubgraph;
struct OrtKernelContext;
struct OrtKernelInfo;
struct OrtMemoryInfo;
struct OrtPrepackedWeightsContainer;
struct OrtRunOptions;
struct OrtSession;
struct OrtSessionOptions;
struct OrtShapeInferContext;
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
enum class ElementType : int {
  undefined = 0,
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  int32 = 6,
  int64 = 7,
  float16 = 10,
  bfloat16 = 16
};
enum class StatusCode : int { fail = 1 };
enum class Characteristic : int { required = 0, optional = 1 };

// What an OrtAllocator begins with, as of the floor. What later versions have behind it is used only where the
// version says that it is there.
struct AllocatorTable {
  std::uint32_t version;
  void*(ORTEMBED_ORT_CALL* Alloc)(OrtAllocator*, std::size_t);
  void(ORTEMBED_ORT_CALL* Free)(OrtAllocator*, void*);
  const OrtMemoryInfo*(ORTEMBED_ORT_CALL* Info)(const OrtAllocator*);
  void*(ORTEMBED_ORT_CALL* Reserve)(OrtAllocator*, std::size_t);
};

// An OrtCustomOp, as of the floor: what the runtime asks of an operator of ours.
struct CustomOpTable {
  std::uint32_t version;
  void*(ORTEMBED_ORT_CALL* CreateKernel)(const OrtCustomOp*, const OrtApi*, const OrtKernelInfo*);
  const char*(ORTEMBED_ORT_CALL* GetName)(const OrtCustomOp*);
  const char*(ORTEMBED_ORT_CALL* GetExecutionProviderType)(const OrtCustomOp*);
  ElementType(ORTEMBED_ORT_CALL* GetInputType)(const OrtCustomOp*, std::size_t);
  std::size_t(ORTEMBED_ORT_CALL* GetInputTypeCount)(const OrtCustomOp*);
  ElementType(ORTEMBED_ORT_CALL* GetOutputType)(const OrtCustomOp*, std::size_t);
  std::size_t(ORTEMBED_ORT_CALL* GetOutputTypeCount)(const OrtCustomOp*);
  void(ORTEMBED_ORT_CALL* KernelCompute)(void*, OrtKernelContext*);
  void(ORTEMBED_ORT_CALL* KernelDestroy)(void*);
  Characteristic(ORTEMBED_ORT_CALL* GetInputCharacteristic)(const OrtCustomOp*, std::size_t);
  Characteristic(ORTEMBED_ORT_CALL* GetOutputCharacteristic)(const OrtCustomOp*, std::size_t);
  MemoryType(ORTEMBED_ORT_CALL* GetInputMemoryType)(const OrtCustomOp*, std::size_t);
  int(ORTEMBED_ORT_CALL* GetVariadicInputMinArity)(const OrtCustomOp*);
  int(ORTEMBED_ORT_CALL* GetVariadicInputHomogeneity)(const OrtCustomOp*);
  int(ORTEMBED_ORT_CALL* GetVariadicOutputMinArity)(const OrtCustomOp*);
  int(ORTEMBED_ORT_CALL* GetVariadicOutputHomogeneity)(const OrtCustomOp*);
  OrtStatus*(ORTEMBED_ORT_CALL* CreateKernelV2)(const OrtCustomOp*, const OrtApi*, const OrtKernelInfo*, void**);
  OrtStatus*(ORTEMBED_ORT_CALL* KernelComputeV2)(void*, OrtKernelContext*);
  OrtStatus*(ORTEMBED_ORT_CALL* InferOutputShapeFn)(const OrtCustomOp*, OrtShapeInferContext*);
  int(ORTEMBED_ORT_CALL* GetStartVersion)(const OrtCustomOp*);
  int(ORTEMBED_ORT_CALL* GetEndVersion)(const OrtCustomOp*);
  std::size_t(ORTEMBED_ORT_CALL* GetMayInplace)(int**, int**);
  void(ORTEMBED_ORT_CALL* ReleaseMayInplace)(int*, int*);
  std::size_t(ORTEMBED_ORT_CALL* GetAliasMap)(int**, int**);
  void(ORTEMBED_ORT_CALL* ReleaseAliasMap)(int*, int*);
};

// X(name, slot, result, (parameters))
#define ORTEMBED_ORT_ENTRIES(X)                                                                                      \
  X(CreateStatus, 0, OrtStatus*, (StatusCode, const char*))                                                          \
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
  X(CreateCustomOpDomain, 26, OrtStatus*, (const char*, OrtCustomOpDomain**))                                        \
  X(CustomOpDomain_Add, 27, OrtStatus*, (OrtCustomOpDomain*, const OrtCustomOp*))                                    \
  X(AddCustomOpDomain, 28, OrtStatus*, (OrtSessionOptions*, OrtCustomOpDomain*))                                     \
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
  X(KernelInfoGetAttribute_float, 85, OrtStatus*, (const OrtKernelInfo*, const char*, float*))                       \
  X(KernelInfoGetAttribute_int64, 86, OrtStatus*, (const OrtKernelInfo*, const char*, std::int64_t*))                \
  X(KernelInfoGetAttribute_string, 87, OrtStatus*, (const OrtKernelInfo*, const char*, char*, std::size_t*))         \
  X(KernelContext_GetInput, 90, OrtStatus*, (const OrtKernelContext*, std::size_t, const OrtValue**))                \
  X(KernelContext_GetOutput, 91, OrtStatus*,                                                                         \
    (OrtKernelContext*, std::size_t, const std::int64_t*, std::size_t, OrtValue**))                                  \
  X(ReleaseStatus, 93, void, (OrtStatus*))                                                                           \
  X(ReleaseMemoryInfo, 94, void, (OrtMemoryInfo*))                                                                   \
  X(ReleaseSession, 95, void, (OrtSession*))                                                                         \
  X(ReleaseValue, 96, void, (OrtValue*))                                                                             \
  X(ReleaseTypeInfo, 98, void, (OrtTypeInfo*))                                                                       \
  X(ReleaseTensorTypeAndShapeInfo, 99, void, (OrtTensorTypeAndShapeInfo*))                                           \
  X(ReleaseSessionOptions, 100, void, (OrtSessionOptions*))                                                          \
  X(ReleaseCustomOpDomain, 101, void, (OrtCustomOpDomain*))                                                          \
  X(AddFreeDimensionOverrideByName, 124, OrtStatus*, (OrtSessionOptions*, const char*, std::int64_t))                \
  X(GetAvailableProviders, 125, OrtStatus*, (char***, int*))                                                         \
  X(ReleaseAvailableProviders, 126, OrtStatus*, (char**, int))                                                       \
  X(AddSessionConfigEntry, 130, OrtStatus*, (OrtSessionOptions*, const char*, const char*))                          \
  X(AddInitializer, 150, OrtStatus*, (OrtSessionOptions*, const char*, const OrtValue*))                             \
  X(KernelInfoGetAttributeArray_float, 162, OrtStatus*, (const OrtKernelInfo*, const char*, float*, std::size_t*))   \
  X(KernelInfoGetAttributeArray_int64, 163, OrtStatus*,                                                              \
    (const OrtKernelInfo*, const char*, std::int64_t*, std::size_t*))                                                \
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
    (OrtSessionOptions*, const char*, const char* const*, const char* const*, std::size_t))                          \
  X(KernelInfo_GetInputCount, 230, OrtStatus*, (const OrtKernelInfo*, std::size_t*))                                 \
  X(KernelInfo_GetInputName, 232, OrtStatus*, (const OrtKernelInfo*, std::size_t, char*, std::size_t*))              \
  X(KernelInfo_GetInputTypeInfo, 234, OrtStatus*, (const OrtKernelInfo*, std::size_t, OrtTypeInfo**))                \
  X(KernelInfoGetAttribute_tensor, 236, OrtStatus*, (const OrtKernelInfo*, const char*, OrtAllocator*, OrtValue**))  \
  X(KernelInfo_GetNodeName, 244, OrtStatus*, (const OrtKernelInfo*, char*, std::size_t*))                            \
  X(KernelInfoGetConstantInput_tensor, 249, OrtStatus*, (const OrtKernelInfo*, std::size_t, int*, const OrtValue**)) \
  X(KernelContext_ParallelFor, 274, OrtStatus*,                                                                      \
    (const OrtKernelContext*, void (*)(void*, std::size_t), std::size_t, std::size_t, void*))

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
