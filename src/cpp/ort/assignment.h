// Owns reading back which execution provider a session gave which nodes to.
#pragma once

#include <string>
#include <vector>

#include "ort/abi.h"

namespace ortembed::ort {

// Nodes that run on one provider without a hand-over between them: a partition of the graph, or a node of the CPU's.
struct AssignedPart {
  std::string provider;                // for example "CoreMLExecutionProvider"
  std::vector<std::string> operators;  // the type of each node
};

// Empty with a runtime below 1.24, and for a session that was not asked to record it. Throws Error(model_load).
std::vector<AssignedPart> read_assignment(const Api& api, const OrtSession* session);

}  // namespace ortembed::ort
