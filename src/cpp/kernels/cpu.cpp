// Owns what this machine's CPU can do, and what was compiled for it.
#include "kernels/cpu.h"

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#define ORTEMBED_X86
#ifdef _MSC_VER
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#elif defined(__aarch64__)
#define ORTEMBED_AARCH64
#if defined(__linux__)
#include <sys/auxv.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(_WIN32)
#include <windows.h>
#endif
#endif

namespace ortembed::kernels {
namespace {

#ifdef ORTEMBED_X86

struct Registers {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
  Registers result;
#ifdef _MSC_VER
  int values[4];
  __cpuid(values, 0);
  if (static_cast<std::uint32_t>(values[0]) < leaf) return result;
  __cpuidex(values, static_cast<int>(leaf), static_cast<int>(subleaf));
  result = {static_cast<std::uint32_t>(values[0]), static_cast<std::uint32_t>(values[1]),
            static_cast<std::uint32_t>(values[2]), static_cast<std::uint32_t>(values[3])};
#else
  __get_cpuid_count(leaf, subleaf, &result.eax, &result.ebx, &result.ecx, &result.edx);
#endif
  return result;
}

// XCR0: the registers that the system saves when it changes threads.
std::uint64_t saved_registers() {
#ifdef _MSC_VER
  return _xgetbv(0);
#else
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<std::uint64_t>(high) << 32U) | low;
#endif
}

bool bit(std::uint32_t value, unsigned index) { return (value >> index & 1U) != 0; }

// Bits as in Intel's manual, volume 2, CPUID.
struct Features {
  bool avx2 = false, avx_vnni = false, avx512 = false, avx512_vnni = false, avx512_bf16 = false;

  Features() {
    const Registers base = cpuid(1, 0);
    const Registers extended = cpuid(7, 0);
    const Registers more = cpuid(7, 1);
    const bool has_saving = bit(base.ecx, 27);
    const std::uint64_t saved = has_saving ? saved_registers() : 0;
    const bool saves_ymm = (saved & 0x06U) == 0x06U;
    const bool saves_zmm = (saved & 0xe6U) == 0xe6U;
    avx2 = saves_ymm && bit(base.ecx, 12) && bit(base.ecx, 29) && bit(extended.ebx, 5);  // FMA, F16C, AVX2
    avx_vnni = avx2 && bit(more.eax, 4);
    avx512 = avx2 && saves_zmm && bit(extended.ebx, 16) && bit(extended.ebx, 17) && bit(extended.ebx, 30) &&
             bit(extended.ebx, 31);  // F, DQ, BW, VL
    avx512_vnni = avx512 && bit(extended.ecx, 11);
    avx512_bf16 = avx512_vnni && bit(more.eax, 5);
  }
};

#elif defined(ORTEMBED_AARCH64)

struct Features {
  bool dot = false, i8mm = false, bf16 = false;

#if defined(__linux__)
  // Bits of the kernel's asm/hwcap.h.
  Features() {
    const unsigned long more = getauxval(AT_HWCAP2);
    dot = (getauxval(AT_HWCAP) >> 20U & 1U) != 0;
    i8mm = (more >> 13U & 1U) != 0;
    bf16 = (more >> 14U & 1U) != 0;
  }
#elif defined(__APPLE__)
  Features()
      : dot(has("hw.optional.arm.FEAT_DotProd")),
        i8mm(has("hw.optional.arm.FEAT_I8MM")),
        bf16(has("hw.optional.arm.FEAT_BF16")) {}

  static bool has(const char* name) {
    int value = 0;
    std::size_t size = sizeof value;
    return sysctlbyname(name, &value, &size, nullptr, 0) == 0 && value != 0;
  }
#elif defined(_WIN32)
  // PF_ARM_V82_DP, PF_ARM_V82_I8MM and PF_ARM_V86_BF16_INSTRUCTIONS_AVAILABLE, which older headers lack.
  Features()
      : dot(IsProcessorFeaturePresent(43) != 0),
        i8mm(IsProcessorFeaturePresent(66) != 0),
        bf16(IsProcessorFeaturePresent(68) != 0) {}
#endif
};

#endif

}  // namespace

bool cpu_has(Isa isa) {
  if (isa == Isa::plain) return true;
#ifdef ORTEMBED_X86
  static const Features features;
  if (isa == Isa::avx2) return features.avx2;
  if (isa == Isa::avx512) return features.avx512;
  if (isa == Isa::avx_vnni) return features.avx_vnni;
  if (isa == Isa::avx512_vnni) return features.avx512_vnni;
  if (isa == Isa::avx512_bf16) return features.avx512_bf16;
#elif defined(ORTEMBED_AARCH64)
  static const Features features;
  if (isa == Isa::neon_dot) return features.dot;
  if (isa == Isa::neon_i8mm) return features.dot && features.i8mm && features.bf16;
#endif
  return false;
}

}  // namespace ortembed::kernels
