// Owns reading protobuf's wire format, field by field, over memory that is not copied.
#include "ort/wire_format.h"

namespace ortembed::ort {

bool WireReader::next() {
  if (rest_.empty()) return false;
  const std::uint64_t tag = take_number();
  field_ = static_cast<std::uint32_t>(tag >> 3);
  number_ = 0;
  bytes_ = {};
  switch (tag & 7) {
    case 0:
      number_ = take_number();
      return true;
    case 1:
      take(8);
      return true;
    case 2:
      bytes_ = take(take_number());
      return true;
    case 5:
      take(4);
      return true;
    default:
      throw MalformedMessage();
  }
}

std::uint64_t WireReader::take_number() {
  std::uint64_t number = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = std::to_integer<std::uint64_t>(take(1)[0]);
    number |= (byte & 127) << shift;
    if (byte < 128) return number;
  }
  throw MalformedMessage();
}

std::span<const std::byte> WireReader::take(std::uint64_t size) {
  if (size > rest_.size()) throw MalformedMessage();
  const auto taken = rest_.first(static_cast<std::size_t>(size));
  rest_ = rest_.subspan(static_cast<std::size_t>(size));
  return taken;
}

}  // namespace ortembed::ort
