// Owns the packed weights of a model's linears, which its sessions share.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kernels/packed_linear.h"

namespace ortembed::ort {

// Packed once, when a session first needs them, and kept to the end. Thread-safe.
class PackedLinears {
 public:
  using Linear = std::shared_ptr<const kernels::PackedLinear>;

  // The one of that name, made by `pack` where it is not there yet. A name stands for the same weights in every
  // session of the model: it is made of those that the model's file has for them.
  Linear get(const std::string& name, const std::function<Linear()>& pack);
  std::vector<Linear> all() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Linear> linears_;
};

}  // namespace ortembed::ort
