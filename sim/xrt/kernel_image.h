// The kernel as XRT sees it: arguments, ports, memory banks; and an xclbin that starts our simulation of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/kernel_sim.h"
#include "sim/xrt/xclbin.h"

namespace setun::xclbin {

/// One kernel argument. Its number is its place in kernel_arguments().
struct KernelArgument {
    std::string name;
    std::string port;  ///< s_axi_control for scalars, else the AXI master that uses the pointer
    std::uint32_t offset = 0;
    std::uint32_t bytes = 8;
    bool pointer = true;
};

/// Numbers of the arguments. Weight port p: kArgWeights + p.
inline constexpr int kArgList = 0;
inline constexpr int kArgListCount = 1;
inline constexpr int kArgDataBase = 2;
inline constexpr int kArgWeights = 3;

/// Arguments of the kernel with `ports` weight ports, after rtl/setun_abi.h.
[[nodiscard]] std::vector<KernelArgument> kernel_arguments(unsigned ports);

/// RTL top with `ports` weight ports: setun_kernel, setun_kernel_2p, setun_kernel_4p.
[[nodiscard]] std::string kernel_top(unsigned ports);

/// Bytes of the control port's address space (12 address bits).
inline constexpr std::uint32_t kControlBytes = 0x1000;
/// Where the emulation image places the control port.
inline constexpr std::uint64_t kControlBase = 0x180'0000;

/// Memory of the emulation: a bank per weight port, then the data bank. No base is zero and none is the same,
/// so that an ignored base register shows.
[[nodiscard]] std::vector<Bank> emulation_banks(unsigned ports);

/// What an emulation image starts.
struct EmulationImage {
    sim::KernelConfig config;
    std::string memory = "ddr4";  ///< name of a memory preset
    std::uint64_t seed = 0;       ///< of the memory's timing jitter
    std::string emulator;         ///< absolute path of setun-xrt-emulator, unless SETUN_XRT_EMULATOR is set
};

/// The platform name of emulation images, "setun:emulation:<memory>:1.0". Hosts take the memory preset from
/// it.
[[nodiscard]] std::string emulation_platform(const std::string& memory);

/// An image for XCL_EMULATION_MODE=hw_emu. Its bitstream is a zip with simulate.sh, which XRT unpacks and
/// runs. The same options give the same bytes.
[[nodiscard]] Image make_emulation_image(const EmulationImage& options);

/// The kernel's entry in EMBEDDED_METADATA.
[[nodiscard]] std::string kernel_metadata(const sim::KernelConfig& config, const std::string& platform);

}  // namespace setun::xclbin
