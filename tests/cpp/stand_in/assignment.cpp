// Owns the entry points that tell which provider got which part of a graph.
#include "real_runtime.h"
#include "records.h"
#include "replaced.h"

namespace ortembed::stand_in {
OrtStatus* replaced::Session_GetEpGraphAssignmentInfo(const OrtSession* s, const OrtEpAssignedSubgraph* const** a, std::size_t* n) noexcept { return real().more.Session_GetEpGraphAssignmentInfo(s, a, n); }
OrtStatus* replaced::EpAssignedSubgraph_GetEpName(const OrtEpAssignedSubgraph* s, const char** n) noexcept { return real().more.EpAssignedSubgraph_GetEpName(s, n); }
OrtStatus* replaced::EpAssignedSubgraph_GetNodes(const OrtEpAssignedSubgraph* s, const OrtEpAssignedNode* const** a, std::size_t* n) noexcept { return real().more.EpAssignedSubgraph_GetNodes(s, a, n); }
}  // namespace ortembed::stand_in
