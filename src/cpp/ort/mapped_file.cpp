// Owns a file that is mapped for reading.
#include "ort/mapped_file.h"

#include <cstdint>
#include <utility>

#ifdef _WIN32
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace ortembed::ort {
namespace {

#ifdef _WIN32
std::span<const std::byte> map(const std::filesystem::path& path) {
  const HANDLE file = CreateFileW(path.c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING,
                                  FILE_ATTRIBUTE_NORMAL, nullptr);
  if (file == INVALID_HANDLE_VALUE) return {};
  LARGE_INTEGER size{};
  const HANDLE mapping =
      GetFileSizeEx(file, &size) ? CreateFileMappingW(file, nullptr, PAGE_READONLY, 0, 0, nullptr) : nullptr;
  CloseHandle(file);
  if (mapping == nullptr) return {};
  const void* data = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0);
  CloseHandle(mapping);  // the view keeps it
  if (data == nullptr) return {};
  return {static_cast<const std::byte*>(data), static_cast<std::size_t>(size.QuadPart)};
}

void unmap(std::span<const std::byte> bytes) { UnmapViewOfFile(bytes.data()); }

void forget(std::span<const std::byte>) {}
#else
void* writable(std::span<const std::byte> bytes) { return const_cast<std::byte*>(bytes.data()); }

std::span<const std::byte> map(const std::filesystem::path& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return {};
  struct stat facts{};
  void* data = MAP_FAILED;
  if (fstat(file, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0) {
    data = mmap(nullptr, static_cast<std::size_t>(facts.st_size), PROT_READ, MAP_SHARED, file, 0);
  }
  close(file);  // the mapping keeps it
  if (data == MAP_FAILED) return {};
  return {static_cast<const std::byte*>(data), static_cast<std::size_t>(facts.st_size)};
}

void unmap(std::span<const std::byte> bytes) { munmap(writable(bytes), bytes.size()); }

void forget(std::span<const std::byte> bytes) { madvise(writable(bytes), bytes.size(), MADV_DONTNEED); }
#endif

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : bytes_(map(path)) {}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) unmap(bytes_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

void MappedFile::forget_pages() const {
  if (!bytes_.empty()) forget(bytes_);
}

}  // namespace ortembed::ort
