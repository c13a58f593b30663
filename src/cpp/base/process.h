// Owns the memory of which process an object was made in, so that a forked child can tell.
#pragma once

#ifdef _WIN32
#include <process.h>
#else
#include <unistd.h>
#endif

namespace ortembed {

// Thread pools do not survive fork(): what was made before it must be neither used nor destroyed after it.
class HomeProcess {
 public:
  HomeProcess() : id_(current()) {}
  bool is_current() const { return id_ == current(); }
  int id() const { return id_; }

 private:
#ifdef _WIN32
  static int current() { return _getpid(); }
#else
  static int current() { return getpid(); }
#endif
  int id_;
};

}  // namespace ortembed
