// Owns the line for cores as Python sees it in tests: threads are names.
#include "engine/core_queue.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "testing.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace ortembed::testing {
namespace {

class NamedQueue {
 public:
  explicit NamedQueue(int cores) : queue_(cores) {}

  void join(const std::string& name, Standing standing, bool wants_all) {
    Place& place = places_[name];
    place = {standing, wants_all ? Cores::all : Cores::one};
    queue_.join(place);
  }
  bool leave(const std::string& name) { return queue_.leave(places_.at(name)); }

  // The name, and whether it got all cores.
  std::optional<std::pair<std::string, bool>> serve() {
    const Place* const served = queue_.serve();
    for (const auto& [name, place] : places_) {
      if (&place == served) return std::pair(name, place.given == Cores::all);
    }
    return std::nullopt;
  }

  void give_back(bool all) { queue_.give_back(all ? Cores::all : Cores::one); }
  bool must_give_way(Standing standing, bool held_long) const { return queue_.must_give_way(standing, held_long); }

 private:
  CoreQueue queue_;
  std::map<std::string, Place> places_;  // which stay where they are when others come
};

}  // namespace

void register_core_queue(nb::module_& module) {
  nb::enum_<Standing>(module, "Standing")
      .value("FRESH", Standing::fresh)
      .value("BEGUN", Standing::begun)
      .value("HELPER", Standing::helper);
  nb::class_<NamedQueue>(module, "CoreQueue")
      .def(nb::init<int>(), "cores"_a)
      .def("join", &NamedQueue::join, "name"_a, "standing"_a, "wants_all"_a = false)
      .def("leave", &NamedQueue::leave, "name"_a)
      .def("serve", &NamedQueue::serve)
      .def("give_back", &NamedQueue::give_back, "all"_a = false)
      .def("must_give_way", &NamedQueue::must_give_way, "standing"_a, "held_long"_a);
}

}  // namespace ortembed::testing
