// Owns reading back which execution provider a session gave which nodes to.
#include "ort/assignment.h"

#include <cstddef>

#include "ort/status.h"

namespace ortembed::ort {
namespace {

constexpr auto code = ErrorCode::model_load;
constexpr auto failure = "cannot read which provider runs which nodes";

AssignedPart read_part(const Api& api, const OrtEpAssignedSubgraph* part) {
  const char* provider = nullptr;
  check(api, api.EpAssignedSubgraph_GetEpName(part, &provider), code, failure);
  AssignedPart result{provider, {}};
  const OrtEpAssignedNode* const* nodes = nullptr;
  std::size_t count = 0;
  check(api, api.EpAssignedSubgraph_GetNodes(part, &nodes, &count), code, failure);
  for (std::size_t i = 0; i < count; ++i) {
    const char* type = nullptr;
    check(api, api.EpAssignedNode_GetOperatorType(nodes[i], &type), code, failure);
    result.operators.emplace_back(type);
  }
  return result;
}

}  // namespace

std::vector<AssignedPart> read_assignment(const Api& api, const OrtSession* session) {
  if (api.Session_GetEpGraphAssignmentInfo == nullptr) return {};
  const OrtEpAssignedSubgraph* const* parts = nullptr;
  std::size_t count = 0;
  if (OrtStatus* status = api.Session_GetEpGraphAssignmentInfo(session, &parts, &count)) {
    api.ReleaseStatus(status);  // the only reason to refuse is a session that was not asked to record it
    return {};
  }
  std::vector<AssignedPart> result;
  for (std::size_t i = 0; i < count; ++i) result.push_back(read_part(api, parts[i]));
  return result;
}

}  // namespace ortembed::ort
