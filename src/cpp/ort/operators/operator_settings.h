// Owns what the operators of a session are made with.
#pragma once

#include <memory>

#include "kernels/kernel_table.h"
#include "kernels/run_memories.h"
#include "ort/operators/packed_linears.h"

namespace ortembed::ort {

struct OperatorSettings {
  const kernels::KernelTable* kernels;
  int threads;
  PackedLinears* linears;                          // of the model; null where its names do not tell weights apart
  std::shared_ptr<kernels::RunMemories> memories;  // of the model
};

}  // namespace ortembed::ort
