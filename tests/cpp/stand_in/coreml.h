// Owns how the stand-in's CoreML provider takes options and models.
#pragma once

#include <string>

#include "real_runtime.h"
#include "records.h"

namespace ortembed::stand_in {

inline constexpr const char* coreml_provider = "CoreMLExecutionProvider";

// As the real provider: an error names the unknown key, or the key of a bad value.
Status check_options(const Texts& options);

// Where compiled models are kept; empty without a cache.
std::string cache_directory(const OptionsRecord& options);
// True of a directory that is not there.
bool is_empty(const std::string& directory);

// Takes a session that the real runtime has made: checks that its inputs are static, where that is asked for, and
// fills the cache. In there, as with the real provider, a folder of this key counts as complete.
Status compile(const OrtSession* session, const OptionsRecord& options, const std::string& key);

}  // namespace ortembed::stand_in
