/*
 * The image's header behind the reset vector, from which a loader learns what the image is for.
 */
#include "firmware/platform.h"
#include "rtl/setun_abi.h"

__attribute__((section(".header"), used)) static const struct SetunFirmwareHeader header = {
    .magic = SETUN_FIRMWARE_MAGIC,
    .platform_version = SETUN_PLATFORM_VERSION,
    .sram_bytes = SETUN_SRAM_BYTES,
    .command_version = SETUN_COMMAND_VERSION,
};
