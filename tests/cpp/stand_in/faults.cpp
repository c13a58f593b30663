// Owns reading STAND_IN_FAULT.
#include "faults.h"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <vector>

#include "real_runtime.h"

namespace ortembed::stand_in {
namespace {

struct Bucket {
  long batch = 0;
  long sequence = 0;
};

struct Entry {
  Fault fault;
  std::optional<Bucket> bucket;
};

Fault fault_named(const std::string& name) {
#define STAND_IN_FAULT(enumerator, text) \
  if (name == text) return Fault::enumerator;
  STAND_IN_FAULTS(STAND_IN_FAULT)
#undef STAND_IN_FAULT
  die("STAND_IN_FAULT has an unknown fault: " + name);
}

Entry parse(const std::string& text) {
  const auto at = text.find('@');
  Entry entry{fault_named(text.substr(0, at)), std::nullopt};
  if (at == std::string::npos) return entry;
  Bucket bucket;
  int length = 0;
  const std::string rest = text.substr(at + 1);
  const int read = std::sscanf(rest.c_str(), "%ldx%ld%n", &bucket.batch, &bucket.sequence, &length);
  if (read != 2 || static_cast<std::size_t>(length) != rest.size()) {
    die("STAND_IN_FAULT has an unreadable bucket: " + text);
  }
  entry.bucket = bucket;
  return entry;
}

std::vector<Entry> entries() {
  const char* variable = std::getenv("STAND_IN_FAULT");
  std::vector<Entry> result;
  std::istringstream stream(variable == nullptr ? "" : variable);
  for (std::string text; std::getline(stream, text, ',');) result.push_back(parse(text));
  return result;
}

bool is_in(const Dimensions& dimensions, const Bucket& bucket) {
  const auto batch = dimensions.find("batch");
  const auto sequence = dimensions.find("sequence");
  return batch != dimensions.end() && sequence != dimensions.end() && batch->second == bucket.batch &&
         sequence->second == bucket.sequence;
}

}  // namespace

bool has_fault(Fault fault, const Dimensions& dimensions) {
  bool found = false;
  for (const Entry& entry : entries()) {
    found |= entry.fault == fault && (!entry.bucket || is_in(dimensions, *entry.bucket));
  }
  return found;
}

}  // namespace ortembed::stand_in
