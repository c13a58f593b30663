// Owns the measurement of this machine's peaks: dot products and reading, on one core and on several. Prints JSON.
// Arguments: threads, then sizes in bytes to read.
#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "kernels.h"

namespace roofline {
namespace {

constexpr int kTrials = 60;
constexpr double kTrialSeconds = 0.004;  // well below a scheduler's slice, so that some trials run undisturbed

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Does a job of `amount` rounds on each thread and gives the best rate of all threads together, over many trials.
// The job is called with the thread's number and the rounds, and gives the operations or bytes done.
template <typename Job>
double best_rate(int threads, std::size_t rounds, const Job& job) {
  std::vector<double> rates(threads);
  double best = 0;
  std::barrier together(threads, [&]() noexcept {
    double total = 0;
    for (const double rate : rates) total += rate;
    best = std::max(best, total);
  });
  const auto work = [&](int thread) {
    for (int trial = 0; trial < kTrials; ++trial) {
      const double start = seconds();
      const double done = job(thread, rounds);
      rates[thread] = done / (seconds() - start);
      together.arrive_and_wait();
    }
  };
  std::vector<std::thread> others;
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(work, thread);
  work(0);
  for (auto& other : others) other.join();
  return best / 1e9;
}

// Gives the rounds that fill a trial.
template <typename Job>
std::size_t enough_rounds(const Job& job) {
  for (std::size_t rounds = 1;; rounds *= 2) {
    const double start = seconds();
    job(0, rounds);
    if (seconds() - start >= kTrialSeconds / 2) return rounds;
  }
}

template <typename Job>
void print_rates(const Job& job, int threads) {
  const std::size_t rounds = enough_rounds(job);
  const double one = best_rate(1, rounds, job);
  std::printf("{\"one\": %.2f, \"all\": %.2f", one, threads > 1 ? best_rate(threads, rounds, job) : one);
}

template <typename Dot>
void print_dot(const char* type, int threads) {
  std::printf(" \"%s\": ", type);
  print_rates([](int, std::size_t rounds) { return multiply<Dot>(rounds); }, threads);
  std::printf(", \"instruction\": \"%s\"},\n", Dot::name);
}

// Each thread reads its own part of `size` bytes, over and over: as a product reads its weights.
void print_read(std::size_t size, int threads, bool is_last) {
  constexpr std::size_t page = 4096;
  const std::size_t allocated = (size + page - 1) / page * page;
  const std::unique_ptr<std::byte, decltype(&std::free)> data(
      static_cast<std::byte*>(std::aligned_alloc(page, allocated)), &std::free);
  if (!data) std::exit((std::fprintf(stderr, "no memory for %zu bytes\n", size), 1));
  std::memset(data.get(), 1, allocated);
  std::printf("  {\"bytes\": %zu, \"one\": ", size);
  const auto rate = [&](int sharing) {
    const std::size_t part = size / sharing / kReadAtOnce * kReadAtOnce;
    const auto job = [&, part](int thread, std::size_t rounds) {
      for (std::size_t round = 0; round < rounds; ++round) read(data.get() + thread * part, part);
      return static_cast<double>(rounds) * static_cast<double>(part);
    };
    return best_rate(sharing, enough_rounds(job), job);
  };
  const double one = rate(1);
  std::printf("%.2f, \"all\": %.2f}%s\n", one, threads > 1 ? rate(threads) : one, is_last ? "" : ",");
}

}  // namespace
}  // namespace roofline

int main(int count, char** arguments) {
  using namespace roofline;
  const int threads = count > 1 ? std::atoi(arguments[1]) : 1;
  if (threads < 1) return std::fprintf(stderr, "usage: roofline THREADS [BYTES...]\n"), 2;
  std::printf("{\"threads\": %d,\n", threads);
  print_dot<Float32>("float32", threads);
  print_dot<Int8>("int8", threads);
#ifdef ROOFLINE_BFLOAT16
  print_dot<Bfloat16>("bfloat16", threads);
#endif
  std::printf(" \"read\": [\n");
  for (int i = 2; i < count; ++i) print_read(std::strtoull(arguments[i], nullptr, 10), threads, i + 1 == count);
  std::printf("]}\n");
}
