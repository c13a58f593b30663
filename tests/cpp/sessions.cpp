// Owns the view of models, their sessions, and the weights that these share.
#include <nanobind/ndarray.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <numeric>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "ort/nested_graphs.h"
#include "ort/opset_imports.h"
#include "ort/session.h"
#include "testing.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace ortembed::testing {
namespace {

using Ids = nb::ndarray<const std::int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Array = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Floats = nb::ndarray<nb::numpy, float>;
using Weight = std::tuple<std::string, int, std::vector<std::int64_t>, std::string, std::uint64_t, std::uint64_t>;

ort::ElementType type_of(const Array& array) {
  if (array.dtype() == nb::dtype<std::int64_t>()) return ort::ElementType::int64;
  if (array.dtype() == nb::dtype<std::int32_t>()) return ort::ElementType::int32;
  if (array.dtype() == nb::dtype<float>()) return ort::ElementType::float32;
  throw Error(ErrorCode::invalid_input, "an array of another type");
}

class TestModel {
 public:
  TestModel(const std::filesystem::path& library, const std::filesystem::path& path)
      : model_(ort::runtime_at(library), path) {}

  const ort::Model& model() const { return model_; }

  // Where the packed weights of each linear lie that sessions have made so far.
  std::vector<std::uintptr_t> packed_linears() const {
    std::vector<std::uintptr_t> addresses;
    for (const auto& linear : model_.linears().all()) {
      addresses.push_back(reinterpret_cast<std::uintptr_t>(linear->view().panels));
    }
    return addresses;
  }

 private:
  ort::Model model_;
};

class TestSession {
 public:
  TestSession(const TestModel& model, int threads)
      : session_(model.model(), {.threads = threads}), tensors_(session_.api()) {}

  // Bytes that runs have left for the next one.
  std::size_t kept_memory() const { return memory_.kept(); }

  // Gives the first output, float32 of any rank, for inputs that are all of the ids' shape.
  Floats run(const Ids& ids) const {
    const std::vector<std::int64_t> shape{static_cast<std::int64_t>(ids.shape(0)),
                                          static_cast<std::int64_t>(ids.shape(1))};
    const std::vector<std::int64_t> ones(ids.size(), 1);
    const std::vector<std::int64_t> zeros(ids.size(), 0);
    std::vector<const char*> names;
    std::vector<ort::ValueHandle> owned;
    std::vector<const OrtValue*> values;
    for (const ort::GraphValue& input : session_.inputs()) {
      std::span<const std::int64_t> data(ids.data(), ids.size());
      if (input.name == "attention_mask") data = ones;
      if (input.name == "token_type_ids") data = zeros;
      names.push_back(input.name.c_str());
      owned.push_back(tensors_.wrap(data, shape));
      values.push_back(owned.back().get());
    }
    return copy(session_.run(names, values, session_.outputs().front().name.c_str(), memory_).get());
  }

  // Gives the first output, float32 of any rank, for inputs by their names.
  Floats run_with(const std::map<std::string, Array>& inputs) const {
    std::vector<const char*> names;
    std::vector<ort::ValueHandle> owned;
    std::vector<const OrtValue*> values;
    for (const auto& [name, array] : inputs) {
      const std::vector<std::int64_t> shape(array.shape_ptr(), array.shape_ptr() + array.ndim());
      const std::span data(static_cast<const std::byte*>(array.data()), array.nbytes());
      names.push_back(name.c_str());
      owned.push_back(tensors_.wrap(data, type_of(array), shape));
      values.push_back(owned.back().get());
    }
    ort::RunMemory memory;
    ort::ValueHandle output;
    {
      const nb::gil_scoped_release released;
      output = session_.run(names, values, session_.outputs().front().name.c_str(), memory);
    }
    return copy(output.get());
  }

 private:
  Floats copy(OrtValue* value) const {
    const auto dimensions = ort::shape_of(session_.api(), value).dimensions;
    const std::vector<std::size_t> shape(dimensions.begin(), dimensions.end());
    const auto size = std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
    const float* data = ort::float_data(session_.api(), value);
    auto* copied = new std::vector<float>(data, data + size);
    const nb::capsule owner(copied, [](void* vector) noexcept { delete static_cast<std::vector<float>*>(vector); });
    return Floats(copied->data(), shape.size(), shape.data(), owner);
  }

  ort::Session session_;
  ort::TensorFactory tensors_;
  mutable ort::RunMemory memory_;
};

std::vector<Weight> shareable_weights(const nb::bytes& model) {
  std::vector<Weight> result;
  const std::span bytes(static_cast<const std::byte*>(model.data()), model.size());
  for (const ort::StoredWeight& weight : ort::shareable_weights(bytes)) {
    result.emplace_back(weight.name, static_cast<int>(weight.type), weight.dimensions, weight.location, weight.offset,
                        weight.size);
  }
  return result;
}

bool has_operators(const nb::bytes& model) {
  return ort::imports_domain({static_cast<const std::byte*>(model.data()), model.size()}, ort::OperatorDomain::name);
}

bool has_nested_graphs(const nb::bytes& model) {
  return ort::has_nested_graphs({static_cast<const std::byte*>(model.data()), model.size()});
}

}  // namespace

void register_sessions(nb::module_& module) {
  nb::class_<TestModel>(module, "Model")
      .def(nb::init<const std::filesystem::path&, const std::filesystem::path&>(), "library"_a, "path"_a)
      .def("packed_linears", &TestModel::packed_linears);
  nb::class_<TestSession>(module, "Session")
      .def(nb::init<const TestModel&, int>(), "model"_a, "threads"_a, nb::keep_alive<1, 2>(),
           nb::call_guard<nb::gil_scoped_release>())
      .def("run", &TestSession::run, "ids"_a)
      .def("run_with", &TestSession::run_with, "inputs"_a)
      .def_prop_ro("kept_memory", &TestSession::kept_memory);
  // (name, element type, dimensions, location, offset, size) of each weight that sessions share.
  module.def("shareable_weights", shareable_weights, "model"_a);
  // Whether a model imports the domain of our operators.
  module.def("has_operators", has_operators, "model"_a);
  // Whether it has branches, loops' bodies or functions.
  module.def("has_nested_graphs", has_nested_graphs, "model"_a);
}

}  // namespace ortembed::testing
