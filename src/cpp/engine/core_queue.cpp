// Owns the decision who gets free cores, and when one who has a core gives way. Waits for nobody: core_budget.h does.
#include "engine/core_queue.h"

#include <algorithm>

namespace ortembed {
namespace {

constexpr int crowd_length = 16;  // runs; the one after them finds out whether the crowd is gone

}  // namespace

void CoreQueue::join(Place& place) {
  if (place.standing == Standing::fresh && free_ == 0) crowd_ = crowd_length;
  line(place.standing).push_back(&place);
}

bool CoreQueue::leave(const Place& place) { return std::erase(line(place.standing), &place) > 0; }

Place* CoreQueue::serve() {
  Line* const line = free_ > 0 ? next_line() : nullptr;
  if (line == nullptr) return nullptr;
  Place* const next = line->front();
  line->pop_front();
  fresh_last_ = next->standing == Standing::fresh;
  const bool gets_all = next->wanted == Cores::all && free_ == cores_ && nobody_waits() && crowd_ == 0;
  if (crowd_ > 0 && next->wanted == Cores::all) --crowd_;
  next->given = gets_all ? Cores::all : Cores::one;
  free_ -= gets_all ? cores_ : 1;
  return next;
}

bool CoreQueue::must_give_way(Standing standing, bool held_long) const {
  if (waits(Standing::fresh)) return true;
  if (waits(Standing::begun)) return standing == Standing::helper || held_long;
  return waits(Standing::helper) && standing == Standing::helper && held_long;
}

bool CoreQueue::nobody_waits() const { return std::ranges::all_of(lines_, &Line::empty); }

CoreQueue::Line* CoreQueue::next_line() {
  if (waits(Standing::fresh) && !(fresh_last_ && waits(Standing::begun))) return &line(Standing::fresh);
  if (waits(Standing::begun)) return &line(Standing::begun);
  return waits(Standing::helper) ? &line(Standing::helper) : nullptr;
}

}  // namespace ortembed
