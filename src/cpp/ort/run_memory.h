// Owns the memory that one run at a time works in: blocks that stay from one run to the next.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

namespace ortembed::ort {

// Takes the place of the runtime's arena, which all runs of a session share: there, a block that one core has
// written goes to a run on another core, and its cache lines with it, which costs each of two runs a tenth of its
// time; and what the arena took for one large run it keeps for ever. Thread-safe, since kernels may free a block on
// a thread of the runtime's pool.
class RunMemory {
 public:
  RunMemory() = default;
  ~RunMemory();  // every block has to be back
  RunMemory(const RunMemory&) = delete;
  RunMemory& operator=(const RunMemory&) = delete;

  // A block of at least so many bytes, aligned for any vector; null when there is none to be had. Where none of the
  // blocks fits, the next smaller one makes room for the new one, so that growing shapes leave nothing behind.
  void* take(std::size_t size);
  // Gives a block back to where it came from, which must still be there.
  static void give_back(void* block);
  // Frees the largest blocks until the rest is no burden. Between two runs.
  void trim();
  // Bytes of the blocks that wait for the next run.
  std::size_t kept() const;

  // A block outside of any run.
  static void* take_alone(std::size_t size);

 private:
  struct Block;

  using Position = std::vector<Block*>::iterator;

  static Block* allocate(std::size_t size);
  static void free(Block* block);
  Block* remove(Position position);
  void keep(Block* block);

  mutable std::mutex mutex_;
  std::vector<Block*> idle_;  // the smallest first
  std::size_t kept_ = 0;
};

}  // namespace ortembed::ort
