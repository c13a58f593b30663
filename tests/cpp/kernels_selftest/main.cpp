// Owns the kernels' stand-alone test: without Python or ONNX Runtime, so that it runs wherever a compiler reaches.
//
// kernels_selftest            lists the instruction sets that there are
// kernels_selftest ISA [N]    runs each check on N random shapes with the kernels of that one, 100 unless told
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "check.h"
#include "kernels/isa.h"

void ortembed::selftest::expect_near(double actual, double expected, double bound, std::size_t row,
                                     std::size_t column) {
  if (std::abs(actual - expected) <= bound) return;
  char message[200];
  std::snprintf(message, sizeof message, "[%zu, %zu] is %.9g, and should be %.9g within %.3g", row, column, actual,
                expected, bound);
  throw std::runtime_error(message);
}

namespace {

using ortembed::kernels::KernelTable;
using ortembed::selftest::Random;

struct Check {
  const char* name;
  void (*run)(const KernelTable&, Random&);
};

constexpr Check checks[] = {
    {"quantize", ortembed::selftest::check_quantize}, {"int8", ortembed::selftest::check_int8},
    {"bfloat16", ortembed::selftest::check_bfloat16}, {"norm", ortembed::selftest::check_norm},
    {"gate", ortembed::selftest::check_gate},         {"attention", ortembed::selftest::check_attention},
    {"hostile", ortembed::selftest::check_hostile},   {"layer", ortembed::selftest::check_layer},
};

// 0 where all shapes pass. A shape depends on its number alone, so a failure comes again.
int run(const KernelTable& table, unsigned shapes) {
  for (const Check& check : checks) {
    for (unsigned shape = 0; shape < shapes; ++shape) {
      try {
        Random random(shape);
        check.run(table, random);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s, shape %u: %s\n", check.name, shape, error.what());
        return 1;
      }
    }
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const unsigned shapes = count > 2 ? static_cast<unsigned>(std::atoi(arguments[2])) : 100;
  for (const auto isa : ortembed::kernels::available_isas()) {
    const std::string name(ortembed::kernels::name(isa));
    if (count < 2) {
      std::puts(name.c_str());
    } else if (name == arguments[1]) {
      return run(ortembed::kernels::kernels_of(isa), shapes);
    }
  }
  if (count < 2) return 0;
  std::fprintf(stderr, "%s: not available\n", arguments[1]);
  return 2;
}
