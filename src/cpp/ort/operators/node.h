// Owns what a kernel reads of its node when it is made: attributes, constant inputs, and the types of the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "ort/abi.h"
#include "ort/tensor.h"

namespace ortembed::ort {

// What an operator calls its inputs, in their order.
using InputNames = std::span<const std::string_view>;

// "input 3 (word_scale)"
std::string describe_input(InputNames names, std::size_t input);

// An input that is the same in every run. The memory is the session's.
struct Constant {
  TensorShape shape;
  const void* data;
};

// Every failure is an Error(model_load) that names the attribute or input.
class Node {
 public:
  Node(const Api& api, const OrtKernelInfo* info, InputNames names);

  // "Layer 'layer.0'", or "Layer" for a node without a name.
  std::string title(const std::string& type) const;

  // Attributes: those without a fallback have to be there, and each has to be of its type.
  std::int64_t integer(const char* name, std::int64_t least, std::int64_t most) const;
  std::int64_t integer(const char* name, std::int64_t least, std::int64_t most, std::int64_t fallback) const;
  bool flag(const char* name) const { return integer(name, 0, 1) == 1; }
  float epsilon() const;  // not negative
  float epsilon(float fallback) const;
  std::string text(const char* name) const;

  bool has(std::size_t input) const { return !input_name(input).empty(); }
  std::string input_name(std::size_t input) const;  // empty for one that is not given
  // The graph has to give this one the type; its shape shows in each run.
  void check_run_input(std::size_t input, ElementType type) const;
  // One of the types, in so many dimensions, none of which is 0.
  Constant constant(std::size_t input, std::initializer_list<ElementType> types, std::size_t rank) const;
  // Float32 of exactly this shape; null for an input that is not given.
  const float* floats(std::size_t input, std::initializer_list<std::size_t> shape) const;
  [[noreturn]] void fail_input(std::size_t input, const std::string& what) const;

 private:
  bool has_attribute(const char* name) const;
  bool has_tensor(const char* attribute) const;
  Constant read_constant(std::size_t input) const;

  const Api* api_;
  const OrtKernelInfo* info_;
  InputNames names_;
  std::size_t input_count_ = 0;
};

}  // namespace ortembed::ort
