// Owns STAND_IN_LOG: the record of what the stand-in was asked, one JSON object a line.
#pragma once

#include <concepts>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ortembed::stand_in {

// Puts a comma before all but the first. Appends only: GCC 12 warns of nothing where `"," + text` is inlined.
void append(std::string& list, std::string_view item);

std::string json(const std::string& text);
std::string json(bool value);
template <std::integral Integer>
std::string json(Integer value) {
  return std::to_string(value);
}
template <class Value>
std::string json(const std::vector<Value>& values) {
  std::string result;
  for (const Value& value : values) append(result, json(value));
  return '[' + result + ']';
}
template <class Value>
std::string json(const std::map<std::string, Value>& values) {
  std::string result;
  for (const auto& [key, value] : values) append(result, json(key) + ':' + json(value));
  return '{' + result + '}';
}

// One event; its line is written at the end of its scope.
class Event {
 public:
  explicit Event(const std::string& name) { add("event", name); }
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  template <class Value>
  Event& add(const std::string& key, const Value& value) {
    append(fields_, json(key) + ':' + json(value));
    return *this;
  }

 private:
  std::string fields_;
};

}  // namespace ortembed::stand_in
