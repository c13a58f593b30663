// Owns the table that pairs each error code with its Python class.
#include "binding/errors.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/error.h"

namespace nb = nanobind;

namespace ortembed {
namespace {

struct ErrorClass {
  ErrorCode code;
  const char* name;
  const char* doc;
  PyObject** also;  // a built-in class that it derives from too, or null
};

const std::array error_classes{
    ErrorClass{ErrorCode::invalid_input, "InvalidInputError",
               "A text, id, offset, array or option given by the caller is wrong. Also a ValueError.",
               &PyExc_ValueError},
    ErrorClass{ErrorCode::model_not_found, "ModelNotFoundError",
               "No place that may hold the model has it; the message lists what was tried and why it failed.",
               nullptr},
    ErrorClass{ErrorCode::model_load, "ModelLoadError",
               "The model's files were found and cannot be used; the message names the file and the reason.",
               nullptr},
    ErrorClass{ErrorCode::integrity, "IntegrityError",
               "A file's sha256 is not the one in the model's manifest; the message gives both.", nullptr},
    ErrorClass{ErrorCode::runtime_library, "RuntimeLibraryError",
               "The ONNX Runtime library is missing, too old, or cannot be loaded.", nullptr},
    ErrorClass{
        ErrorCode::provider_unavailable, "ProviderUnavailableError",
        "An execution provider that was asked for is not in this runtime, or cannot run the model rightly here.",
        nullptr},
    ErrorClass{ErrorCode::inference, "InferenceError", "The model failed to run, or gave a value that is not finite.",
               nullptr},
    ErrorClass{ErrorCode::service_unavailable, "ServiceUnavailableError",
               "This embedder cannot make an embedding in this process at this time.", nullptr},
    ErrorClass{ErrorCode::cancelled, "CancelledError", "The call was asked to stop before it was done.", nullptr},
};

// Index as in error_classes. Never released: an error may be raised for as long as the process lives.
std::array<PyObject*, error_classes.size()> python_classes{};

PyObject* make_class(nb::module_& module, const char* name, const char* doc, nb::handle bases) {
  const std::string qualified = std::string("ortembed._native.") + name;
  nb::object made = nb::steal(PyErr_NewExceptionWithDoc(qualified.c_str(), doc, bases.ptr(), nullptr));
  if (!made.is_valid()) throw nb::python_error();
  module.attr(name) = made;
  return made.release().ptr();
}

void translate(const std::exception_ptr& pointer, void*) {
  try {
    std::rethrow_exception(pointer);
  } catch (const Error& error) {
    const auto row = std::ranges::find(error_classes, error.code(), &ErrorClass::code);
    const auto index = static_cast<std::size_t>(row - error_classes.begin());
    // A path or a graph's names may hold any bytes.
    const std::string_view what = error.what();
    const auto size = static_cast<Py_ssize_t>(what.size());
    PyObject* message = PyUnicode_DecodeUTF8(what.data(), size, "backslashreplace");
    if (message == nullptr) return;
    PyErr_SetObject(python_classes.at(index), message);
    Py_DECREF(message);
  }
}

}  // namespace

void register_errors(nb::module_& module) {
  PyObject* base = make_class(module, "OrtembedError", "Base class of every error that ortembed raises.",
                              nb::borrow(PyExc_Exception));
  for (std::size_t i = 0; i < error_classes.size(); ++i) {
    const ErrorClass& row = error_classes[i];
    const nb::object bases = row.also ? nb::object(nb::make_tuple(nb::handle(base), nb::handle(*row.also)))
                                      : nb::object(nb::make_tuple(nb::handle(base)));
    python_classes[i] = make_class(module, row.name, row.doc, bases);
  }
  nb::register_exception_translator(translate);
}

std::string text_of(nb::handle object) {
  const nb::object text = nb::steal(PyObject_Str(object.ptr()));
  const nb::object bytes =
      text.is_valid() ? nb::steal(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "backslashreplace")) : nb::object();
  if (!bytes.is_valid()) throw nb::python_error();
  return {PyBytes_AsString(bytes.ptr()), static_cast<std::size_t>(PyBytes_Size(bytes.ptr()))};
}

void adopt_errors(nb::handle first) {
  for (std::size_t i = 0; i < error_classes.size(); ++i) {
    python_classes[i] = nb::object(first.attr(error_classes[i].name)).release().ptr();
  }
  nb::register_exception_translator(translate);
}

}  // namespace ortembed
