// Owns the sharing of an engine's cores among concurrent calls: who may run now, and on how many.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "engine/cores.h"

namespace ortembed {

// Without it, ten callers on two cores would run ten models at once, and each would wait for the others at every
// operator. Thread-safe.
class CoreBudget {
 public:
  explicit CoreBudget(int cores) : cores_(cores), free_(cores) {}

  // Cores that are held for one run, and given back at its end, however it ends.
  class Share {
   public:
    // Waits in line, first come first served. Gives all cores only when that was asked for, all are free and nobody
    // waits behind; else one.
    Share(CoreBudget& budget, Cores wanted) : budget_(budget), held_(budget.take(wanted)) {}
    ~Share() { budget_.give_back(held_); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    Cores cores() const { return held_; }

   private:
    CoreBudget& budget_;
    Cores held_;
  };

 private:
  Cores take(Cores wanted);
  void give_back(Cores held);

  int cores_;
  int free_;
  std::uint64_t next_ticket_ = 0;
  std::uint64_t served_ = 0;  // tickets that have had their turn
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace ortembed
