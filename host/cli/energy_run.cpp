// The energy of what a device has really done.
#include "host/cli/energy_run.h"

#include <algorithm>
#include <cmath>

#include "host/generate/run_report.h"

namespace setun::cli {

energy::ModelShape energy_shape(const Architecture& a, const std::string& name, unsigned head_planes) {
    energy::ModelShape shape;
    shape.name = name;
    shape.note = "read from the model";
    shape.hidden = a.hidden;
    shape.ffn = a.ffn;
    shape.layers = a.layers;
    shape.heads = a.heads;
    shape.kv_heads = a.kv_heads;
    shape.head_dim = a.head_dim;
    shape.vocab = a.vocab;
    shape.silu = a.activation == Activation::kSilu;
    shape.sub_norms = a.sub_norms;
    shape.tied_head = a.tied_head;
    shape.head_planes = head_planes;
    return shape;
}

energy::Engine energy_engine(const DeviceInfo& info) {
    return {info.port_bits, info.ports, info.tokens, info.tile_rows};
}

energy::WorkCounts run_work(const Model& model, const StepTally& tally, std::uint64_t tokens) {
    const PackedMatrix& head = model.output_head();
    const energy::ModelShape shape = energy_shape(model.architecture, "", head.planes);
    energy::WorkCounts work = tally.work;
    work.tokens = tokens;
    work.head_weights = tally.head_steps * head.weights();
    // head_planes is the head's weight beats in beats of one plane.
    const double plane_bytes = static_cast<double>(head.bytes()) / head.planes;
    work.head_weight_bytes = std::min<std::uint64_t>(
        work.weight_bytes, static_cast<std::uint64_t>(std::llround(tally.head_planes * plane_bytes)));
    // Attention counts two multiply-adds for each query element and visible position.
    const std::uint64_t attended = work.fp16_macs / (2 * shape.q_rows() * shape.layers);
    energy::add_vector_work(work, shape,
                            {.positions = tally.positions,
                             .attended = attended,
                             .kv_read_positions = attended,
                             .head_positions = tally.drawn});
    return work;
}

energy::TokenEnergy price_work(const DeviceInfo& info, const std::string& tech, energy::WorkCounts work,
                               const Counters& counters) {
    work.cycles = counters.cycles;
    energy::Scope scope;
    if (info.clock_hz > 0) {
        scope.clock_hz = info.clock_hz;
    }
    return energy::evaluate(energy::find_technology(tech, energy_memory_of(info.memory)), work,
                            energy_engine(info), scope);
}

energy::TokenEnergy price_counted(const DeviceInfo& info, const std::string& tech, energy::WorkCounts work,
                                  const Counters& counters, std::uint64_t tokens) {
    if (counters.nonzero !=
        0) {  // the performance model counts no zeros, and its bytes are those of the shapes
        energy::apply_measured(work, {counters.nonzero, counters.weight_bytes, counters.data_read_bytes,
                                      counters.data_write_bytes});
    }
    work.tokens = tokens;
    return price_work(info, tech, work, counters);
}

Json measured_json(const energy::WorkCounts& work, const Counters& counters) {
    return {
        {"commands", work.commands},
        {"beats", counters.beats},
        {"weights", work.trits},
        {"nonzero_weights",
         work.nonzero_basis == energy::Basis::kMeasured ? Json(counters.nonzero.value_or(0)) : Json(nullptr)},
        {"weight_bytes", work.weight_bytes},
        {"head_weight_bytes", work.head_weight_bytes},
        {"data_read_bytes", work.activation_bytes},
        {"data_write_bytes", work.result_bytes},
        {"cycles", counters.cycles},
        {"busy", counters.busy},
        {"stall_weights", counters.stall_w},
        {"stall_activations", counters.stall_x},
        {"stall_results", counters.stall_y}};
}

}  // namespace setun::cli
