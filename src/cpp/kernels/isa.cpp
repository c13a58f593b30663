// Owns the list of instruction sets that there are kernels for, and the choice among them.
#include "kernels/isa.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "kernels/cpu.h"

namespace ortembed::kernels {
namespace {

constexpr auto variable = "ORTEMBED_ISA";

// Slowest first. AVX-VNNI is behind AVX-512 without VNNI: one instruction a product, where that needs three over
// vectors twice as wide.
constexpr std::array names{
    std::pair{Isa::plain, std::string_view("plain")},
    std::pair{Isa::avx2, std::string_view("avx2")},
    std::pair{Isa::avx512, std::string_view("avx512")},
    std::pair{Isa::avx_vnni, std::string_view("avx_vnni")},
    std::pair{Isa::avx512_vnni, std::string_view("avx512_vnni")},
    std::pair{Isa::avx512_bf16, std::string_view("avx512_bf16")},
    std::pair{Isa::neon_dot, std::string_view("neon_dot")},
    std::pair{Isa::neon_i8mm, std::string_view("neon_i8mm")},
};

std::vector<Isa> find_available() {
  std::vector<Isa> found;
  for (const auto& [isa, name] : names) {
    if (is_compiled_in(isa) && cpu_has(isa)) found.insert(found.begin(), isa);
  }
  return found;
}

Isa choose() {
  const auto available = available_isas();
  const char* wanted = std::getenv(variable);
  if (wanted == nullptr || *wanted == '\0') return available.front();
  const auto found = std::ranges::find(available, std::string_view(wanted), &name);
  if (found != available.end()) return *found;
  std::string choices;
  for (const Isa isa : available) choices += (choices.empty() ? "" : ", ") + std::string(name(isa));
  throw Error(ErrorCode::invalid_input,
              std::string(variable) + " is '" + wanted + "'; this machine and build have " + choices);
}

}  // namespace

std::string_view name(Isa isa) {
  return std::ranges::find(names, isa, [](const auto& entry) { return entry.first; })->second;
}

std::span<const Isa> available_isas() {
  static const std::vector<Isa> available = find_available();
  return available;
}

Isa chosen_isa() {
  static const Isa chosen = choose();
  return chosen;
}

}  // namespace ortembed::kernels
