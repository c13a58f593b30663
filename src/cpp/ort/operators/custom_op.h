// Owns the border between the runtime and a kernel of ours: the table of an operator, and exceptions turned to
// statuses.
#pragma once

#include <cstddef>
#include <exception>
#include <new>
#include <string>

#include "base/error.h"
#include "ort/abi.h"
#include "ort/operators/kernel_run.h"
#include "ort/operators/node.h"
#include "ort/operators/operator_settings.h"

namespace ortembed::ort {

// The runtime is handed a pointer to the table, and hands it back. A Kernel has a name, names of its inputs, is made
// of a Node, and runs. All its inputs are declared to be optional and of any type, so that it can say in its own
// words what is wrong with one.
template <class Kernel>
struct CustomOp {
  CustomOpTable table;
  const Api* api;
  const OperatorSettings* settings;
};

namespace custom_op {

// No exception may cross the border.
template <class Work>
OrtStatus* as_status(const Api& api, Work work) noexcept {
  try {
    work();
    return nullptr;
  } catch (const std::exception& error) {
    return api.CreateStatus(StatusCode::fail, error.what());
  } catch (...) {
    return api.CreateStatus(StatusCode::fail, "unknown exception");
  }
}

template <class Kernel>
struct Made {
  const Api* api;
  Kernel kernel;
};

template <class Kernel>
OrtStatus* ORTEMBED_ORT_CALL create(const OrtCustomOp* op, const OrtApi*, const OrtKernelInfo* info,
                                    void** out) noexcept {
  const auto& self = *reinterpret_cast<const CustomOp<Kernel>*>(op);
  *out = nullptr;
  return as_status(*self.api, [&] {
    const Node node(*self.api, info, Kernel::inputs);
    try {
      *out = new Made<Kernel>{self.api, Kernel(node, *self.settings)};
    } catch (const std::exception& error) {  // one of memory too
      throw Error(ErrorCode::model_load, "operator " + node.title(Kernel::name) + ": " + error.what());
    }
  });
}

// The runtime names operator and node before what is said here.
template <class Kernel>
OrtStatus* ORTEMBED_ORT_CALL compute(void* made, OrtKernelContext* context) noexcept {
  const auto& self = *static_cast<const Made<Kernel>*>(made);
  return as_status(*self.api, [&] {
    KernelRun run(*self.api, context, Kernel::inputs);
    self.kernel.run(run);
  });
}

template <class Kernel>
void ORTEMBED_ORT_CALL destroy(void* made) noexcept {
  delete static_cast<Made<Kernel>*>(made);
}

}  // namespace custom_op

template <class Kernel>
CustomOp<Kernel> make_custom_op(const Api& api, const OperatorSettings& settings) {
  // What is left null is not asked for by any version since the floor: the forms without a status, variadic inputs,
  // shapes ahead of a run, and outputs that share memory with inputs.
  CustomOpTable table{};
  table.version = floor_api_version;
  table.GetName = [](const OrtCustomOp*) { return Kernel::name; };
  table.GetExecutionProviderType = [](const OrtCustomOp*) -> const char* { return nullptr; };  // the CPU's
  table.GetInputTypeCount = [](const OrtCustomOp*) { return Kernel::inputs.size(); };
  table.GetInputType = [](const OrtCustomOp*, std::size_t) { return ElementType::undefined; };
  table.GetInputCharacteristic = [](const OrtCustomOp*, std::size_t) { return Characteristic::optional; };
  table.GetInputMemoryType = [](const OrtCustomOp*, std::size_t) { return MemoryType::standard; };
  table.GetOutputTypeCount = [](const OrtCustomOp*) { return std::size_t{1}; };
  table.GetOutputType = [](const OrtCustomOp*, std::size_t) { return ElementType::float32; };
  table.GetOutputCharacteristic = [](const OrtCustomOp*, std::size_t) { return Characteristic::required; };
  table.GetStartVersion = [](const OrtCustomOp*) { return 1; };
  table.CreateKernelV2 = custom_op::create<Kernel>;
  table.KernelComputeV2 = custom_op::compute<Kernel>;
  table.KernelDestroy = custom_op::destroy<Kernel>;
  return {table, &api, &settings};
}

}  // namespace ortembed::ort
