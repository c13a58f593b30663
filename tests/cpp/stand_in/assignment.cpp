// Owns the entry points that tell which provider got which part of a graph.
//
// The real runtime reports each node on CPU as a subgraph of its own; a provider that compiles, as CoreML's, gets all
// nodes of a partition in one.
#include <deque>
#include <mutex>
#include <string_view>
#include <vector>

#include "coreml.h"
#include "real_runtime.h"
#include "records.h"
#include "replaced.h"

namespace ortembed::stand_in {
namespace {

constexpr const char* cpu_provider = "CPUExecutionProvider";

using Nodes = std::vector<const OrtEpAssignedNode*>;
using Subgraphs = std::vector<const OrtEpAssignedSubgraph*>;

struct PretendSubgraph {
  const char* provider = nullptr;
  Nodes nodes;
};

// Those that were made, and lists of them, are kept to the end of the process: callers have pointers to them.
using PretendRegistry = Registry<OrtEpAssignedSubgraph, PretendSubgraph>;

PretendRegistry& pretended() {
  static auto& records = *new PretendRegistry;
  return records;
}

const Subgraphs& keep(Subgraphs subgraphs) {
  static auto& mutex = *new std::mutex;
  static auto& kept = *new std::deque<Subgraphs>;
  const std::lock_guard lock(mutex);
  return kept.emplace_back(std::move(subgraphs));
}

const OrtEpAssignedSubgraph* pretend(const char* provider, Nodes nodes) {
  auto subgraph = std::make_shared<PretendSubgraph>(PretendSubgraph{provider, std::move(nodes)});
  const auto* object = reinterpret_cast<const OrtEpAssignedSubgraph*>(subgraph.get());
  pretended().put(object, std::move(subgraph));
  return object;
}

Nodes nodes_of(const OrtEpAssignedSubgraph* subgraph) {
  const OrtEpAssignedNode* const* nodes = nullptr;
  std::size_t count = 0;
  if (Status failed{real().api.EpAssignedSubgraph_GetNodes(subgraph, &nodes, &count)}) die("cannot read a subgraph");
  return {nodes, nodes + count};
}

bool is_on_cpu(const OrtEpAssignedSubgraph* subgraph) {
  const char* provider = nullptr;
  if (Status failed{real().api.EpAssignedSubgraph_GetEpName(subgraph, &provider)}) die("cannot read a subgraph");
  return provider == std::string_view(cpu_provider);
}

// What CPU has becomes CoreML's: one partition, or with the fault a partition of each node whose neighbours stay.
Subgraphs reassign(const Subgraphs& real_subgraphs, bool split) {
  Subgraphs result;
  Nodes nodes;
  for (const auto* subgraph : real_subgraphs) {
    const Nodes own = nodes_of(subgraph);
    if (is_on_cpu(subgraph)) {
      nodes.insert(nodes.end(), own.begin(), own.end());
    } else {
      result.push_back(subgraph);
    }
  }
  if (!split) {
    result.push_back(pretend(coreml_provider, nodes));
    return result;
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    result.push_back(pretend(i % 2 == 0 ? coreml_provider : cpu_provider, {nodes[i]}));
  }
  return result;
}

}  // namespace

OrtStatus* replaced::Session_GetEpGraphAssignmentInfo(const OrtSession* session,
                                                      const OrtEpAssignedSubgraph* const** out,
                                                      std::size_t* count) noexcept {
  if (OrtStatus* failed = real().api.Session_GetEpGraphAssignmentInfo(session, out, count)) return failed;
  const auto record = session_records().find(session);
  if (!record->coreml) return nullptr;
  const Subgraphs& subgraphs = keep(reassign({*out, *out + *count}, has_fault(Fault::split, record->dimensions)));
  *out = subgraphs.data();
  *count = subgraphs.size();
  return nullptr;
}

OrtStatus* replaced::EpAssignedSubgraph_GetEpName(const OrtEpAssignedSubgraph* subgraph, const char** out) noexcept {
  const auto found = pretended().find(subgraph);
  if (found->provider == nullptr) return real().api.EpAssignedSubgraph_GetEpName(subgraph, out);
  *out = found->provider;
  return nullptr;
}

OrtStatus* replaced::EpAssignedSubgraph_GetNodes(const OrtEpAssignedSubgraph* subgraph,
                                                 const OrtEpAssignedNode* const** out, std::size_t* count) noexcept {
  const auto found = pretended().find(subgraph);
  if (found->provider == nullptr) return real().api.EpAssignedSubgraph_GetNodes(subgraph, out, count);
  *out = found->nodes.data();
  *count = found->nodes.size();
  return nullptr;
}

}  // namespace ortembed::stand_in
