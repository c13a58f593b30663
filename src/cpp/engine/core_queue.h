// Owns the decision who gets free cores, and when one who has a core gives way. Waits for nobody: core_budget.h does.
#pragma once

#include <array>
#include <deque>

#include "engine/cores.h"

namespace ortembed {

// What a thread that runs batches is to its call. Earlier ones are served first.
enum class Standing {
  fresh,   // the call's own thread, before any of its batches has run
  begun,   // the call's own thread, later
  helper,  // another thread, by which the call has a further core
};

// One thread's place in line.
struct Place {
  Standing standing = Standing::fresh;
  Cores wanted = Cores::one;
  Cores given = Cores::one;  // once it has been served
};

// A core goes to calls that have not begun, so that a query waits for a batch of long jobs and not for the jobs; but
// never to two of them in a row while one that has begun waits, so that none waits for ever. Helpers come last: every
// call gets a core before one gets a second. Within each standing, first come first served.
//
// Runs on all cores are for one caller at a time: two who take turns at them get less done than on a core each, since
// between two runs of the one, the other is only about to begin. So when a call that has not begun finds no core
// free, the next few runs that want all cores get one each, until all are tried again.
class CoreQueue {
 public:
  explicit CoreQueue(int cores) : cores_(cores), free_(cores) {}

  // The place must stay where it is until it has been served or has left.
  void join(Place& place);
  // False when it is not in line.
  bool leave(const Place& place);
  // Takes the next one out of line and tells it what it is given: all cores only when it wants them, all are free,
  // nobody else waits, and there is no crowd. Null when there is nobody to serve, or no free core.
  Place* serve();
  void give_back(Cores held) { free_ += held == Cores::all ? cores_ : 1; }

  // Whether a thread that holds a core lets others go first, between two batches. A hand-over costs the time in which
  // the next thread wakes up, so equals take turns only when the core has been held for long.
  bool must_give_way(Standing standing, bool held_long) const;

 private:
  using Line = std::deque<Place*>;

  Line& line(Standing standing) { return lines_[static_cast<std::size_t>(standing)]; }
  bool waits(Standing standing) const { return !lines_[static_cast<std::size_t>(standing)].empty(); }
  bool nobody_waits() const;
  Line* next_line();

  int cores_;
  int free_;
  std::array<Line, 3> lines_;  // by standing
  bool fresh_last_ = false;    // the last one that was served
  int crowd_ = 0;              // so many more runs that want all cores get one
};

}  // namespace ortembed
