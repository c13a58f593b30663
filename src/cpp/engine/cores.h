// Owns the two ways to use the cores: all of them for one run, or one for each of several runs at once.
#pragma once

namespace ortembed {

enum class Cores { one, all };

}  // namespace ortembed
