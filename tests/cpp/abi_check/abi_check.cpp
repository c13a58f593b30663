// Owns the comparison of our slice of the C ABI with the official header: every slot, signature, layout and enum.
#include <onnxruntime_c_api.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "ort/abi.h"

namespace {

using namespace ortembed::ort;

// Enums are ours on one side and the header's on the other; in the ABI both are integers of their size.
template <class T>
struct Erased {
  using type = T;
};
template <class T>
  requires std::is_enum_v<T>
struct Erased<T> {
  using type = std::make_signed_t<std::underlying_type_t<T>>;
};
template <class T>
struct Erased<T*> {
  using type = typename Erased<T>::type*;
};
template <class T>
  requires std::is_enum_v<T>
struct Erased<const T> {
  using type = const typename Erased<T>::type;
};
template <class Result, class... Parameters>
struct Erased<Result (*)(Parameters...)> {
  using type = typename Erased<Result>::type (*)(typename Erased<Parameters>::type...);
};
template <class Result, class... Parameters>
struct Erased<Result (*)(Parameters...) noexcept> : Erased<Result (*)(Parameters...)> {};

template <class A, class B>
constexpr bool same_in_abi = std::is_same_v<typename Erased<A>::type, typename Erased<B>::type>;

#define CHECK_ENTRY(name, slot, result, parameters)                                  \
  static_assert(offsetof(OrtApi, name) == (slot) * sizeof(void*), "slot of " #name); \
  static_assert(same_in_abi<decltype(OrtApi::name), decltype(Api::name)>, "signature of " #name);
ORTEMBED_ORT_ENTRIES(CHECK_ENTRY)
#if ORT_API_VERSION >= 24
ORTEMBED_ORT_ENTRIES_24(CHECK_ENTRY)
#endif
#undef CHECK_ENTRY

static_assert(offsetof(OrtApiBase, GetApi) == offsetof(ApiBase, GetApi));
static_assert(offsetof(OrtApiBase, GetVersionString) == offsetof(ApiBase, GetVersionString));
static_assert(same_in_abi<decltype(OrtApiBase::GetApi), decltype(ApiBase::GetApi)>);
static_assert(same_in_abi<decltype(OrtApiBase::GetVersionString), decltype(ApiBase::GetVersionString)>);

#define CHECK_FIELD(theirs, ours, name)                                                            \
  static_assert(offsetof(theirs, name) == offsetof(ours, name), "place of " #name " in " #theirs); \
  static_assert(same_in_abi<decltype(theirs::name), decltype(ours::name)>, "signature of " #name);
#define CHECK_ALLOCATOR(name) CHECK_FIELD(OrtAllocator, AllocatorTable, name)
CHECK_ALLOCATOR(version)
CHECK_ALLOCATOR(Alloc)
CHECK_ALLOCATOR(Free)
CHECK_ALLOCATOR(Info)
CHECK_ALLOCATOR(Reserve)
#undef CHECK_ALLOCATOR

#define CHECK_OPERATOR(name) CHECK_FIELD(OrtCustomOp, CustomOpTable, name)
CHECK_OPERATOR(version)
CHECK_OPERATOR(CreateKernel)
CHECK_OPERATOR(GetName)
CHECK_OPERATOR(GetExecutionProviderType)
CHECK_OPERATOR(GetInputType)
CHECK_OPERATOR(GetInputTypeCount)
CHECK_OPERATOR(GetOutputType)
CHECK_OPERATOR(GetOutputTypeCount)
CHECK_OPERATOR(KernelCompute)
CHECK_OPERATOR(KernelDestroy)
CHECK_OPERATOR(GetInputCharacteristic)
CHECK_OPERATOR(GetOutputCharacteristic)
CHECK_OPERATOR(GetInputMemoryType)
CHECK_OPERATOR(GetVariadicInputMinArity)
CHECK_OPERATOR(GetVariadicInputHomogeneity)
CHECK_OPERATOR(GetVariadicOutputMinArity)
CHECK_OPERATOR(GetVariadicOutputHomogeneity)
CHECK_OPERATOR(CreateKernelV2)
CHECK_OPERATOR(KernelComputeV2)
CHECK_OPERATOR(InferOutputShapeFn)
CHECK_OPERATOR(GetStartVersion)
CHECK_OPERATOR(GetEndVersion)
CHECK_OPERATOR(GetMayInplace)
CHECK_OPERATOR(ReleaseMayInplace)
CHECK_OPERATOR(GetAliasMap)
CHECK_OPERATOR(ReleaseAliasMap)
#undef CHECK_OPERATOR
// The runtime may read as much as the version says, and later versions add members at the end.
static_assert(sizeof(CustomOpTable) <= sizeof(OrtCustomOp));
static_assert(ORT_API_VERSION > floor_api_version || sizeof(CustomOpTable) == sizeof(OrtCustomOp));
#undef CHECK_FIELD

static_assert(std::is_same_v<ORTCHAR_T, PathChar>);
static_assert(ORT_API_VERSION >= floor_api_version);

#define CHECK_VALUE(ours, theirs) static_assert(static_cast<int>(ours) == static_cast<int>(theirs), #theirs)
CHECK_VALUE(LogLevel::fatal, ORT_LOGGING_LEVEL_FATAL);
CHECK_VALUE(OptimizationLevel::all, ORT_ENABLE_ALL);
CHECK_VALUE(AllocatorType::device, OrtDeviceAllocator);
CHECK_VALUE(MemoryType::standard, OrtMemTypeDefault);
CHECK_VALUE(StatusCode::fail, ORT_FAIL);
CHECK_VALUE(Characteristic::required, INPUT_OUTPUT_REQUIRED);
CHECK_VALUE(Characteristic::optional, INPUT_OUTPUT_OPTIONAL);
CHECK_VALUE(ElementType::undefined, ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED);
CHECK_VALUE(ElementType::float32, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
CHECK_VALUE(ElementType::uint8, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8);
CHECK_VALUE(ElementType::int8, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8);
CHECK_VALUE(ElementType::int32, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32);
CHECK_VALUE(ElementType::int64, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64);
CHECK_VALUE(ElementType::float16, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16);
CHECK_VALUE(ElementType::bfloat16, ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16);
#undef CHECK_VALUE

}  // namespace
