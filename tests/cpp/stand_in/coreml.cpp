// Owns the checks of CoreML's options and input shapes, and the pretend cache of compiled models.
#include "coreml.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "ort/handle.h"
#include "ort/tensor.h"

namespace ortembed::stand_in {
namespace {

namespace fs = std::filesystem;

const std::set<std::string> flag = {"0", "1"};
// An empty set stands for any value.
const std::map<std::string, std::set<std::string>> known_options = {
    {"AllowLowPrecisionAccumulationOnGPU", flag},
    {"EnableOnSubgraphs", flag},
    {"MLComputeUnits", {"ALL", "CPUAndGPU", "CPUAndNeuralEngine", "CPUOnly"}},
    {"ModelCacheDirectory", {}},
    {"ModelFormat", {"MLProgram", "NeuralNetwork"}},
    {"ProfileComputePlan", flag},
    {"RequireStaticInputShapes", flag},
    {"SpecializationStrategy", {"Default", "FastPrediction"}},
};

std::string option(const OptionsRecord& options, const std::string& key) {
  if (!options.coreml) return {};
  const auto found = options.coreml->find(key);
  return found == options.coreml->end() ? std::string() : found->second;
}

Status failure(const std::string& message) { return Status(error_status(message)); }

bool has_free_dimension(const OrtSession* session, std::size_t input) {
  const ort::Api& api = real().api;
  OrtTypeInfo* raw = nullptr;
  Status failed(api.SessionGetInputTypeInfo(session, input, &raw));
  if (failed) die("cannot read the type of an input");
  const ort::TypeInfoHandle type(raw, {&api});
  const OrtTensorTypeAndShapeInfo* tensor = nullptr;
  failed.reset(api.CastTypeInfoToTensorInfo(raw, &tensor));
  if (failed || tensor == nullptr) die("an input is not a tensor");
  return std::ranges::any_of(ort::shape_of(api, tensor).dimensions, [](std::int64_t size) { return size < 0; });
}

Status check_inputs(const OrtSession* session) {
  std::size_t count = 0;
  if (Status failed{real().api.SessionGetInputCount(session, &count)}) return failed;
  for (std::size_t i = 0; i < count; ++i) {
    if (has_free_dimension(session, i)) return failure("input " + std::to_string(i) + " has a free dimension");
  }
  return nullptr;
}

void write(const fs::path& path) {
  std::ofstream file(path);
  file << "compiled by the stand-in\n" << std::flush;
  if (!file) die("cannot write " + path.string());
}

// Leaves the cache half written in the ways that a fault asks for.
Status interrupt(const fs::path& first_file, const Dimensions& dimensions) {
  const bool kill = has_fault(Fault::kill, dimensions);
  if (!kill && !has_fault(Fault::partial_cache, dimensions)) return nullptr;
  if (!first_file.empty()) {
    fs::create_directories(first_file.parent_path());
    write(first_file);
  }
  if (kill) _exit(9);
  return failure("the fault partial-cache");
}

Status fill_cache(const fs::path& directory, const std::string& key, const Dimensions& dimensions) {
  if (!fs::is_directory(directory)) return failure("no such ModelCacheDirectory: " + directory.string());
  const fs::path model = directory / key / "model.mlmodelc";
  const fs::path first = model / "coremldata.bin";
  const fs::path last = model / "model.mil";
  if (!fs::exists(model)) {
    if (Status failed = interrupt(first, dimensions)) return failed;
    fs::create_directories(model);
    write(first);
    write(last);
  }
  return fs::exists(last) ? nullptr : failure("cannot load the compiled model in " + model.string());
}

}  // namespace

Status check_options(const Texts& options) {
  for (const auto& [key, value] : options) {
    const auto known = known_options.find(key);
    if (known == known_options.end()) return failure("Unknown option: " + key);
    if (!known->second.empty() && !known->second.contains(value)) {
      return failure("Invalid value for option " + key + ": " + value);
    }
  }
  return nullptr;
}

std::string cache_directory(const OptionsRecord& options) { return option(options, "ModelCacheDirectory"); }

bool is_empty(const std::string& directory) { return !fs::is_directory(directory) || fs::is_empty(directory); }

Status compile(const OrtSession* session, const OptionsRecord& options, const std::string& key) {
  if (option(options, "RequireStaticInputShapes") == "1") {
    if (Status failed = check_inputs(session)) return failed;
  }
  const std::string directory = cache_directory(options);
  return directory.empty() ? interrupt({}, options.dimensions) : fill_cache(directory, key, options.dimensions);
}

}  // namespace ortembed::stand_in
