// Owns the Python face of the embedding lookup.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <optional>

#include "binding/arrays.h"
#include "engine/embedding_table.h"

namespace ortembed {

// Keeps the arrays alive that the table borrows. Made and destroyed as a Python object, so with the GIL held.
class NativeEmbeddingTable {
 public:
  NativeEmbeddingTable(nanobind::handle word, nanobind::handle position, nanobind::handle scale,
                       nanobind::handle bias, double epsilon, std::optional<std::int64_t> padding_id);

  const EmbeddingTable& table() const { return table_; }
  nanobind::object look_up(nanobind::handle ids) const;

 private:
  ReadOnlyArray word_;
  ReadOnlyArray position_;
  EmbeddingTable table_;
};

void register_embedding_table(nanobind::module_& module);

}  // namespace ortembed
