// Owns working together on one run: phases cut into pieces, one or more for each thread, which others take where a
// thread does not come.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>

#include "kernels/pause.h"

namespace ortembed::kernels {

// A run ends however few of its threads come: who has done its own pieces takes those of threads that are not there,
// and one that comes late finds the phases done and passes through them. What one thread writes and others read lies
// in cache lines of its own, written once a phase: a line that several write costs several times the wait.
class Team {
 public:
  // Begins a run of so many phases by so many threads; whoever knows of the run before must have left it.
  void begin(std::size_t phases, std::size_t threads) {
    ++run_;
    threads_ = threads;
    if (phases * threads > slots_size_) {
      slots_ = std::make_unique<Slot[]>(phases * threads);
      slots_size_ = phases * threads;
    }
    if (threads > members_size_) {
      members_ = std::make_unique<Line[]>(threads);
      members_size_ = threads;
    }
    joined_.store(0, std::memory_order_relaxed);
  }

  // Gives the thread's place, from 0; no less than the threads where more come than were announced.
  std::size_t join() {
    const std::size_t member = joined_.fetch_add(1, std::memory_order_relaxed);
    if (member < threads_) members_[member].run.store(run_, std::memory_order_relaxed);
    return member;
  }

  // Calls work(piece) for those of the pieces 0 to before `threads` that no other thread takes; returns when all are
  // done. Every member calls it for every phase, in order.
  template <class Work>
  void run(std::size_t phase, std::size_t member, const Work& work) {
    Slot* slots = slots_.get() + phase * threads_;
    take(slots[member], member, work);
    for (std::size_t next = 1; next < threads_; ++next) {
      const std::size_t piece = (member + next) % threads_;
      if (wait(slots[piece], piece)) continue;
      take(slots[piece], piece, work);
    }
    for (std::size_t piece = 0; piece < threads_; ++piece) wait_done(slots[piece]);
  }

 private:
  struct alignas(64) Line {
    std::atomic<std::uint64_t> run = 0;  // the last for which it was written
  };
  struct Slot {
    Line taken;
    Line done;
  };

  template <class Work>
  void take(Slot& slot, std::size_t piece, const Work& work) {
    std::uint64_t last = slot.taken.run.load(std::memory_order_relaxed);
    if (last == run_ || !slot.taken.run.compare_exchange_strong(last, run_, std::memory_order_relaxed)) return;
    work(piece);
    slot.done.run.store(run_, std::memory_order_release);
  }

  // Waits for a piece whose thread is there, a piece's time at most; true when it is done.
  bool wait(const Slot& slot, std::size_t owner) const {
    for (std::size_t spins = 0; spins < spins_of_a_piece; ++spins) {
      if (slot.done.run.load(std::memory_order_acquire) == run_) return true;
      if (members_[owner].run.load(std::memory_order_relaxed) != run_) return false;
      pause();
    }
    return false;
  }

  void wait_done(const Slot& slot) const {
    for (std::size_t spins = 0; slot.done.run.load(std::memory_order_acquire) != run_; ++spins) {
      if (spins < spins_of_a_piece) {
        pause();
      } else {
        std::this_thread::yield();  // it has lost its core, which this one may be holding
      }
    }
  }

  static constexpr std::size_t spins_of_a_piece = 2000;  // some 20 microseconds

  std::uint64_t run_ = 0;
  std::size_t threads_ = 0;
  std::size_t slots_size_ = 0;
  std::size_t members_size_ = 0;
  std::unique_ptr<Slot[]> slots_;
  std::unique_ptr<Line[]> members_;
  std::atomic<std::size_t> joined_ = 0;
};

}  // namespace ortembed::kernels
