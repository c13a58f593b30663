// Owns the function table that the stand-in hands out: a copy of the real one in which some entries are its own.
//
// Runs through RunWithBinding or RunAsync, and options that were cloned, are not seen.
#include <algorithm>
#include <vector>

#include "real_runtime.h"
#include "replaced.h"

namespace ortembed::stand_in {
namespace {

// X(list of entries, name)
#define STAND_IN_REPLACED(X)                                   \
  X(ort, CreateEnv)                                            \
  X(ort, CreateSession)                                        \
  X(more, CreateSessionFromArray)                              \
  X(ort, Run)                                                  \
  X(ort, CreateSessionOptions)                                 \
  X(ort, ReleaseSession)                                       \
  X(ort, ReleaseSessionOptions)                                \
  X(ort, AddFreeDimensionOverrideByName)                       \
  X(ort, GetAvailableProviders)                                \
  X(ort, ReleaseAvailableProviders)                            \
  X(ort, AddSessionConfigEntry)                                \
  X(ort, CreateSessionWithPrepackedWeightsContainer)           \
  X(more, CreateSessionFromArrayWithPrepackedWeightsContainer) \
  X(ort, SessionOptionsAppendExecutionProvider)                \
  X(newer, Session_GetEpGraphAssignmentInfo)                   \
  X(newer, EpAssignedSubgraph_GetEpName)                       \
  X(newer, EpAssignedSubgraph_GetNodes)

#define STAND_IN_SLOT(name, slot, result, parameters) [[maybe_unused]] constexpr std::size_t name = slot;
namespace ort_slots {
ORTEMBED_ORT_ENTRIES(STAND_IN_SLOT)
}
namespace more_slots {
STAND_IN_ENTRIES(STAND_IN_SLOT)
}
namespace newer_slots {
ORTEMBED_ORT_ENTRIES_24(STAND_IN_SLOT)
}
#undef STAND_IN_SLOT

std::vector<AnyFunction> make_table() {
  std::vector<AnyFunction> table(real().table, real().table + real().slots);
  const auto replace = [&](std::size_t slot, AnyFunction function) {
    if (slot < table.size()) table[slot] = function;
  };
#define STAND_IN_REPLACE(list, name) replace(list##_slots::name, reinterpret_cast<AnyFunction>(replaced::name));
  STAND_IN_REPLACED(STAND_IN_REPLACE)
#undef STAND_IN_REPLACE
  return table;
}

const OrtApi* ORTEMBED_ORT_CALL get_api(std::uint32_t version) {
  if (real().base->GetApi(version) == nullptr) return nullptr;
  static const auto& table = *new std::vector<AnyFunction>(make_table());
  return reinterpret_cast<const OrtApi*>(table.data());
}

const char* ORTEMBED_ORT_CALL get_version() { return real().base->GetVersionString(); }

}  // namespace
}  // namespace ortembed::stand_in

extern "C" __attribute__((visibility("default"))) const ortembed::ort::ApiBase* ORTEMBED_ORT_CALL OrtGetApiBase() {
  static constexpr ortembed::ort::ApiBase base{ortembed::stand_in::get_api, ortembed::stand_in::get_version};
  return &base;
}
