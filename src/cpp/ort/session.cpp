// Owns one session of a model: what it takes and gives, and running it.
#include "ort/session.h"

#include "ort/allocator.h"
#include "ort/status.h"

namespace ortembed::ort {
namespace {

constexpr auto load_code = ErrorCode::model_load;

using CountEntry = decltype(Api::SessionGetInputCount);
using TypeEntry = decltype(Api::SessionGetInputTypeInfo);
using NameEntry = decltype(Api::SessionGetInputName);

std::string read_name(const Api& api, const OrtSession* session, NameEntry get, std::size_t index) {
  OrtAllocator* allocator = nullptr;
  check(api, api.GetAllocatorWithDefaultOptions(&allocator), load_code, "cannot get the allocator");
  char* raw = nullptr;
  check(api, get(session, index, allocator, &raw), load_code, "cannot read a graph value's name");
  std::string name = raw;
  check(api, api.AllocatorFree(allocator, raw), load_code, "cannot free a name");
  return name;
}

TensorShape read_shape(const Api& api, const OrtSession* session, TypeEntry get, std::size_t index) {
  OrtTypeInfo* raw = nullptr;
  check(api, get(session, index, &raw), load_code, "cannot read a graph value's type");
  const TypeInfoHandle type(raw, {&api});
  const OrtTensorTypeAndShapeInfo* tensor = nullptr;  // owned by the type; null when it is not a tensor
  check(api, api.CastTypeInfoToTensorInfo(raw, &tensor), load_code, "cannot read a graph value's type");
  return tensor == nullptr ? TensorShape{} : shape_of(api, tensor);
}

std::vector<GraphValue> read_values(const Api& api, const OrtSession* session, CountEntry count, NameEntry name,
                                    TypeEntry type) {
  std::size_t size = 0;
  check(api, count(session, &size), load_code, "cannot count the graph's values");
  std::vector<GraphValue> values;
  for (std::size_t i = 0; i < size; ++i) {
    values.push_back({read_name(api, session, name, i), read_shape(api, session, type, i)});
  }
  return values;
}

}  // namespace

Session::Session(const Model& model, const SessionSettings& settings)
    : runtime_(&model.runtime()), open_(model.open(settings)) {
  const Api& api = runtime_->api();
  inputs_ = read_values(api, open_.session.get(), api.SessionGetInputCount, api.SessionGetInputName,
                        api.SessionGetInputTypeInfo);
  outputs_ = read_values(api, open_.session.get(), api.SessionGetOutputCount, api.SessionGetOutputName,
                         api.SessionGetOutputTypeInfo);
}

Session::~Session() {
  if (home_.is_current()) return;
  open_.session.release();
  open_.operators.release();
}

ValueHandle Session::run(std::span<const char* const> input_names, std::span<const OrtValue* const> input_values,
                         const char* output_name, RunMemory& memory) const {
  const RunMemoryScope scope(memory);
  OrtValue* output = nullptr;
  check(api(),
        api().Run(open_.session.get(), nullptr, input_names.data(), input_values.data(), input_values.size(),
                  &output_name, 1, &output),
        ErrorCode::inference, "the model failed to run");
  return ValueHandle(output, {&api()});
}

}  // namespace ortembed::ort
