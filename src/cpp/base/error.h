// Owns the closed list of error codes and the one exception type that carries them.
#pragma once

#include <stdexcept>
#include <string>

namespace ortembed {

// One code for each Python class; the binding holds the table that pairs them.
enum class ErrorCode {
  invalid_input,         // a text, id, offset, array or option from the caller is wrong
  model_not_found,       // no place that may hold the model has it
  model_load,            // the model's files are there but cannot be used
  integrity,             // a file's content is not what its manifest says
  runtime_library,       // ONNX Runtime is missing, too old or not loadable
  provider_unavailable,  // an execution provider is not in this runtime, cannot run the model here, or runs it wrong
  inference,             // the model ran and failed, or gave values that are not finite
  service_unavailable,   // this embedder cannot answer in this process at this time
  cancelled,             // the caller asked a call under way to stop
};

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace ortembed
