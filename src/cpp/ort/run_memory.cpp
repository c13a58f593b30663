// Owns the memory that one run at a time works in: blocks that stay from one run to the next.
#include "ort/run_memory.h"

#include <algorithm>
#include <new>

namespace ortembed::ort {
namespace {

constexpr std::align_val_t alignment{64};
constexpr std::size_t granularity = 64;
constexpr std::size_t overrun = 64;  // bytes that kernels may read behind a block; the runtime's own allocator has 30
constexpr std::size_t most_waste = 2;           // times what is asked for; a block that is larger is left for others
constexpr std::size_t most_kept = 64UL << 20U;  // bytes, several times what a batch of a usual model takes

constexpr std::size_t most_size = static_cast<std::size_t>(-1) / 4;

std::size_t rounded(std::size_t size) {
  return size > most_size ? size : (size + granularity - 1) / granularity * granularity;
}

}  // namespace

// The head of a block, before the bytes that are given out.
struct alignas(64) RunMemory::Block {
  RunMemory* home;  // null outside of runs
  std::size_t size;

  void* bytes() { return this + 1; }
  static Block* of(void* bytes) { return static_cast<Block*>(bytes) - 1; }
};

RunMemory::~RunMemory() { std::ranges::for_each(idle_, free); }

void* RunMemory::take(std::size_t wanted) {
  const std::size_t size = rounded(wanted);
  {
    const std::lock_guard lock(mutex_);
    auto fit = std::ranges::lower_bound(idle_, size, {}, &Block::size);
    if (fit != idle_.end() && (*fit)->size <= most_waste * size) {
      return remove(fit)->bytes();
    }
    if (fit != idle_.begin()) free(remove(fit - 1));
  }
  Block* const made = allocate(size);
  if (made == nullptr) return nullptr;
  made->home = this;
  return made->bytes();
}

void RunMemory::give_back(void* bytes) {
  if (bytes == nullptr) return;
  Block* const block = Block::of(bytes);
  if (block->home == nullptr) return free(block);
  block->home->keep(block);
}

void RunMemory::trim() {
  const std::lock_guard lock(mutex_);
  while (kept_ > most_kept) free(remove(idle_.end() - 1));
}

std::size_t RunMemory::kept() const {
  const std::lock_guard lock(mutex_);
  return kept_;
}

void* RunMemory::take_alone(std::size_t size) {
  Block* const made = allocate(rounded(size));
  return made == nullptr ? nullptr : made->bytes();
}

RunMemory::Block* RunMemory::allocate(std::size_t size) {
  if (size > most_size) return nullptr;
  void* const memory = ::operator new(sizeof(Block) + size + overrun, alignment, std::nothrow);
  return memory == nullptr ? nullptr : new (memory) Block{nullptr, size};
}

void RunMemory::free(Block* block) { ::operator delete(block, alignment); }

RunMemory::Block* RunMemory::remove(Position position) {
  Block* const block = *position;
  idle_.erase(position);
  kept_ -= block->size;
  return block;
}

void RunMemory::keep(Block* block) {
  const std::lock_guard lock(mutex_);
  try {
    idle_.insert(std::ranges::upper_bound(idle_, block->size, {}, &Block::size), block);
    kept_ += block->size;
  } catch (const std::bad_alloc&) {  // no room for its place in the list: then it is not kept
    free(block);
  }
}

}  // namespace ortembed::ort
