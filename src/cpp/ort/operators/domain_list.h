// Owns the order in which sessions are made, so that a runtime's list of domains is not read while it is written.
#pragma once

#include <mutex>
#include <shared_mutex>

#include "ort/runtime.h"

namespace ortembed::ort {

// Held while a session is made. The runtime enters a domain of operators into a list of its process when the first
// session brings it, and reads that list for every session, without a lock: so the first that brings ours is made
// while no other one is.
class DomainListGuard {
 public:
  DomainListGuard(const Runtime& runtime, bool brings_domain);
  // The session was made, and its domain with it.
  void succeed();

 private:
  const Runtime* runtime_;
  std::shared_lock<std::shared_mutex> reads_;
  std::unique_lock<std::shared_mutex> writes_;
};

}  // namespace ortembed::ort
