// Owns what the sessions of one model share: its file, and its weights, mapped once and packed once.
#include "ort/model.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"
#include "ort/nested_graphs.h"
#include "ort/operators/domain_list.h"
#include "ort/opset_imports.h"
#include "ort/status.h"

namespace ortembed::ort {
namespace {

constexpr auto code = ErrorCode::model_load;

// Only names of files that lie beside the model; what else a model may name is left to the runtime to judge.
bool is_plain_name(const std::string& name) {
  constexpr std::string_view separators("/\\:\0", 4);
  return !name.empty() && name != "." && name != ".." && name.find_first_of(separators) == std::string::npos;
}

}  // namespace

Model::Model(const Runtime& runtime, std::filesystem::path path)
    : runtime_(&runtime), path_(std::move(path)), states_{FileState(path_)}, tensors_(runtime.api()) {
  const MappedFile model(path_);
  has_operators_ = imports_domain(model.bytes(), OperatorDomain::name);
  shares_linears_ = has_operators_ && !has_nested_graphs(model.bytes());
  for (const StoredWeight& weight : shareable_weights(model.bytes())) share(weight);
  if (weights_.empty()) return;
  const Api& api = runtime.api();
  OrtPrepackedWeightsContainer* packed = nullptr;
  check(api, api.CreatePrepackedWeightsContainer(&packed), code, "cannot make room for packed weights");
  packed_ = PackedWeightsHandle(packed, {&api});
  shares_ = true;
}

Model::~Model() {
  if (home_.is_current()) return;
  packed_.release();
  for (auto& [name, value] : weights_) value.release();
}

void Model::share(const StoredWeight& weight) {
  if (!is_plain_name(weight.location) || weight.name.find('\0') != std::string::npos) return;
  auto file = files_.find(weight.location);
  if (file == files_.end()) {
    const auto beside = path_.parent_path() / std::u8string(weight.location.begin(), weight.location.end());
    file = files_.emplace(weight.location, MappedFile(beside)).first;
    states_.emplace_back(beside);
  }
  const auto bytes = file->second.bytes();
  if (weight.offset > bytes.size() || weight.size > bytes.size() - weight.offset) return;
  const auto data = bytes.subspan(static_cast<std::size_t>(weight.offset), static_cast<std::size_t>(weight.size));
  if (reinterpret_cast<std::uintptr_t>(data.data()) % alignof(float) != 0) return;
  weights_.emplace_back(weight.name, tensors_.wrap(data, weight.type, weight.dimensions));
}

OpenSession Model::open(const SessionSettings& settings) const {
  if (!std::ranges::all_of(states_, &FileState::is_unchanged)) {
    throw Error(code, failure() + ": it has been removed or changed since it was first read");
  }
  DomainListGuard guard(*runtime_, has_operators_);
  OpenSession made;
  if (has_operators_) {
    PackedLinears* const linears = shares_linears_ ? &linears_ : nullptr;
    made.operators = std::make_unique<OperatorDomain>(runtime_->api(), settings.threads, linears, run_memories_);
  }
  made.session = make_session(settings, made.operators.get());
  guard.succeed();
  return made;
}

SessionHandle Model::make_session(const SessionSettings& settings, const OperatorDomain* operators) const {
  if (!shares_ || !settings.is_plain()) return open_alone(settings, operators);
  try {
    SessionHandle session = open_sharing(settings, operators);
    // Packed by now; what a kernel still reads comes back page by page.
    for (const auto& [name, file] : files_) file.forget_pages();
    return session;
  } catch (const Error&) {  // of a kernel that packs and cannot share, or of the model itself
    shares_ = false;
    return open_alone(settings, operators);
  }
}

SessionOptionsHandle Model::make_options(const SessionSettings& settings, const OperatorDomain* operators) const {
  SessionOptionsHandle options = make_session_options(*runtime_, settings);
  if (operators != nullptr) operators->add_to(options.get());
  return options;
}

SessionHandle Model::open_sharing(const SessionSettings& settings, const OperatorDomain* operators) const {
  const Api& api = runtime_->api();
  const SessionOptionsHandle options = make_options(settings, operators);
  for (const auto& [name, value] : weights_) {
    check(api, api.AddInitializer(options.get(), name.c_str(), value.get()), code, "cannot share a weight");
  }
  OrtSession* session = nullptr;
  check(api,
        api.CreateSessionWithPrepackedWeightsContainer(runtime_->environment, path_.c_str(), options.get(),
                                                       packed_.get(), &session),
        code, failure());
  return SessionHandle(session, {&api});
}

SessionHandle Model::open_alone(const SessionSettings& settings, const OperatorDomain* operators) const {
  const Api& api = runtime_->api();
  const SessionOptionsHandle options = make_options(settings, operators);
  OrtSession* session = nullptr;
  check(api, api.CreateSession(runtime_->environment, path_.c_str(), options.get(), &session), code, failure());
  return SessionHandle(session, {&api});
}

std::string Model::failure() const { return "cannot load " + utf8(path_); }

}  // namespace ortembed::ort
