// Owns running planned batches on the cores: those for all cores one after the other, the rest side by side.
#include "engine/batch_runner.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace ortembed {
namespace {

// Threads that are waited for at the end of a scope, however it ends.
class ThreadGroup {
 public:
  ThreadGroup() = default;
  ~ThreadGroup() {
    for (auto& thread : threads_) thread.join();
  }
  ThreadGroup(const ThreadGroup&) = delete;
  ThreadGroup& operator=(const ThreadGroup&) = delete;

  // Starts as many as the system lets it.
  void start(std::size_t count, const std::function<void()>& work) {
    threads_.reserve(count);
    try {
      while (threads_.size() < count) threads_.emplace_back(work);
    } catch (const std::system_error&) {  // no more threads: the work is shared by fewer
    }
  }

 private:
  std::vector<std::thread> threads_;
};

}  // namespace

// One call's batches: which is next, how many rows are finished, and what went wrong.
class BatchRunner::Call {
 public:
  Call(std::span<const PlannedBatch> batches, const Run& run, const CallControl& control, CoreBudget& budget)
      : batches_(batches), run_(run), control_(control), budget_(budget) {}

  void run(std::size_t threads) {
    const auto alone =
        static_cast<std::size_t>(std::ranges::find(batches_, Cores::one, &PlannedBatch::cores) - batches_.begin());
    while (next_ < alone && run_next()) report();
    {
      ThreadGroup helpers;
      const std::size_t rest = batches_.size() - std::min(next_.load(), batches_.size());
      if (rest > 1 && !stopped_)
        helpers.start(std::min(threads, rest) - 1, [this] {
          while (run_next()) {
          }
        });
      while (run_next()) report();
    }
    report();
    if (progress_failure_) std::rethrow_exception(progress_failure_);
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  // False when there is no batch left, or something went wrong.
  bool run_next() {
    if (stopped_) return false;
    const std::size_t index = next_++;
    if (index >= batches_.size()) return false;
    std::optional<CoreBudget::Share> share;  // outlives the try: who is next in line has to see a failure
    try {
      control_.check();
      share.emplace(budget_, batches_[index].cores);
      if (stopped_) return false;  // it may have waited long
      control_.check();
      run_(batches_[index], share->cores());
    } catch (...) {
      fail(index);
      return false;
    }
    rows_ += batches_[index].rows.size();
    return true;
  }

  // On the calling thread only.
  void report() {
    const std::size_t rows = rows_.exchange(0);
    if (!control_.progress || stopped_ || rows == 0) return;
    try {
      control_.progress(rows);
    } catch (...) {
      progress_failure_ = std::current_exception();
      stopped_ = true;
    }
  }

  void fail(std::size_t index) {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    if (failure_ && failed_at_ <= index) return;
    failure_ = std::current_exception();
    failed_at_ = index;
  }

  std::span<const PlannedBatch> batches_;
  const Run& run_;
  const CallControl& control_;
  CoreBudget& budget_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<std::size_t> rows_ = 0;  // finished and not reported
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;
  std::exception_ptr failure_;
  std::size_t failed_at_ = 0;
  std::exception_ptr progress_failure_;  // apart, so that no failure of a batch hides an interrupt
};

void BatchRunner::run(std::span<const PlannedBatch> batches, const Run& run, const CallControl& control) const {
  Call(batches, run, control, budget_).run(static_cast<std::size_t>(cores_));
}

}  // namespace ortembed
