// Owns the allocator that the runtime takes the memory of runs from, instead of an arena of its own.
#include "ort/allocator.h"

#include <new>
#include <utility>

namespace ortembed::ort {
namespace {

thread_local RunMemory* current = nullptr;

struct Allocator {
  AllocatorTable table;
  OrtMemoryInfo* memory = nullptr;
};

// The runtime does not look whether it got null, but its own allocators throw, and it makes an error of that.
void* checked(void* bytes) {
  if (bytes == nullptr) throw std::bad_alloc();
  return bytes;
}

void* ORTEMBED_ORT_CALL allocate(OrtAllocator*, std::size_t size) {
  if (size == 0) return nullptr;
  return checked(current != nullptr ? current->take(size) : RunMemory::take_alone(size));
}

// What a session keeps from its making to its end.
void* ORTEMBED_ORT_CALL reserve(OrtAllocator*, std::size_t size) {
  return size == 0 ? nullptr : checked(RunMemory::take_alone(size));
}

void ORTEMBED_ORT_CALL free(OrtAllocator*, void* bytes) { RunMemory::give_back(bytes); }

const OrtMemoryInfo* ORTEMBED_ORT_CALL describe(const OrtAllocator* allocator) {
  return reinterpret_cast<const Allocator*>(allocator)->memory;
}

}  // namespace

bool register_allocator(const Api& api, OrtEnv* environment) {
  auto* const made = new Allocator{{floor_api_version, allocate, free, describe, reserve}, nullptr};
  const auto succeeds = [&](OrtStatus* status) {
    if (status != nullptr) api.ReleaseStatus(status);
    return status == nullptr;
  };
  return succeeds(api.CreateCpuMemoryInfo(AllocatorType::device, MemoryType::standard, &made->memory)) &&
         succeeds(api.RegisterAllocator(environment, reinterpret_cast<OrtAllocator*>(made)));
}

RunMemoryScope::RunMemoryScope(RunMemory& memory) : outer_(std::exchange(current, &memory)) {}

RunMemoryScope::~RunMemoryScope() { current = outer_; }

}  // namespace ortembed::ort
