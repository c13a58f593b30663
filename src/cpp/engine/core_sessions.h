// Owns the sessions for runs on one core: one for each run that is under way, all over the same weights.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "ort/session.h"

namespace ortembed {

// A session takes the memory of its runs from an arena of its own. Two runs at once in one session hand that memory
// to each other, and with it cache lines from core to core, which slows both by a tenth. Thread-safe.
class CoreSessions {
 public:
  // As many runs as `most` get a session each, more share them. `stand_in` is used while a session is made, which
  // takes tens of milliseconds, and where none can be made.
  CoreSessions(const ort::Model& model, const ort::Session& stand_in, std::size_t most)
      : model_(model), stand_in_(stand_in), most_(most) {}

  // A session for one run, given back at its end, however it ends.
  class Lease {
   public:
    explicit Lease(CoreSessions& sessions) : sessions_(sessions), session_(sessions.take()) {}
    ~Lease() { sessions_.give_back(session_); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    const ort::Session& operator*() const { return *session_; }

   private:
    CoreSessions& sessions_;
    const ort::Session* session_;
  };

 private:
  const ort::Session* take();
  void give_back(const ort::Session* session);
  const ort::Session* make();

  const ort::Model& model_;
  const ort::Session& stand_in_;
  std::mutex mutex_;
  std::size_t most_;
  bool making_ = false;
  std::vector<std::unique_ptr<const ort::Session>> made_;
  std::vector<const ort::Session*> idle_;  // the one that ran last at the end: its memory may still be in the cache
  std::size_t shared_ = 0;                 // runs that found no session idle; they take turns
};

}  // namespace ortembed
