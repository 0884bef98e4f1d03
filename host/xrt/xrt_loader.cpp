// The plugin, XRT's libraries, and what is missing of them.
#include "host/xrt/xrt_loader.h"

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "host/base/error.h"
#include "host/base/file.h"
#include "sim/xrt/xclbin.h"

namespace setun {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPlugin = "libsetun_xrt.so";
constexpr const char* kEmulator = "setun-xrt-emulator";
constexpr const char* kShim = "libsetun_xrt_shim.so";
constexpr const char* kCoreLibrary = "libxrt_coreutil.so.2";
constexpr const char* kEmulationLibrary = "libxrt_hwemu.so.2";

bool present(const fs::path& path) {
    std::error_code ignored;
    return fs::exists(path, ignored);
}

/// Folder of an installed shared library, as the dynamic linker finds it; empty when it does not.
std::string folder_of_library(const char* name) {
    void* const library = ::dlopen(name, RTLD_LAZY | RTLD_LOCAL);
    if (library == nullptr) {
        return {};
    }
    link_map* map = nullptr;
    std::string folder;
    if (::dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && map != nullptr) {
        folder = fs::path(map->l_name).parent_path().string();
    }
    ::dlclose(library);
    return folder;
}

bool in_path(const char* program) {
    const char* path = std::getenv("PATH");
    std::stringstream list(path == nullptr ? "/usr/bin:/bin" : path);  // the shell's own without one
    for (std::string folder; std::getline(list, folder, ':');) {
        if (!folder.empty() && ::access((fs::path(folder) / program).c_str(), X_OK) == 0) {
            return true;
        }
    }
    return false;
}

/// Cards of the PCIe driver xocl and of the embedded driver zocl.
unsigned count_cards() {
    unsigned cards = 0;
    for (const char* driver : {"/sys/bus/pci/drivers/xocl", "/sys/bus/platform/drivers/zocl-drm"}) {
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(driver, ignored)) {
            cards += entry.is_symlink() && present(entry.path() / "driver") ? 1U : 0U;
        }
    }
    return cards;
}

/// XRT finds its drivers in $XILINX_XRT/lib, which a distribution's package does not have. A link to the
/// right folder is needed only while the driver is loaded.
class PrivateRoot {
  public:
    PrivateRoot() {
        const char* root = std::getenv("XILINX_XRT");
        const std::string folder = root == nullptr ? folder_of_library(kCoreLibrary) : "";
        if (folder.empty()) {
            return;
        }
        std::string name = "/tmp/setun-xrt-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            return;
        }
        folder_ = name;
        std::error_code ignored;
        fs::create_directory_symlink(folder, folder_ / "lib", ignored);
        ::setenv("XILINX_XRT", name.c_str(), 1);
    }
    PrivateRoot(const PrivateRoot&) = delete;
    PrivateRoot& operator=(const PrivateRoot&) = delete;
    ~PrivateRoot() {
        if (!folder_.empty()) {
            std::error_code ignored;
            fs::remove_all(folder_, ignored);
        }
    }

  private:
    fs::path folder_;
};

MakeXrtDevice load_plugin(const fs::path& folder) {
    const fs::path file = folder / kPlugin;
    if (!present(file)) {
        throw InputError(
            "device xrt: this program was built without XRT; install libxrt-dev and build again");
    }
    void* const plugin = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (plugin == nullptr) {
        const char* reason = ::dlerror();
        throw InputError(std::string("device xrt: XRT cannot be loaded; install libxrt1, or run the setup "
                                     "script of AMD's XRT (") +
                         (reason == nullptr ? "no reason given" : reason) + ")");
    }
    auto make = reinterpret_cast<MakeXrtDevice>(::dlsym(plugin, kMakeXrtDevice));
    if (make == nullptr) {
        throw InputError("device xrt: '" + file.string() + "' belongs to another build; build it again");
    }
    return make;
}

}  // namespace

fs::path program_folder() {
    std::error_code ignored;
    return fs::read_symlink("/proc/self/exe", ignored).parent_path();
}

std::string XrtState::emulation_problem() const {
    if (!problem.empty()) {
        return problem;
    }
    if (!emulation_driver) {
        return std::string("XRT's emulation driver ") + kEmulationLibrary + " is not in " + library_folder +
               "; install libxrt1";
    }
    if (!emulator) {
        return std::string("the program ") + kEmulator + " and " + kShim +
               " are not both beside this one; build everything";
    }
    return unzip ? "" : "XRT's emulation calls unzip, which is not in PATH; install unzip";
}

XrtState xrt_state(const fs::path& folder) {
    XrtState state;
    state.plugin = present(folder / kPlugin);
    state.library_folder = folder_of_library(kCoreLibrary);
    state.emulation_driver =
        !state.library_folder.empty() && present(fs::path(state.library_folder) / kEmulationLibrary);
    state.emulator = ::access((folder / kEmulator).c_str(), X_OK) == 0 && present(folder / kShim);
    state.unzip = in_path("unzip");
    state.cards = count_cards();
    if (!state.plugin) {
        state.problem = "this program was built without XRT; install libxrt-dev and build again";
    } else if (state.library_folder.empty()) {
        state.problem = "XRT is not installed; install libxrt1, or run the setup script of AMD's XRT";
    }
    return state;
}

void check_xclbin(const fs::path& file, bool emulated) {
    const auto refuse = [&](const std::string& why) { throw InputError("'" + file.string() + "': " + why); };
    const MappedFile content = MappedFile::open(file);
    xclbin::Image image;
    try {
        image = xclbin::read_image(content.bytes());
        for (const auto kind : {xclbin::kBitstream, xclbin::kEmbeddedMetadata, xclbin::kMemTopology,
                                xclbin::kIpLayout, xclbin::kConnectivity}) {
            if (image.find(kind) == nullptr) {
                refuse("the xclbin lacks section " + std::to_string(kind) + "; it is not one for a kernel");
            }
        }
        static_cast<void>(xclbin::read_banks(image.find(xclbin::kMemTopology)->data));
        static_cast<void>(xclbin::read_units(image.find(xclbin::kIpLayout)->data));
        static_cast<void>(xclbin::read_connections(image.find(xclbin::kConnectivity)->data));
    } catch (const std::invalid_argument& error) {
        refuse(error.what());
    }
    if (emulated != image.for_emulation()) {
        refuse(emulated ? "the xclbin is for a card; the emulation needs one of setun devices --write-xclbin"
                        : "the xclbin is for emulation, not for a card; add --xrt-emulation");
    }
}

std::unique_ptr<Device> open_xrt_device(const XrtOptions& options, const fs::path& folder) {
    check_xclbin(options.xclbin, options.emulated);
    const MakeXrtDevice make = load_plugin(folder);
    const PrivateRoot root;
    return std::unique_ptr<Device>(make(options));
}

}  // namespace setun
