// AXI responses as TLM-2.0 statuses, and back.
#pragma once

#include <tlm>

#include "sim/axi_memory.h"

namespace setun::vp {

[[nodiscard]] inline tlm::tlm_response_status to_tlm(sim::Response response) {
    switch (response) {
        case sim::Response::kSlvErr:
            return tlm::TLM_GENERIC_ERROR_RESPONSE;
        case sim::Response::kDecErr:
            return tlm::TLM_ADDRESS_ERROR_RESPONSE;
        default:
            return tlm::TLM_OK_RESPONSE;
    }
}

[[nodiscard]] inline sim::Response to_axi(tlm::tlm_response_status status) {
    switch (status) {
        case tlm::TLM_OK_RESPONSE:
            return sim::Response::kOkay;
        case tlm::TLM_ADDRESS_ERROR_RESPONSE:
            return sim::Response::kDecErr;
        default:
            return sim::Response::kSlvErr;
    }
}

}  // namespace setun::vp
