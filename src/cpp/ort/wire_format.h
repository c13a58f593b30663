// Owns reading protobuf's wire format, field by field, over memory that is not copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>

namespace ortembed::ort {

// The bytes are no protobuf message.
class MalformedMessage : public std::runtime_error {
 public:
  MalformedMessage() : std::runtime_error("malformed protobuf message") {}
};

// The fields of one message, in the order in which they lie. Numbers and lengths are checked against the bytes
// that are there; what fails a check throws MalformedMessage.
class WireReader {
 public:
  explicit WireReader(std::span<const std::byte> message) : rest_(message) {}

  // Goes to the next field; false at the end.
  bool next();
  std::uint32_t field() const { return field_; }
  // Of a field that is a number, else 0.
  std::uint64_t number() const { return number_; }
  // Of a field that is text, bytes or a message, else empty.
  std::span<const std::byte> bytes() const { return bytes_; }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }

  // One number from the bytes of a packed list; only where the rest is not empty.
  std::uint64_t take_number();
  bool empty() const { return rest_.empty(); }

 private:
  std::span<const std::byte> take(std::uint64_t size);

  std::span<const std::byte> rest_;
  std::uint32_t field_ = 0;
  std::uint64_t number_ = 0;
  std::span<const std::byte> bytes_;
};

}  // namespace ortembed::ort
