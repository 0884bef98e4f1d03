// The matrix product as the top function of a synthesized kernel: pointers become AXI masters, numbers
// registers.
#include "hls/kernel_top.h"

#include "hls/hls.h"
#include "hls/ternary_matmul.h"

extern "C" void setun_hls_matmul(const std::uint8_t* w0, const std::uint8_t* w1, const std::uint8_t* w2,
                                 const std::uint8_t* w3, const std::int8_t* x, std::int32_t* y,
                                 std::uint64_t* status, std::uint32_t ports, std::uint32_t port_bits,
                                 std::uint32_t tile_rows, std::uint32_t columns, std::uint32_t m,
                                 std::uint32_t k, std::uint32_t planes, std::uint32_t tokens,
                                 std::uint32_t x_stride) {
    SETUN_HLS(HLS INTERFACE mode = m_axi port = w0 offset = slave bundle = w0)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = w1 offset = slave bundle = w1)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = w2 offset = slave bundle = w2)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = w3 offset = slave bundle = w3)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = x offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = y offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = status offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = s_axilite port = return )

    setun::hls::MatmulShape shape = {};
    shape.ports = ports;
    shape.port_bits = port_bits;
    shape.tile_rows = tile_rows;
    shape.columns = columns;
    shape.m = m;
    shape.k = k;
    shape.planes = planes;
    shape.tokens = tokens;
    setun::hls::WeightStreams weights = {};
    weights.port[0] = w0;
    weights.port[1] = w1;
    weights.port[2] = w2;
    weights.port[3] = w3;
    const setun::hls::MatmulStatus result = setun::hls::ternary_matmul(shape, weights, x, x_stride, y);
    status[0] = result.error;
    status[1] = result.port;
    status[2] = result.offset;
    status[3] = result.beats;
    status[4] = result.nonzero;
}
