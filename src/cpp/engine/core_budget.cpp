// Owns the sharing of an engine's cores among concurrent calls: who may run now, and on how many.
#include "engine/core_budget.h"

namespace ortembed {

Cores CoreBudget::take(Cores wanted) {
  std::unique_lock lock(mutex_);
  const std::uint64_t ticket = next_ticket_++;
  changed_.wait(lock, [&] { return served_ == ticket && free_ > 0; });
  ++served_;
  const bool alone = free_ == cores_ && served_ == next_ticket_;
  const Cores given = wanted == Cores::all && alone ? Cores::all : Cores::one;
  free_ -= given == Cores::all ? cores_ : 1;
  if (free_ > 0 && served_ != next_ticket_) changed_.notify_all();
  return given;
}

void CoreBudget::give_back(Cores held) {
  const std::lock_guard lock(mutex_);
  free_ += held == Cores::all ? cores_ : 1;
  if (served_ != next_ticket_) changed_.notify_all();
}

}  // namespace ortembed
