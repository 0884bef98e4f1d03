// The kernel behind the XRT native API: a card, or XRT's hardware emulation with our simulator process.
#pragma once

#include <string>

#include "host/device/device.h"

namespace setun {

/// Which card and image, and the kernel that the model was packed for.
struct XrtOptions {
    std::string xclbin;     ///< path of the image to load
    std::string label;      ///< what messages call the image
    unsigned index = 0;     ///< number of the card, as xbutil counts
    bool emulated = false;  ///< under XCL_EMULATION_MODE=hw_emu
    unsigned ports = 1;
    unsigned port_bits = 512;
    unsigned tokens = 1;
    unsigned tile_rows = 1024;
};

/// The entry point of the plugin libsetun_xrt.so, which alone is linked with XRT; use open_xrt_device() of
/// host/xrt/xrt_loader.h.
///
/// Opens card `index`, loads the image and opens its Setun kernel for exclusive use. Each space is one buffer
/// object in the bank that the image connects to the port; it grows when it must. map() copies. Counters come
/// from the chip's registers; bytes of weights are its beats, bytes of data the operands of the list counted
/// once. wait() never relies on callbacks and looks at the deadline at least every 100 ms.
///
/// Throws DeviceError when there is no card, when the image does not load or holds no Setun kernel, or when
/// the chip's configuration differs from the options (the message names both).
using MakeXrtDevice = Device* (*)(const XrtOptions&);
inline constexpr const char* kMakeXrtDevice = "setun_make_xrt_device";

}  // namespace setun
