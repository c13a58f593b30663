// Owns the Python face of a head's steps.
#include "binding/head.h"

#include <nanobind/stl/string.h>

#include <string>

#include "binding/arrays.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace ortembed {
namespace {

NativeHeadStep dense(nb::handle weight, nb::handle bias, const std::string& activation) {
  const ReadOnlyArray weight_array = input_array(weight, "weight", 2);
  const OptionalFloats biases(bias, "bias");
  return {Dense(view_matrix(weight_array, "weight"), biases.view, activation)};
}

NativeHeadStep layer_norm(nb::handle scale, nb::handle bias, double epsilon) {
  const ReadOnlyArray scale_array = input_array(scale, "scale");
  const OptionalFloats biases(bias, "bias");
  return {LayerNorm(view_floats(scale_array, "scale"), biases.view, epsilon)};
}

NativeHeadStep normalize_step() { return {ScaleToUnit{}}; }

}  // namespace

void register_head(nb::module_& module) {
  nb::class_<NativeHeadStep>(
      module, "HeadStep",
      "One step that pooled vectors go through. Arrays are float32, C-contiguous, and copied;\n"
      "what does not fit raises InvalidInputError.")
      .def_static("dense", dense, "weight"_a.none(), "bias"_a.none() = nb::none(), "activation"_a = "identity",
                  nb::sig("def dense(weight: numpy.ndarray, bias: numpy.ndarray | None = None, "
                          "activation: str = 'identity') -> HeadStep"),
                  "activation(weight @ x + bias), with weight [outputs, inputs] as torch's Linear has it and bias\n"
                  "[outputs]. activation: identity, tanh, relu, gelu (exact), sigmoid or silu.")
      .def_static("layer_norm", layer_norm, "scale"_a.none(), "bias"_a.none(), "epsilon"_a,
                  nb::sig("def layer_norm(scale: numpy.ndarray, bias: numpy.ndarray | None, epsilon: float) "
                          "-> HeadStep"),
                  "(x - mean(x)) / sqrt(var(x) + epsilon) * scale + bias, with scale and bias [width].")
      .def_static("normalize", normalize_step, "x scaled to norm 1; zeros stay zeros.");
}

}  // namespace ortembed
