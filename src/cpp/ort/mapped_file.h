// Owns a file that is mapped for reading.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace ortembed::ort {

class MappedFile {
 public:
  // Maps nothing when the file is missing, empty or cannot be read.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  // Takes the pages out of this process's resident memory; reading brings them back.
  void forget_pages() const;

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace ortembed::ort
