// Owns where threads run: on which of the CPUs that they may use.
//
// Linux takes a thread that ran lately for better off where it was, and wakes it behind another one: the two then
// take turns on one CPU for milliseconds, while another CPU idles. On other systems nothing is known and nothing is
// done.
// A thread that was placed may use the CPUs that it might use before; to Linux that is a wish of its own from then
// on, so should its cpuset get more CPUs later, it stays with those.
#pragma once

#include <span>

#ifdef __linux__
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace ortembed {

constexpr int unknown_cpu = -1;

#ifdef __linux__

inline int current_cpu() { return sched_getcpu(); }

// How many the calling thread may use; 0 where it is not known.
inline int usable_cpus() {
  cpu_set_t allowed;
  return sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 0;  // not with over 1,024
}

// Moves the calling thread to a CPU that is not among the taken ones, if it may use another; binds it to none.
inline void avoid_cpus(std::span<const int> taken) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
  cpu_set_t others = allowed;
  for (const int cpu : taken) {
    if (cpu >= 0) CPU_CLR(cpu, &others);
  }
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof(others), &others) != 0) return;
  sched_setaffinity(0, sizeof(allowed), &allowed);
}

// Where the calling thread, which is about to sleep, is to wake up.
class WakePlace {
 public:
  WakePlace() : thread_(static_cast<pid_t>(syscall(SYS_gettid))) {}
  // Lets it use all of its CPUs again. On the thread itself, awake.
  ~WakePlace() {
    if (chosen_) sched_setaffinity(0, sizeof(allowed_), &allowed_);
  }
  WakePlace(const WakePlace&) = delete;
  WakePlace& operator=(const WakePlace&) = delete;

  // On the thread that wakes it, before that.
  void choose(int cpu) {
    if (cpu < 0 || chosen_ || sched_getaffinity(thread_, sizeof(allowed_), &allowed_) != 0) return;
    if (!CPU_ISSET(cpu, &allowed_)) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    chosen_ = sched_setaffinity(thread_, sizeof(one), &one) == 0;
  }

 private:
  pid_t thread_;
  cpu_set_t allowed_{};
  bool chosen_ = false;
};

#else

inline int current_cpu() { return unknown_cpu; }
inline int usable_cpus() { return 0; }
inline void avoid_cpus(std::span<const int>) {}

class WakePlace {
 public:
  void choose(int) {}
};

#endif

}  // namespace ortembed
