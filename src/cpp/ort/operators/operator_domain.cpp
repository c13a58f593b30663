// Owns the operators of ours that a session has, in the domain "ortembed".
#include "ort/operators/operator_domain.h"

#include <type_traits>

#include "kernels/isa.h"
#include "ort/status.h"

namespace ortembed::ort {
namespace {

constexpr auto code = ErrorCode::model_load;

CustomOpDomainHandle make_domain(const Api& api) {
  OrtCustomOpDomain* domain = nullptr;
  check(api, api.CreateCustomOpDomain(OperatorDomain::name, &domain), code, "cannot make a domain of operators");
  return CustomOpDomainHandle(domain, {&api});
}

template <class Kernel>
const OrtCustomOp* as_runtime_has_it(const CustomOp<Kernel>& op) {
  static_assert(std::is_standard_layout_v<CustomOp<Kernel>>, "the table has to lie where the whole does");
  return reinterpret_cast<const OrtCustomOp*>(&op.table);
}

}  // namespace

OperatorDomain::OperatorDomain(const Api& api, int threads, PackedLinears* linears,
                               std::shared_ptr<kernels::RunMemories> memories)
    : api_(&api),
      settings_{&kernels::kernels_of(kernels::chosen_isa()), threads, linears, std::move(memories)},
      embed_(make_custom_op<EmbedKernel>(api, settings_)),
      layer_(make_custom_op<LayerKernel>(api, settings_)),
      norm_(make_custom_op<NormKernel>(api, settings_)),
      domain_(make_domain(api)) {
  for (const OrtCustomOp* op : {as_runtime_has_it(embed_), as_runtime_has_it(layer_), as_runtime_has_it(norm_)}) {
    check(api, api.CustomOpDomain_Add(domain_.get(), op), code, "cannot add an operator");
  }
}

void OperatorDomain::add_to(OrtSessionOptions* options) const {
  check(*api_, api_->AddCustomOpDomain(options, domain_.get()), code, "cannot add a domain of operators");
}

}  // namespace ortembed::ort
