// Owns the memory of what a file was, so that it can be told whether it is the same still.
#pragma once

#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>

namespace ortembed {

class FileState {
 public:
  explicit FileState(std::filesystem::path path) : path_(std::move(path)) { read(size_, written_); }

  // False too where the file is gone.
  bool is_unchanged() const {
    std::uintmax_t size = 0;
    std::filesystem::file_time_type written;
    return read(size, written) && size == size_ && written == written_;
  }

 private:
  bool read(std::uintmax_t& size, std::filesystem::file_time_type& written) const {
    std::error_code error;
    size = std::filesystem::file_size(path_, error);
    if (!error) written = std::filesystem::last_write_time(path_, error);
    return !error;
  }

  std::filesystem::path path_;
  std::uintmax_t size_ = 0;
  std::filesystem::file_time_type written_;
};

}  // namespace ortembed
