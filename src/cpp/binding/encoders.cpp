// Owns the encoder of an engine as Python asks for it: on which providers, in which shapes, and what became of them.
#include "binding/encoders.h"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>

#include <stdexcept>

#include "base/error.h"
#include "binding/gil.h"

namespace nb = nanobind;

namespace ortembed {
namespace {

ort::SessionSettings session_settings(const EncoderRequest& request) {
  ort::SessionSettings settings{.threads = request.threads};
  for (const auto& [name, options] : request.providers) settings.providers.push_back({name, options});
  return settings;
}

// The function that Python is given to make a bucket's session, good for as long as the bucket is being opened.
class Maker {
 public:
  explicit Maker(const BucketEncoder::Make& make) : make_(std::make_shared<const BucketEncoder::Make*>(&make)) {}
  ~Maker() { *make_ = nullptr; }  // with the GIL held, as all that looks at it
  Maker(const Maker&) = delete;
  Maker& operator=(const Maker&) = delete;

  nb::object function() const {
    const auto call = [make = make_](const std::optional<std::filesystem::path>& folder) {
      if (*make == nullptr) throw std::runtime_error("a bucket is made only while it is being opened");
      const BucketEncoder::Make& function = **make;
      const GilReleased released;
      function(folder.value_or(std::filesystem::path()));
    };
    return nb::cpp_function(call, nb::arg("folder").none());
  }

 private:
  std::shared_ptr<const BucketEncoder::Make*> make_;
};

// Calls Python: it decides where compiled programs are kept, and when to try again. Its exceptions become the
// bucket's failure; what is no Exception, such as KeyboardInterrupt, ends the call.
BucketEncoder::Open opener(const nb::object& callable) {
  return [callable](const BatchShape& shape, const BucketEncoder::Make& make) {
    const nb::gil_scoped_acquire acquired;
    const Maker maker(make);
    try {
      callable(shape.rows, shape.sequence_length, maker.function());
    } catch (const nb::python_error& error) {
      if (!error.matches(PyExc_Exception)) throw;
      throw Error(ErrorCode::provider_unavailable, nb::str(error.value()).c_str());
    }
  };
}

Assignment plain(const std::vector<ort::AssignedPart>& parts) {
  Assignment result;
  for (const ort::AssignedPart& part : parts) result.emplace_back(part.provider, part.operators);
  return result;
}

}  // namespace

NativeEncoder::NativeEncoder(const ort::Runtime& runtime, const EncoderRequest& request,
                             std::optional<EmbeddingTable> embeddings) {
  const ort::SessionSettings settings = session_settings(request);
  if (request.buckets.empty()) {
    const GilReleased released;
    auto made = std::make_unique<OrtEncoder>(runtime, request.model, settings, std::move(embeddings));
    plain_ = made.get();
    owned_ = std::move(made);
    return;
  }
  BucketEncoder::Settings bucket_settings{settings, {}, opener(request.open_bucket), request.may_use_cpu};
  for (const auto& [rows, sequence_length] : request.buckets) {
    bucket_settings.buckets.push_back({rows, sequence_length});
  }
  const GilReleased released;
  auto made =
      std::make_unique<BucketEncoder>(runtime, request.model, std::move(bucket_settings), std::move(embeddings));
  buckets_ = made.get();
  owned_ = std::move(made);
}

Assignment NativeEncoder::assignment() const {
  return plain_ == nullptr ? Assignment{} : plain(plain_->assignment());
}

std::vector<BucketState> NativeEncoder::buckets() const {
  if (buckets_ == nullptr) return {};
  const GilReleased released;  // a bucket in use may be waiting for the GIL
  std::vector<BucketState> result;
  for (const BucketReport& report : buckets_->report()) {
    result.emplace_back(report.shape.rows, report.shape.sequence_length, report.is_open, report.failure,
                        plain(report.assignment));
  }
  return result;
}

}  // namespace ortembed
