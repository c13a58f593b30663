// Owns running planned batches on the cores: those for all cores one after the other, the rest side by side.
#include "engine/batch_runner.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace ortembed {
namespace {

// Further threads that run a call's batches, each on a core of its own when there is one to be had.
class Helpers {
 public:
  explicit Helpers(CoreBudget& budget) : budget_(budget) {}
  // Waits for the batches that are under way, but not for cores that are not needed any more.
  ~Helpers() {
    for (auto& worker : workers_) worker.dismiss();
    for (auto& thread : threads_) thread.join();
  }
  Helpers(const Helpers&) = delete;
  Helpers& operator=(const Helpers&) = delete;

  // Starts as many as the system lets it.
  void start(std::size_t count, const std::function<void(CoreBudget::Worker&)>& work) {
    threads_.reserve(count);
    try {
      while (threads_.size() < count) {
        auto& worker = workers_.emplace_back(budget_, Standing::helper);
        threads_.emplace_back([work, &worker] { work(worker); });
      }
    } catch (const std::system_error&) {  // no more threads: the work is shared by fewer
    }
  }

 private:
  CoreBudget& budget_;
  std::deque<CoreBudget::Worker> workers_;
  std::vector<std::thread> threads_;
};

}  // namespace

// One call's batches: which is next, how many rows are finished, and what went wrong.
class BatchRunner::Call {
  using Clock = std::chrono::steady_clock;

 public:
  Call(std::span<const PlannedBatch> batches, const Run& run, const CallControl& control, CoreBudget& budget)
      : batches_(batches), run_(run), control_(control), budget_(budget) {}

  void run(std::size_t threads) {
    const auto alone =
        static_cast<std::size_t>(std::ranges::find(batches_, Cores::one, &PlannedBatch::cores) - batches_.begin());
    CoreBudget::Worker own(budget_, Standing::fresh);
    while (next_ < alone && run_next(own)) report(own);
    {
      Helpers helpers(budget_);
      const std::size_t rest = batches_.size() - std::min(next_.load(), batches_.size());
      if (rest > 1 && !stopped_) {
        helpers.start(std::min(threads, rest) - 1, [this, &own](CoreBudget::Worker& worker) {
          while (run_next(worker)) {
          }
          worker.give_back();  // the call's own thread may be waiting for it
          own.dismiss();       // or for a core that it has no batch for any more
        });
      }
      while (run_next(own)) report(own);
      own.give_back();
    }
    report(own);
    if (progress_failure_) std::rethrow_exception(progress_failure_);
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  // False when there is no batch left, or something went wrong.
  bool run_next(CoreBudget::Worker& worker) {
    std::size_t index = next_;  // taken only with a core in hand, so that no batch waits for one that does not come
    if (stopped_ || index >= batches_.size()) return false;
    try {
      control_.check();
      const std::optional<Cores> cores = worker.take(batches_[index].cores);
      if (!cores || stopped_) return false;  // it may have waited long
      control_.check();
      index = next_++;
      if (index >= batches_.size()) return false;
      run_(batches_[index], *cores);
    } catch (...) {
      fail(index);
      return false;
    }
    rows_ += batches_[index].rows.size();
    return true;
  }

  // On the calling thread only. Without a core: who is told may take long.
  void report(CoreBudget::Worker& own) {
    const auto now = Clock::now();
    if (!control_.progress || stopped_ || rows_ == 0 || now - reported_ < control_.interval) return;
    own.give_back();
    reported_ = now;
    try {
      control_.progress(rows_.exchange(0));
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
  Clock::time_point reported_ = Clock::now();
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
