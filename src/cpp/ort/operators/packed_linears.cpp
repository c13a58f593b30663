// Owns the packed weights of a model's linears, which its sessions share.
#include "ort/operators/packed_linears.h"

namespace ortembed::ort {

PackedLinears::Linear PackedLinears::get(const Names& names, const std::function<Linear()>& pack) {
  const std::lock_guard lock(mutex_);
  auto found = linears_.find(names);
  if (found == linears_.end()) {
    found = linears_.emplace(names, pack()).first;
  }
  return found->second;
}

std::vector<PackedLinears::Linear> PackedLinears::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<Linear> linears;
  for (const auto& [names, linear] : linears_) linears.push_back(linear);
  return linears;
}

}  // namespace ortembed::ort
