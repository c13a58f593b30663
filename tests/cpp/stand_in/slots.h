// Owns what the stand-in needs of the C ABI beyond ort/abi.h: further entry points, and the size of each version's
// table.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ort/abi.h"

namespace ortembed::stand_in {

using ort::PathChar;

// X(name, slot, result, (parameters)), in every version since the floor.
#define STAND_IN_ENTRIES(X)                                                                            \
  X(CreateSessionFromArray, 8, OrtStatus*,                                                             \
    (const OrtEnv*, const void*, std::size_t, const OrtSessionOptions*, OrtSession**))                 \
  X(CreateSessionFromArrayWithPrepackedWeightsContainer, 169, OrtStatus*,                              \
    (const OrtEnv*, const void*, std::size_t, const OrtSessionOptions*, OrtPrepackedWeightsContainer*, \
     OrtSession**))

struct MoreApi {
#define STAND_IN_MEMBER(name, slot, result, parameters) result(ORTEMBED_ORT_CALL* name) parameters = nullptr;
  STAND_IN_ENTRIES(STAND_IN_MEMBER)
#undef STAND_IN_MEMBER
};

inline constexpr std::uint32_t first_with_assignment = 24;

// How many slots the tables of versions 1.21, 1.22 … have. Read off the runtimes themselves: a table ends where the
// function pointers end, or where the next table begins.
inline constexpr std::size_t table_sizes[] = {285, 318, 390, 415, 419, 419, 422, 424, 425, 426, 428, 429};

}  // namespace ortembed::stand_in
