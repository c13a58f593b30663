// Owns STAND_IN_FAULT: in which ways the stand-in misbehaves, and in sessions of which bucket.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace ortembed::stand_in {

// Overrides of free dimensions, by name. A bucket is that of "batch" and "sequence".
using Dimensions = std::map<std::string, std::int64_t>;

// X(enumerator, name). All but slow_cpu concern sessions of CoreML only. A compiled model that is found in the cache
// is not written again, so partial-cache and kill then do nothing.
#define STAND_IN_FAULTS(X)                                                                       \
  X(append, "append")               /* appending the provider gives an error status */           \
  X(session, "session")             /* making a session gives an error status */                 \
  X(run, "run")                     /* a run gives an error status */                            \
  X(zeros, "zeros")                 /* float outputs are all zero */                             \
  X(nan, "nan")                     /* a value of the second token is NaN */                     \
  X(wrong, "wrong")                 /* float outputs are turned by a right angle */              \
  X(slow, "slow")                   /* a run takes 20 ms more */                                 \
  X(slow_cpu, "slow-cpu")           /* a run of a session without CoreML takes 20 ms more */     \
  X(partial_cache, "partial-cache") /* making a session fails with its cache half written */     \
  X(stale_cache, "stale-cache")     /* making a session fails unless the cache is empty */       \
  X(kill, "kill")                   /* making a session ends the process amid writing a cache */ \
  X(split, "split")                 /* every other node is reported on CPU, in a subgraph of its own */

enum class Fault {
#define STAND_IN_FAULT(enumerator, name) enumerator,
  STAND_IN_FAULTS(STAND_IN_FAULT)
#undef STAND_IN_FAULT
};

// Whether the variable, read anew in each call, has this fault for all sessions or for those of this bucket
// ("name@BxS"). What it cannot read ends the process.
bool has_fault(Fault fault, const Dimensions& dimensions);

}  // namespace ortembed::stand_in
