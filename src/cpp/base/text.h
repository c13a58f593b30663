// Owns the form in which paths appear in messages.
#pragma once

#include <filesystem>
#include <string>

namespace ortembed {

// path::string() throws on Windows for a name outside the system's code page.
inline std::string utf8(const std::filesystem::path& path) {
  const auto text = path.u8string();
  return {text.begin(), text.end()};
}

}  // namespace ortembed
