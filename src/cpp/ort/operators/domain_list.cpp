// Owns the order in which sessions are made, so that a runtime's list of domains is not read while it is written.
#include "ort/operators/domain_list.h"

#include <atomic>
#include <set>

#include "base/process.h"

namespace ortembed::ort {
namespace {

struct Lists {
  HomeProcess home;
  std::shared_mutex mutex;
  std::set<const Runtime*> with_domain;
};

// A forked child has one of its own: in the inherited one, threads that it does not have may hold the lock.
Lists& lists() {
  static std::atomic<Lists*> current = new Lists;
  Lists* found = current.load();
  while (!found->home.is_current()) {
    auto* const fresh = new Lists;
    if (current.compare_exchange_strong(found, fresh)) return *fresh;
    delete fresh;
  }
  return *found;
}

}  // namespace

DomainListGuard::DomainListGuard(const Runtime& runtime, bool brings_domain)
    : runtime_(&runtime), reads_(lists().mutex) {
  if (!brings_domain || lists().with_domain.contains(runtime_)) return;
  reads_.unlock();
  writes_ = std::unique_lock(lists().mutex);
}

void DomainListGuard::succeed() {
  if (writes_.owns_lock()) lists().with_domain.insert(runtime_);
}

}  // namespace ortembed::ort
