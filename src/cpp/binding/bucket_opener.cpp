// Owns the call into Python that opens a bucket: there it is decided where compiled programs are kept.
#include "binding/bucket_opener.h"

#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "base/error.h"
#include "binding/errors.h"
#include "binding/gil.h"

namespace nb = nanobind;

namespace ortembed {
namespace {

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

// With the GIL held. A frame without destructors around the call, since the interpreter's end may unwind through it.
PyObject* call_or_wait(PyObject* callable, PyObject* rows, PyObject* tokens, PyObject* make) {
  return or_wait_for_exit([&] { return PyObject_CallFunctionObjArgs(callable, rows, tokens, make, nullptr); });
}

void open(const nb::object& callable, const BatchShape& shape, const BucketEncoder::Make& make) {
  const Maker maker(make);
  const nb::int_ rows(shape.rows);
  const nb::int_ tokens(shape.sequence_length);
  const nb::object function = maker.function();
  PyObject* result = call_or_wait(callable.ptr(), rows.ptr(), tokens.ptr(), function.ptr());
  Py_XDECREF(result);
  if (result != nullptr) return;
  const nb::python_error error;
  if (!error.matches(PyExc_Exception)) throw error;
  throw Error(ErrorCode::provider_unavailable, text_of(error.value()));
}

}  // namespace

BucketEncoder::Open python_opener(nb::object callable) {
  const auto release = [](nb::object* object) {
    const nb::gil_scoped_acquire acquired;
    delete object;
  };
  const std::shared_ptr<nb::object> shared(new nb::object(std::move(callable)), release);
  return [shared](const BatchShape& shape, const BucketEncoder::Make& make) {
    // Not a scope, whose destructor would give up a lock that the end of the interpreter has taken away.
    const PyGILState_STATE state = or_wait_for_exit([] { return PyGILState_Ensure(); });
    try {
      open(*shared, shape, make);
    } catch (...) {
      PyGILState_Release(state);
      throw;
    }
    PyGILState_Release(state);
  };
}

}  // namespace ortembed
