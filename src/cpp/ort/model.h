// Owns what the sessions of one model share: its file, and its weights, mapped once and packed once.
#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file_state.h"
#include "base/process.h"
#include "ort/mapped_file.h"
#include "ort/operators/operator_domain.h"
#include "ort/runtime.h"
#include "ort/session_options.h"
#include "ort/stored_weights.h"
#include "ort/tensor.h"

namespace ortembed::ort {

// A session, and the operators of ours where its graph has them, which go after it.
struct OpenSession {
  std::unique_ptr<OperatorDomain> operators;
  SessionHandle session;
};

// Must outlive its sessions.
class Model {
 public:
  // Reads no more of the file than it needs to share weights; a file that is missing or damaged fails in open().
  Model(const Runtime& runtime, std::filesystem::path path);
  // In a forked child everything is left alone, as its sessions are.
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const Runtime& runtime() const { return *runtime_; }
  // Thread-safe. Throws Error(model_load) naming the file when it is missing, is not ONNX, cannot be run here, or is
  // no longer the one that the Model was made from, and Error(invalid_input) where ORTEMBED_ISA is wrong and the
  // graph has operators of ours.
  OpenSession open(const SessionSettings& settings) const;
  // What its sessions have packed for operators of ours, where they share it.
  const PackedLinears& linears() const { return linears_; }

 private:
  void share(const StoredWeight& weight);
  SessionHandle make_session(const SessionSettings& settings, const OperatorDomain* operators) const;
  SessionOptionsHandle make_options(const SessionSettings& settings, const OperatorDomain* operators) const;
  SessionHandle open_sharing(const SessionSettings& settings, const OperatorDomain* operators) const;
  SessionHandle open_alone(const SessionSettings& settings, const OperatorDomain* operators) const;
  std::string failure() const;

  const Runtime* runtime_;
  HomeProcess home_;
  std::filesystem::path path_;
  std::vector<FileState> states_;            // of the model and the files that are mapped
  std::map<std::string, MappedFile> files_;  // by the name that the model has for them
  TensorFactory tensors_;
  std::vector<std::pair<std::string, ValueHandle>> weights_;
  PackedWeightsHandle packed_;
  bool has_operators_ = false;  // of ours
  bool shares_linears_ = false;
  mutable PackedLinears linears_;
  std::shared_ptr<kernels::RunMemories> run_memories_ = std::make_shared<kernels::RunMemories>();
  mutable std::atomic<bool> shares_{false};
};

}  // namespace ortembed::ort
