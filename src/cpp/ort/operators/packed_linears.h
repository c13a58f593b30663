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

  // Of all that a linear is made of, as the model has them: in a model of one graph they stand for the same weights
  // in every session.
  using Names = std::vector<std::string>;

  // The one of those names, made by `pack` where it is not there yet.
  Linear get(const Names& names, const std::function<Linear()>& pack);
  std::vector<Linear> all() const;

 private:
  mutable std::mutex mutex_;
  std::map<Names, Linear> linears_;
};

}  // namespace ortembed::ort
