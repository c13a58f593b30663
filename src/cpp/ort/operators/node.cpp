// Owns what a kernel reads of its node when it is made: attributes, constant inputs, and the types of the others.
#include "ort/operators/node.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "ort/handle.h"
#include "ort/status.h"

namespace ortembed::ort {
namespace {

constexpr auto code = ErrorCode::model_load;

bool succeeds(const Api& api, OrtStatus* status) {
  const StatusHandle owned(status, {&api});
  return status == nullptr;
}

[[noreturn]] void fail_attribute(const char* name, const std::string& what) {
  throw Error(code, "attribute " + std::string(name) + " " + what);
}

// Texts come in two calls, the first for the size, which counts the 0 at the end.
template <class Get>
std::string read_text(const Api& api, const std::string& what, Get get) {
  std::size_t size = 0;
  check(api, get(nullptr, &size), code, what);
  std::string text(size, '\0');
  check(api, get(text.data(), &size), code, what);
  text.resize(size == 0 ? 0 : size - 1);
  return text;
}

float checked_epsilon(float value) {
  if (!std::isfinite(value) || value < 0) fail_attribute("epsilon", "is not a number from 0");
  return value;
}

}  // namespace

std::string describe_input(InputNames names, std::size_t input) {
  return "input " + std::to_string(input) + " (" + std::string(names[input]) + ")";
}

Node::Node(const Api& api, const OrtKernelInfo* info, InputNames names) : api_(&api), info_(info), names_(names) {
  check(api, api.KernelInfo_GetInputCount(info, &input_count_), code, "cannot count the inputs");
}

std::string Node::title(const std::string& type) const {
  const std::string name = read_text(*api_, "cannot read the node's name", [&](char* out, std::size_t* size) {
    return api_->KernelInfo_GetNodeName(info_, out, size);
  });
  return name.empty() ? type : type + " '" + name + "'";
}

// Told apart from one of another type, which must not pass for one that is not there.
bool Node::has_attribute(const char* name) const {
  float number = 0;
  std::int64_t integer = 0;
  std::size_t size = 0;
  return succeeds(*api_, api_->KernelInfoGetAttribute_float(info_, name, &number)) ||
         succeeds(*api_, api_->KernelInfoGetAttribute_int64(info_, name, &integer)) ||
         succeeds(*api_, api_->KernelInfoGetAttribute_string(info_, name, nullptr, &size)) ||
         succeeds(*api_, api_->KernelInfoGetAttributeArray_float(info_, name, nullptr, &size)) ||
         succeeds(*api_, api_->KernelInfoGetAttributeArray_int64(info_, name, nullptr, &size)) || has_tensor(name);
}

bool Node::has_tensor(const char* attribute) const {
  OrtAllocator* allocator = nullptr;
  check(*api_, api_->GetAllocatorWithDefaultOptions(&allocator), code, "cannot get the allocator");
  OrtValue* value = nullptr;
  const bool found = succeeds(*api_, api_->KernelInfoGetAttribute_tensor(info_, attribute, allocator, &value));
  const ValueHandle owned(value, {api_});
  return found;
}

std::int64_t Node::integer(const char* name, std::int64_t least, std::int64_t most, std::int64_t fallback) const {
  return has_attribute(name) ? integer(name, least, most) : fallback;
}

std::int64_t Node::integer(const char* name, std::int64_t least, std::int64_t most) const {
  std::int64_t value = 0;
  if (!succeeds(*api_, api_->KernelInfoGetAttribute_int64(info_, name, &value))) {
    fail_attribute(name, has_attribute(name) ? "is not an integer" : "is missing");
  }
  if (value >= least && value <= most) return value;
  fail_attribute(
      name, "is " + std::to_string(value) + ", not from " + std::to_string(least) + " to " + std::to_string(most));
}

float Node::epsilon() const {
  float value = 0;
  if (succeeds(*api_, api_->KernelInfoGetAttribute_float(info_, "epsilon", &value))) return checked_epsilon(value);
  fail_attribute("epsilon", has_attribute("epsilon") ? "is not a float" : "is missing");
}

float Node::epsilon(float fallback) const { return has_attribute("epsilon") ? epsilon() : fallback; }

std::string Node::text(const char* name) const {
  std::size_t size = 0;
  if (!succeeds(*api_, api_->KernelInfoGetAttribute_string(info_, name, nullptr, &size))) {
    fail_attribute(name, has_attribute(name) ? "is not a text" : "is missing");
  }
  return read_text(*api_, "cannot read attribute " + std::string(name), [&](char* out, std::size_t* room) {
    return api_->KernelInfoGetAttribute_string(info_, name, out, room);
  });
}

std::string Node::input_name(std::size_t input) const {
  if (input >= input_count_) return {};
  return read_text(*api_, "cannot read an input's name", [&](char* out, std::size_t* size) {
    return api_->KernelInfo_GetInputName(info_, input, out, size);
  });
}

void Node::check_run_input(std::size_t input, ElementType type) const {
  if (!has(input)) fail_input(input, "is missing");
  OrtTypeInfo* raw = nullptr;
  check(*api_, api_->KernelInfo_GetInputTypeInfo(info_, input, &raw), code, "cannot read an input's type");
  const TypeInfoHandle owned(raw, {api_});
  const OrtTensorTypeAndShapeInfo* tensor = nullptr;
  check(*api_, api_->CastTypeInfoToTensorInfo(raw, &tensor), code, "cannot read an input's type");
  const ElementType found = tensor == nullptr ? ElementType::undefined : shape_of(*api_, tensor).type;
  if (found != type) fail_input(input, "is " + describe(found) + ", not " + describe(type));
}

Constant Node::read_constant(std::size_t input) const {
  int is_constant = 0;
  const OrtValue* value = nullptr;
  check(*api_, api_->KernelInfoGetConstantInput_tensor(info_, input, &is_constant, &value), code,
        "cannot read a constant input");
  if (is_constant == 0 || value == nullptr) fail_input(input, "is not constant");
  return {shape_of(*api_, value), data_of(*api_, value)};
}

Constant Node::constant(std::size_t input, std::initializer_list<ElementType> types, std::size_t rank) const {
  if (!has(input)) fail_input(input, "is missing");
  Constant found = read_constant(input);
  std::string wanted;
  for (const ElementType type : types) wanted += (wanted.empty() ? "" : " or ") + describe(type);
  const auto& dimensions = found.shape.dimensions;
  const bool has_values = std::ranges::all_of(dimensions, [](std::int64_t size) { return size > 0; });
  if (std::ranges::find(types, found.shape.type) == types.end() || dimensions.size() != rank || !has_values) {
    fail_input(input, "is " + describe(found.shape) + ", not " + wanted + " in " + std::to_string(rank) +
                          (rank == 1 ? " dimension" : " dimensions") + " of at least 1");
  }
  return found;
}

const float* Node::floats(std::size_t input, std::initializer_list<std::size_t> shape) const {
  if (!has(input)) return nullptr;
  TensorShape wanted{ElementType::float32, {}};
  for (const std::size_t size : shape) wanted.dimensions.push_back(static_cast<std::int64_t>(size));
  const Constant found = read_constant(input);
  if (found.shape != wanted) fail_input(input, "is " + describe(found.shape) + ", not " + describe(wanted));
  return static_cast<const float*>(found.data);
}

void Node::fail_input(std::size_t input, const std::string& what) const {
  throw Error(code, describe_input(names_, input) + " " + what);
}

}  // namespace ortembed::ort
