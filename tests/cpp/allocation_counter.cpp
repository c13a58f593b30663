// Owns the counting of every block that Python's object allocator hands out during a call.
#include <nanobind/nanobind.h>

#include "testing.h"

namespace nb = nanobind;

namespace ortembed::testing {
namespace {

PyMemAllocatorEx original;
// Other threads run while the call has released the GIL; theirs are not counted.
thread_local long allocations = 0;

void* counting_malloc(void* context, size_t size) {
  ++allocations;
  return original.malloc(context, size);
}

void* counting_calloc(void* context, size_t count, size_t size) {
  ++allocations;
  return original.calloc(context, count, size);
}

void* counting_realloc(void* context, void* block, size_t size) {
  ++allocations;
  return original.realloc(context, block, size);
}

// Calls `function()` and gives the number of allocations of Python objects that it made.
long count_allocations(const nb::callable& function) {
  PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &original);
  PyMemAllocatorEx counting{original.ctx, counting_malloc, counting_calloc, counting_realloc, original.free};
  allocations = 0;
  PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &counting);
  PyObject* result = PyObject_CallNoArgs(function.ptr());
  PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &original);
  if (result == nullptr) throw nb::python_error();
  Py_DECREF(result);
  return allocations;
}

}  // namespace

void register_allocation_counter(nb::module_& module) { module.def("count_allocations", count_allocations); }

}  // namespace ortembed::testing
