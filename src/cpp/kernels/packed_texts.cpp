// Owns texts packed end to end: where each begins, checked.
#include "kernels/packed_texts.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace ortembed::kernels {

PackedTexts::PackedTexts(std::span<const std::int64_t> offsets, std::int64_t tokens) {
  const auto fail = [](const std::string& message) { throw Error(ErrorCode::inference, message); };
  if (offsets.empty()) fail("offsets are empty; they begin with 0");
  starts_.reserve(offsets.size());
  std::int64_t last = 0;
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    const std::int64_t offset = offsets[i];
    if (offset < last || offset > tokens || (i == 0 && offset != 0)) {
      fail("offsets[" + std::to_string(i) + "] is " + std::to_string(offset) + "; offsets go from 0 to the " +
           std::to_string(tokens) + " ids and never fall");
    }
    longest_ = std::max(longest_, static_cast<std::size_t>(offset - last));
    starts_.push_back(static_cast<std::size_t>(offset));
    last = offset;
  }
  if (last != tokens) {
    fail("offsets end at " + std::to_string(last) + ", and there are " + std::to_string(tokens) + " ids");
  }
}

}  // namespace ortembed::kernels
