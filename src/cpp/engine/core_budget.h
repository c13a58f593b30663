// Owns the sharing of an engine's cores among concurrent calls: threads that wait until they may run, and where.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "base/placement.h"
#include "engine/core_queue.h"

namespace ortembed {

// Without it, ten callers on two cores would run ten models at once, and each would wait for the others at every
// operator. Thread-safe.
class CoreBudget {
 public:
  explicit CoreBudget(int cores) : queue_(cores), places_threads_(usable_cpus() > 0 && cores >= usable_cpus()) {}

  // A thread that runs batches of a call, and the cores that it holds from one batch to the next.
  class Worker {
   public:
    Worker(CoreBudget& budget, Standing standing) : budget_(budget) { turn_.standing = standing; }
    ~Worker() { give_back(); }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // Gives the cores for the next batch: those that are held, or else what comes of waiting in line. Nothing once
    // the worker is dismissed. On the worker's own thread, as give_back().
    std::optional<Cores> take(Cores wanted);
    void give_back();
    // Makes it wait no more. On any thread.
    void dismiss();

   private:
    friend CoreBudget;
    using Clock = std::chrono::steady_clock;

    struct Turn : Place {
      std::condition_variable came;
      bool has_come = false;
      WakePlace* sleeper = nullptr;
    };

    // With the budget's mutex held, which the last two let go for a while.
    bool may_keep(Cores wanted) const;
    void release();
    bool wait_in_line(Cores wanted, std::unique_lock<std::mutex>& lock);
    void settle(std::unique_lock<std::mutex>& lock);

    CoreBudget& budget_;
    Turn turn_;
    bool dismissed_ = false;
    std::optional<Cores> held_;
    Clock::time_point since_;
    int cpu_ = unknown_cpu;  // where it was when it last took a core
  };

 private:
  void serve(int free_cpu);  // with the mutex held

  CoreQueue queue_;
  bool places_threads_;           // where more CPUs than cores are there to choose from, the system does it well
  std::vector<Worker*> running_;  // those with one core each
  std::mutex mutex_;
};

}  // namespace ortembed
