// Owns the sessions for runs on one core: one for each run that is under way, all over the same weights.
#include "engine/core_sessions.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace ortembed {

const ort::Session* CoreSessions::take() {
  std::unique_lock lock(mutex_);
  if (!idle_.empty()) {
    const ort::Session* const session = idle_.back();
    idle_.pop_back();
    return session;
  }
  if (made_.size() >= most_) return made_.empty() ? &stand_in_ : made_[shared_++ % made_.size()].get();
  if (making_) return &stand_in_;
  making_ = true;
  lock.unlock();
  const ort::Session* const session = make();
  lock.lock();
  making_ = false;
  return session;
}

void CoreSessions::give_back(const ort::Session* session) {
  const std::lock_guard lock(mutex_);
  const bool is_ours = session != &stand_in_ && std::ranges::find(idle_, session) == idle_.end();
  if (is_ours) idle_.push_back(session);  // there is room for each that was made
}

const ort::Session* CoreSessions::make() {
  try {
    auto session = std::make_unique<const ort::Session>(model_, ort::SessionSettings{1});
    const std::lock_guard lock(mutex_);
    idle_.reserve(made_.size() + 1);
    made_.push_back(std::move(session));
    return made_.back().get();
  } catch (const std::exception&) {  // the model's file was there and good before; only speed is lost
    const std::lock_guard lock(mutex_);
    most_ = made_.size();
    return &stand_in_;
  }
}

}  // namespace ortembed
