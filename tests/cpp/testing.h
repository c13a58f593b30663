// Owns the list of what the testing module offers, one function a file.
#pragma once

#include <nanobind/nanobind.h>

namespace ortembed::testing {

void register_allocation_counter(nanobind::module_& module);
void register_core_queue(nanobind::module_& module);
void register_fake_encoder(nanobind::module_& module);
void register_hidden_states(nanobind::module_& module);
void register_kernels(nanobind::module_& module);
void register_layers(nanobind::module_& module);
void register_linears(nanobind::module_& module);
void register_run_memory(nanobind::module_& module);
void register_sessions(nanobind::module_& module);
void register_stages(nanobind::module_& module);

}  // namespace ortembed::testing
