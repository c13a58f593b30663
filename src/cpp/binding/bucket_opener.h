// Owns the call into Python that opens a bucket: there it is decided where compiled programs are kept.
#pragma once

#include <nanobind/nanobind.h>

#include "engine/bucket_encoder.h"

namespace ortembed {

// Calls callable(rows, tokens, make). An Exception becomes the bucket's failure; what is none, such as
// KeyboardInterrupt, ends the call. May be copied, called and destroyed without the GIL.
BucketEncoder::Open python_opener(nanobind::object callable);

}  // namespace ortembed
