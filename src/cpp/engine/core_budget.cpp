// Owns the sharing of an engine's cores among concurrent calls: threads that wait until they may run, and where.
#include "engine/core_budget.h"

#include <algorithm>

namespace ortembed {
namespace {

// Long enough for the time of a hand-over, some tens of microseconds, to be nothing beside it.
constexpr std::chrono::milliseconds long_hold(50);

}  // namespace

std::optional<Cores> CoreBudget::Worker::take(Cores wanted) {
  std::unique_lock lock(budget_.mutex_);
  if (dismissed_) return std::nullopt;
  if (!may_keep(wanted)) {
    release();  // before joining the line, so that another one is served
    if (!wait_in_line(wanted, lock)) return std::nullopt;
  }
  if (held_ == Cores::one && budget_.places_threads_) settle(lock);
  return held_;
}

void CoreBudget::Worker::give_back() {
  const std::lock_guard lock(budget_.mutex_);
  release();
}

void CoreBudget::Worker::dismiss() {
  const std::lock_guard lock(budget_.mutex_);
  dismissed_ = true;
  if (budget_.queue_.leave(turn_)) turn_.came.notify_one();
}

bool CoreBudget::Worker::may_keep(Cores wanted) const {
  return held_ == wanted && !budget_.queue_.must_give_way(turn_.standing, Clock::now() - since_ >= long_hold);
}

void CoreBudget::Worker::release() {
  if (!held_) return;
  budget_.queue_.give_back(*held_);
  held_.reset();
  std::erase(budget_.running_, this);
  budget_.serve(budget_.places_threads_ ? current_cpu() : unknown_cpu);
}

// False when it was dismissed meanwhile.
bool CoreBudget::Worker::wait_in_line(Cores wanted, std::unique_lock<std::mutex>& lock) {
  turn_.wanted = wanted;
  turn_.has_come = false;
  budget_.queue_.join(turn_);
  budget_.serve(unknown_cpu);
  if (!turn_.has_come) {
    WakePlace place;
    turn_.sleeper = &place;
    turn_.came.wait(lock, [this] { return turn_.has_come || dismissed_; });
    turn_.sleeper = nullptr;
  }
  if (!turn_.has_come) return false;
  if (turn_.standing == Standing::fresh) turn_.standing = Standing::begun;
  held_ = turn_.given;
  since_ = Clock::now();
  return true;
}

// Sees to it that workers with one core each are on different CPUs when they start.
void CoreBudget::Worker::settle(std::unique_lock<std::mutex>& lock) {
  std::vector<int> taken;
  for (const Worker* other : budget_.running_) {
    if (other != this) taken.push_back(other->cpu_);
  }
  if (taken.size() == budget_.running_.size()) budget_.running_.push_back(this);
  cpu_ = current_cpu();
  if (std::ranges::find(taken, cpu_) == taken.end()) return;
  lock.unlock();
  avoid_cpus(taken);
  const int moved_to = current_cpu();
  lock.lock();
  cpu_ = moved_to;
}

void CoreBudget::serve(int free_cpu) {
  while (Place* const next = queue_.serve()) {
    auto* const served = static_cast<Worker::Turn*>(next);
    served->has_come = true;
    if (served->sleeper != nullptr) served->sleeper->choose(free_cpu);
    free_cpu = unknown_cpu;  // which has room for one
    served->came.notify_one();
  }
}

}  // namespace ortembed
