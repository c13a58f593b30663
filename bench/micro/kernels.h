// Owns the loops that are timed: dot products in registers, and reading memory, in the widest instructions there are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace roofline {

// Independent sums: as many as latency times throughput of the instructions at least, and room for what is between.
#if defined(__AVX512F__) || defined(__ARM_NEON)
constexpr int kSums = 16;
#else
constexpr int kSums = 12;
#endif

// Makes the compiler take a register's value for unknown, at no instruction, so that nothing is computed just once.
template <typename Vector>
inline void forget(Vector& value) {
#if defined(__x86_64__)
  asm volatile("" : "+v"(value));
#elif defined(__aarch64__)
  asm volatile("" : "+w"(value));
#else
  asm volatile("" : "+m"(value));
#endif
}

// A dot instruction: its operands' types, the operations of one step (a multiplication and an addition are two), and
// the step itself. Where GCC 12 knows only an intrinsic that gives a new sum, it copies every sum to and fro, or
// keeps it on the stack, and half of the rate is lost: those instructions are written out.
#if defined(__AVX512F__)
struct Float32 {
  using Operand = __m512;
  using Sum = __m512;
  static constexpr const char* name = "AVX-512 vfmadd";
  static constexpr int operations = 32;
  static Sum step(Sum sum, Operand a, Operand b) { return _mm512_fmadd_ps(a, b, sum); }
};
#elif defined(__FMA__)
struct Float32 {
  using Operand = __m256;
  using Sum = __m256;
  static constexpr const char* name = "AVX2 vfmadd";
  static constexpr int operations = 16;
  static Sum step(Sum sum, Operand a, Operand b) { return _mm256_fmadd_ps(a, b, sum); }
};
#elif defined(__ARM_NEON)
struct Float32 {
  using Operand = float32x4_t;
  using Sum = float32x4_t;
  static constexpr const char* name = "NEON fmla";
  static constexpr int operations = 8;
  static Sum step(Sum sum, Operand a, Operand b) { return vfmaq_f32(sum, a, b); }
};
#else
struct Float32 {
  typedef float Operand __attribute__((vector_size(16)));
  using Sum = Operand;
  static constexpr const char* name = "multiply and add, 16 bytes";
  static constexpr int operations = 8;
  static Sum step(Sum sum, Operand a, Operand b) { return sum + a * b; }
};
#endif

#if defined(__AVX512VNNI__)
struct Int8 {
  using Operand = __m512i;
  using Sum = __m512i;
  static constexpr const char* name = "AVX-512 vpdpbusd";
  static constexpr int operations = 128;
  static Sum step(Sum sum, Operand a, Operand b) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
  }
};
#elif defined(__AVXVNNI__)
struct Int8 {
  using Operand = __m256i;
  using Sum = __m256i;
  static constexpr const char* name = "AVX vpdpbusd";
  static constexpr int operations = 64;
  static Sum step(Sum sum, Operand a, Operand b) {
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
    return sum;
  }
};
#elif defined(__AVX512BW__)
struct Int8 {
  using Operand = __m512i;
  using Sum = __m512i;
  static constexpr const char* name = "AVX-512 vpmaddubsw, vpmaddwd, vpaddd";
  static constexpr int operations = 128;
  static Sum step(Sum sum, Operand a, Operand b) {
    const __m512i pairs = _mm512_madd_epi16(_mm512_maddubs_epi16(a, b), _mm512_set1_epi16(1));
    asm("vpaddd %1, %0, %0" : "+v"(sum) : "v"(pairs));
    return sum;
  }
};
#elif defined(__AVX2__)
struct Int8 {
  using Operand = __m256i;
  using Sum = __m256i;
  static constexpr const char* name = "AVX2 vpmaddubsw, vpmaddwd, vpaddd";
  static constexpr int operations = 64;
  static Sum step(Sum sum, Operand a, Operand b) {
    const __m256i pairs = _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), _mm256_set1_epi16(1));
    asm("vpaddd %1, %0, %0" : "+x"(sum) : "x"(pairs));
    return sum;
  }
};
#elif defined(__ARM_FEATURE_MATMUL_INT8)
struct Int8 {
  using Operand = int8x16_t;
  using Sum = int32x4_t;
  static constexpr const char* name = "NEON smmla";
  static constexpr int operations = 64;
  static Sum step(Sum sum, Operand a, Operand b) { return vmmlaq_s32(sum, a, b); }
};
#elif defined(__ARM_FEATURE_DOTPROD)
struct Int8 {
  using Operand = int8x16_t;
  using Sum = int32x4_t;
  static constexpr const char* name = "NEON sdot";
  static constexpr int operations = 32;
  static Sum step(Sum sum, Operand a, Operand b) { return vdotq_s32(sum, a, b); }
};
#else
struct Int8 {
  typedef std::int16_t Operand __attribute__((vector_size(16)));
  using Sum = Operand;
  static constexpr const char* name = "multiply and add in 16 bits, 16 bytes";
  static constexpr int operations = 16;
  static Sum step(Sum sum, Operand a, Operand b) { return sum + a * b; }
};
#endif

#if defined(__AVX512BF16__)
#define ROOFLINE_BFLOAT16
struct Bfloat16 {
  using Operand = __m512i;
  using Sum = __m512;
  static constexpr const char* name = "AVX-512 vdpbf16ps";
  static constexpr int operations = 64;
  static Sum step(Sum sum, Operand a, Operand b) {
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
  }
};
#elif defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
#define ROOFLINE_BFLOAT16
struct Bfloat16 {
  using Operand = bfloat16x8_t;
  using Sum = float32x4_t;
  static constexpr const char* name = "NEON bfmmla";
  static constexpr int operations = 32;
  static Sum step(Sum sum, Operand a, Operand b) { return vbfmmlaq_f32(sum, a, b); }
};
#endif

// One step of each sum. Indices are constants from the start: compilers keep a looped-over array on the stack.
template <typename Dot, std::size_t... Index>
inline void multiply_once(typename Dot::Sum (&sums)[sizeof...(Index)], typename Dot::Operand& a,
                          const typename Dot::Operand& b, std::index_sequence<Index...>) {
  ((forget(a), sums[Index] = Dot::step(sums[Index], a, b)), ...);
}

// Runs a dot instruction in `rounds` rounds over independent sums; gives the operations done.
template <typename Dot>
double multiply(std::size_t rounds) {
  typename Dot::Operand a{};
  typename Dot::Operand b{};
  typename Dot::Sum sums[kSums]{};
  forget(b);
  for (std::size_t round = 0; round < rounds; ++round) {
    multiply_once<Dot>(sums, a, b, std::make_index_sequence<kSums>());
  }
  for (auto& sum : sums) forget(sum);
  return static_cast<double>(rounds) * kSums * Dot::operations;
}

#if defined(__AVX512F__)
typedef std::uint64_t Line __attribute__((vector_size(64)));
#elif defined(__AVX2__)
typedef std::uint64_t Line __attribute__((vector_size(32)));
#else
typedef std::uint64_t Line __attribute__((vector_size(16)));
#endif

constexpr std::size_t kReadAtOnce = 8 * sizeof(Line);

// Reads `size` bytes, a multiple of kReadAtOnce, in order.
inline void read(const std::byte* data, std::size_t size) {
  Line sums[8] = {};
  for (const std::byte* end = data + size; data < end; data += kReadAtOnce) {
    const Line* lines = reinterpret_cast<const Line*>(data);
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) sums[i] ^= lines[i];
  }
  for (auto& sum : sums) forget(sum);
}

}  // namespace roofline
