// Owns what runs of layers work with, kept from one run to the next.
#pragma once

#include "base/buffer_pool.h"
#include "kernels/team.h"
#include "kernels/workspace.h"

namespace ortembed::kernels {

struct RunMemory {
  Workspace workspace;
  Team team;
};

// Of a model's layers, which lives as long as any of them: one of the process would be gone at its end while a thread
// is still at work, and its lock may be held for ever after a fork.
using RunMemories = BufferPool<RunMemory>;

}  // namespace ortembed::kernels
