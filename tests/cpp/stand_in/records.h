// Owns what the stand-in remembers of session options and of sessions. Safe to use from several threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "faults.h"
#include "slots.h"

namespace ortembed::stand_in {

using Texts = std::map<std::string, std::string>;

struct OptionsRecord {
  Dimensions dimensions;
  Texts config;
  std::optional<Texts> coreml;  // the provider's options, once it was appended
};

struct SessionRecord {
  std::int64_t id = 0;
  bool coreml = false;
  Dimensions dimensions;
  std::atomic<int> under_way = 0;  // runs
};

// Records of the runtime's objects, from their making to their release.
template <class Object, class Record>
class Registry {
 public:
  using Pointer = std::shared_ptr<Record>;

  void put(const Object* object, Pointer record) {
    const std::lock_guard lock(mutex_);
    records_[object] = std::move(record);
  }

  // An empty record where there is none.
  Pointer find(const Object* object) {
    const std::lock_guard lock(mutex_);
    const auto found = records_.find(object);
    return found == records_.end() ? std::make_shared<Record>() : found->second;
  }

  Pointer take(const Object* object) {
    const std::lock_guard lock(mutex_);
    auto node = records_.extract(object);
    return node.empty() ? nullptr : std::move(node.mapped());
  }

 private:
  std::mutex mutex_;
  std::map<const Object*, Pointer> records_;
};

using OptionsRegistry = Registry<OrtSessionOptions, OptionsRecord>;
using SessionRegistry = Registry<OrtSession, SessionRecord>;

// Never destroyed: sessions may be released after the end of main.
inline OptionsRegistry& options_records() {
  static auto& records = *new OptionsRegistry;
  return records;
}

inline SessionRegistry& session_records() {
  static auto& records = *new SessionRegistry;
  return records;
}

}  // namespace ortembed::stand_in
