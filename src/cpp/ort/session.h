// Owns one session of a model: what it takes and gives, and running it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/process.h"
#include "ort/assignment.h"
#include "ort/model.h"
#include "ort/run_memory.h"
#include "ort/tensor.h"

namespace ortembed::ort {

// An input or output of the graph.
struct GraphValue {
  std::string name;
  TensorShape shape;
};

class Session {
 public:
  // Throws Error(model_load) naming the file when it is missing, is not ONNX, or cannot be run here.
  Session(const Model& model, const SessionSettings& settings);
  // In a forked child the session is left alone: its threads are gone, and destroying it could hang or crash.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const std::vector<GraphValue>& inputs() const { return inputs_; }
  const std::vector<GraphValue>& outputs() const { return outputs_; }
  const Api& api() const { return runtime_->api(); }
  // Which provider runs which nodes; empty where the runtime cannot tell, or the settings were plain.
  std::vector<AssignedPart> assignment() const { return read_assignment(api(), open_.session.get()); }

  // Runs the graph for one output, which lies in the memory and has to be released before it. Thread-safe, with a
  // memory for each run. Throws Error(inference).
  ValueHandle run(std::span<const char* const> input_names, std::span<const OrtValue* const> input_values,
                  const char* output_name, RunMemory& memory) const;

 private:
  const Runtime* runtime_;
  HomeProcess home_;
  OpenSession open_;
  std::vector<GraphValue> inputs_;
  std::vector<GraphValue> outputs_;
};

}  // namespace ortembed::ort
