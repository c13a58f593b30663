// Owns the entry point that runs a session, and how its outputs are spoiled.
#include <algorithm>
#include <chrono>
#include <limits>
#include <span>
#include <thread>

#include "log.h"
#include "ort/tensor.h"
#include "real_runtime.h"
#include "records.h"
#include "replaced.h"

namespace ortembed::stand_in {
namespace {

// Counts a run as under way, for a scope.
class UnderWay {
 public:
  explicit UnderWay(SessionRecord& session) : session_(session), count_(++session.under_way) {}
  ~UnderWay() { --session_.under_way; }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;

  int count() const { return count_; }  // as it began, this run included

 private:
  SessionRecord& session_;
  int count_;
};

// Turns each pair of neighbours by a right angle, so that vectors keep their length and have a cosine of 0 with what
// they were; means over tokens do too.
void turn(std::span<float> values, std::size_t width) {
  for (std::size_t row = 0; row < values.size(); row += width) {
    for (std::size_t i = row; i < row + width; i += 2) {
      const float value = values[i];
      const bool has_neighbour = i + 1 < row + width;
      values[i] = has_neighbour ? -values[i + 1] : -value;
      if (has_neighbour) values[i + 1] = value;
    }
  }
}

void spoil(OrtValue* output, const Dimensions& dimensions) {
  const auto shape = ort::shape_of(real().api, output);
  if (shape.type != ort::ElementType::float32) return;
  std::size_t size = 1;
  for (const std::int64_t extent : shape.dimensions) size *= static_cast<std::size_t>(extent);
  if (size == 0) return;
  void* data = nullptr;
  if (Status failed{real().api.GetTensorMutableData(output, &data)}) die("cannot read an output");
  const std::span values(static_cast<float*>(data), size);
  const std::size_t width = shape.dimensions.empty() ? 1 : static_cast<std::size_t>(shape.dimensions.back());
  if (has_fault(Fault::zeros, dimensions)) std::ranges::fill(values, 0.0F);
  if (has_fault(Fault::nan, dimensions)) values[std::min(width, size - 1)] = std::numeric_limits<float>::quiet_NaN();
  if (has_fault(Fault::wrong, dimensions)) turn(values, width);
}

std::vector<std::vector<std::int64_t>> shapes(std::span<const OrtValue* const> inputs) {
  std::vector<std::vector<std::int64_t>> result;
  for (const OrtValue* input : inputs) result.push_back(ort::shape_of(real().api, input).dimensions);
  return result;
}

}  // namespace

OrtStatus* replaced::Run(OrtSession* session, const OrtRunOptions* options, const char* const* input_names,
                         const OrtValue* const* inputs, std::size_t input_count, const char* const* output_names,
                         std::size_t output_count, OrtValue** outputs) noexcept {
  const auto record = session_records().find(session);
  const UnderWay under_way(*record);
  Event event("run");
  event.add("id", record->id).add("coreml", record->coreml);
  event.add("shapes", shapes({inputs, input_count})).add("concurrent", under_way.count());
  const Dimensions& dimensions = record->dimensions;
  if (has_fault(record->coreml ? Fault::slow : Fault::slow_cpu, dimensions)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  Status failed(
      record->coreml && has_fault(Fault::run, dimensions)
          ? error_status("the fault run")
          : real().api.Run(session, options, input_names, inputs, input_count, output_names, output_count, outputs));
  event.add("ok", failed == nullptr);
  if (!failed && record->coreml) {
    for (OrtValue* output : std::span(outputs, output_count)) spoil(output, dimensions);
  }
  return failed.release();
}

}  // namespace ortembed::stand_in
