// Owns the allocator that the runtime takes the memory of runs from, instead of an arena of its own.
#pragma once

#include "ort/abi.h"
#include "ort/run_memory.h"

namespace ortembed::ort {

// Offers the allocator to sessions of an environment; those take it that ask for it. False where the runtime does not
// take one. The allocator lives until the process ends.
bool register_allocator(const Api& api, OrtEnv* environment);

// What the calling thread allocates through the runtime for the time of a scope comes from this memory; outside of
// such a scope, each block is on its own.
class RunMemoryScope {
 public:
  explicit RunMemoryScope(RunMemory& memory);
  ~RunMemoryScope();
  RunMemoryScope(const RunMemoryScope&) = delete;
  RunMemoryScope& operator=(const RunMemoryScope&) = delete;

 private:
  RunMemory* outer_;
};

}  // namespace ortembed::ort
