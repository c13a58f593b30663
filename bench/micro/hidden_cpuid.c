// Answers a library's questions about the processor as an older one would; preloaded by bench.without_vnni.
//
// In the library's copy the first byte of each cpuid is ASKS, and of each instruction that the older processor lacks
// LACKS: bytes that are illegal in 64-bit code, so that both end up here. Compiled with KEEP_AVX512 it is a processor
// with the first AVX-512 (F, CD, DQ, BW, VL), else one with AVX2.

#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum { ASKS = 0x06, LACKS = 0x07, CPUID_SECOND = 0xa2, CPUID_LENGTH = 2, FEATURES = 7 };

#define BIT(n) (1u << (n))

// Of leaf 7, subleaf 0.
#define FIRST_AVX512 (BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31))  // EBX: F, DQ, CD, BW, VL
#define LATER_EBX (BIT(21) | BIT(26) | BIT(27))                         // IFMA, PF, ER
#define LATER_ECX (BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14))       // VBMI, VBMI2, VNNI, BITALG, VPOPCNTDQ
#define LATER_EDX (BIT(2) | BIT(3) | BIT(8) | BIT(22) | BIT(23) | BIT(24) | BIT(25))  // 4VNNIW ... FP16, AMX
// Of leaf 7, subleaf 1.
#define NEWER_EAX (BIT(4) | BIT(5) | BIT(21) | BIT(23))           // AVX-VNNI, AVX-512 BF16, AMX FP16, AVX-IFMA
#define NEWER_EDX (BIT(4) | BIT(5) | BIT(8) | BIT(10) | BIT(19))  // AVX-VNNI INT8, NE-CONVERT, AMX, INT16, AVX10

typedef struct {
  unsigned eax, ebx, ecx, edx;
} Answer;

static Answer ask(unsigned leaf, unsigned subleaf) {
  Answer found;
  __cpuid_count(leaf, subleaf, found.eax, found.ebx, found.ecx, found.edx);
  if (leaf == FEATURES && subleaf == 0) {
#ifndef KEEP_AVX512
    found.ebx &= ~FIRST_AVX512;
#endif
    found.ebx &= ~LATER_EBX;
    found.ecx &= ~LATER_ECX;
    found.edx &= ~LATER_EDX;
  } else if (leaf == FEATURES && subleaf == 1) {
    found.eax &= ~NEWER_EAX;
    found.edx &= ~NEWER_EDX;
  }
  return found;
}

static void die_of(const char* what) {
  ssize_t written = write(STDERR_FILENO, what, strlen(what));
  (void)written;
  signal(SIGILL, SIG_DFL);  // the instruction runs again, and ends the process
}

static void on_illegal(int number, siginfo_t* info, void* context) {
  (void)number;
  (void)info;
  greg_t* registers = ((ucontext_t*)context)->uc_mcontext.gregs;
  const unsigned char* code = (const unsigned char*)registers[REG_RIP];
  if (code[0] == ASKS && code[1] == CPUID_SECOND) {
    Answer found = ask((unsigned)registers[REG_RAX], (unsigned)registers[REG_RCX]);
    registers[REG_RAX] = found.eax;
    registers[REG_RBX] = found.ebx;
    registers[REG_RCX] = found.ecx;
    registers[REG_RDX] = found.edx;
    registers[REG_RIP] += CPUID_LENGTH;
  } else if (code[0] == LACKS) {
    die_of("an instruction ran that was to be hidden\n");
  } else {
    die_of("an illegal instruction, none that was hidden\n");
  }
}

__attribute__((constructor)) static void install(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_illegal;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &action, NULL);
}
