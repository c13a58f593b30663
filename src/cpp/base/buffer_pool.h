// Owns buffers that calls borrow for their time and give back, so that memory is made once and reused.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace ortembed {

// Thread-safe: as many buffers are made as calls were under way at once.
template <class Buffer>
class BufferPool {
 public:
  // A buffer borrowed for one call, and given back at its end, however it ends. Its content is that of another call.
  class Lease {
   public:
    explicit Lease(BufferPool& pool) : pool_(pool), buffer_(pool.take()) {}
    ~Lease() { pool_.give_back(std::move(buffer_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    Buffer& operator*() const { return *buffer_; }

   private:
    BufferPool& pool_;
    std::unique_ptr<Buffer> buffer_;
  };

 private:
  std::unique_ptr<Buffer> take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) {
      auto made = std::make_unique<Buffer>();
      idle_.reserve(++made_);
      return made;
    }
    auto taken = std::move(idle_.back());
    idle_.pop_back();
    return taken;
  }

  void give_back(std::unique_ptr<Buffer> buffer) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(buffer));  // reserved above, so it does not throw
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Buffer>> idle_;
  std::size_t made_ = 0;
};

}  // namespace ortembed
