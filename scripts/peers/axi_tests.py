# SPDX-License-Identifier: Apache-2.0
"""The cocotb tests of compare_axi.py: what docs/command-interface.md promises, section by section."""
import json
import random
from functools import partial
from pathlib import Path

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiRam, AxiResp, AxiSlave

import axi_formats as formats
from axi_bench import (AUTO_RESTART, CONFIG0, CONFIG1, CTRL, DATA_BASE, DONE, ERROR, GIE, IDLE, IER, ISR, LIST, LIST_COUNT, MAGIC, NONZERO,
                       READY, SHAPE, START, TOTALS, VERSION, W_BASE, WATCHDOG, Bench, CommandList)

SEEDS = range(SHAPE.seeds)


def test(function, slave=AxiSlave, **options):
    """A cocotb test with a bench after reset. Ends after 50 ms of simulated time at the latest and leaves the totals behind."""
    async def run(dut):
        bench = Bench(dut, slave, **options)
        await bench.reset()
        await function(dut, bench)
        Path("totals.json").write_text(json.dumps(TOTALS))
    run.__name__ = run.__qualname__ = function.__name__
    return cocotb.test(timeout_time=50, timeout_unit="ms")(run)


@test
async def registers(dut, bench):
    """The map; byte strobes at unaligned addresses; AW and W apart in either order; writes that do not wait for each other."""
    places = [LIST, LIST + 4, LIST_COUNT, DATA_BASE, DATA_BASE + 4, WATCHDOG]
    places += [W_BASE + 12 * p + half for p in range(SHAPE.ports) for half in (0, 4)]
    for seed in SEEDS:
        rng, model = random.Random(seed), {address: bytearray(4) for address in places}
        await bench.reset()
        bench.disturb(seed)
        assert await bench.read(MAGIC) == 0x4E555453 and await bench.read(VERSION) == 0x00010000
        assert await bench.read(CONFIG0) == SHAPE.port_bits | SHAPE.ports << 16 | SHAPE.tokens << 24
        assert await bench.read(CONFIG1) == SHAPE.tile_rows | 1 << 16 | SHAPE.leaf << 24
        assert await bench.read(CTRL) == IDLE and await bench.read(WATCHDOG) == 0x00100000
        await bench.write(WATCHDOG, 0)
        for _ in range(40):
            address, first = rng.choice([*places, 0x018, 0x100, MAGIC, ERROR, NONZERO]), rng.randrange(4)  # gaps and read-only ones too
            data = rng.randbytes(rng.randint(1, 4 - first))
            late = rng.choice([None, bench.control.write_if.aw_channel, bench.control.write_if.w_channel]) if seed == 0 else None
            if late:
                late.pause = True
            answer = bench.control.init_write(address + first, data)
            if late:
                await ClockCycles(dut.ap_clk, rng.randint(1, 9))
                assert not answer.is_set(), "answered without its other half"
                late.pause = False
            if rng.random() < 0.5:
                await answer.wait()
                assert answer.data.resp == AxiResp.OKAY
            if address in places:
                model[address][first:first + len(data)] = data
        await bench.control.wait()
        for address, expected in model.items():
            one = rng.randrange(4)
            assert await bench.read(address) == int.from_bytes(expected, "little") and await bench.read(address + one, 1) == expected[one]
        assert await bench.read(0x100) == 0 and await bench.read(MAGIC) == 0x4E555453
        for address in (0x278, 0xFFC, rng.randrange(0x278, 0x1000, 4)):
            assert (await bench.control.read(address, 4)).resp == (await bench.control.write(address, bytes(4))).resp == AxiResp.SLVERR
        await bench.write(CTRL + 1, 0xFF, 1)  # without the strobe of bit 0: no start
        assert await bench.read(CTRL) == IDLE


@test
async def lists(dut, bench):
    """Random lists; separate memories, end found by polling; one shared memory, end found by the interrupt."""
    for seed in SEEDS:
        for shared in (False, True):
            bench.disturb(seed)
            commands = CommandList(seed, shared)
            for _ in range(random.Random(seed).randint(1, 5)):
                if commands.rng.random() < 0.2:
                    commands.descriptors.append(formats.descriptor(formats.NOP, int(commands.rng.choice([0, formats.FENCE])), m=2**32 - 1, x=1))
                commands.some(1, flags=int(commands.rng.choice([0, formats.FENCE])))
            await bench.write(GIE, int(shared))
            await bench.write(IER, int(shared))
            await bench.start(commands.seal())
            await bench.passes(commands, bench.interrupted if shared else None)


@partial(test, slave=AxiRam, size=2**62)  # 0.1.28 cannot be made with its default size of 2^64
async def unchanged_axi_ram(dut, bench):
    """AxiRam as it is behind every port, with one memory."""
    for seed in SEEDS:
        bench.disturb(seed)
        commands = CommandList(100 + seed, True).some(3).seal()
        for half in (half for model in bench.slaves for half in (model.read_if, model.write_if)):
            half.mem, half.size = commands.memories[0].bytes, 2**64
        await bench.run(commands)


@test
async def fence(dut, bench):
    """FENCE: the bytes of results are the activations of the next command."""
    for seed in SEEDS:
        bench.disturb(seed)
        commands = CommandList(seed)
        m = 16 * int(commands.rng.integers(1, 20))
        place = commands.matmul(m, 50, SHAPE.tokens, 1)
        for _ in range(4):
            x = np.frombuffer(place.result, "i1")[None, :int(commands.rng.integers(1, min(4 * m, 3 * SHAPE.lanes)))]
            place = commands.matmul(m, x.size, 1, 1, x, place.y_offset, flags=formats.FENCE)
        commands.memories[-1].reads += commands.memories[-1].writes
        await bench.run(commands.seal())


@test
async def starts(dut, bench):
    """Empty lists; starts right behind one another; registers written while a run is active; auto-restart."""
    for seed in SEEDS:
        bench.disturb(seed)
        await bench.run(CommandList(seed).seal())
        first, second = CommandList(200 + seed).some(2).seal(), CommandList(300 + seed).some(1).seal()
        await bench.start(first)
        await bench.load(second)  # takes effect at the next start
        await bench.write(CTRL, START)  # no second run
        await bench.passes(first)
        assert await bench.read(CTRL) & (START | IDLE) == IDLE
        bench.connect(second)
        await bench.write(CTRL, START)
        await bench.passes(second)
        await bench.write(CTRL, START | AUTO_RESTART)
        for _ in range(3):
            await bench.done()
        await bench.write(CTRL, 0)
        while not await bench.read(CTRL) & IDLE:
            pass
        await ClockCycles(dut.ap_clk, 50)
        assert await bench.read(CTRL) & (START | IDLE | AUTO_RESTART) == IDLE and await bench.read(ERROR) == 0
        second.check()


@test
async def interrupts(dut, bench):
    """GIE, IER and ISR: set only while enabled, a level, toggled by writing 1; done and ready cleared by the read."""
    for enabled, general in ((e, g) for e in range(4) for g in (0, 1)):
        bench.disturb(enabled)
        await bench.write(GIE, general)
        await bench.write(IER, enabled)
        await bench.start(CommandList(0).seal())
        await ClockCycles(dut.ap_clk, 60)
        assert dut.interrupt.value == (general and enabled != 0)
        assert (await bench.read(CTRL), await bench.read(CTRL), await bench.read(ISR)) == (DONE | IDLE | READY, IDLE, enabled)
        for value, expected in ((enabled, 0), (3, 3), (3, 0)):
            await bench.write(ISR, value)
            assert await bench.read(ISR) == expected and dut.interrupt.value == (general and expected != 0)


@test
async def descriptor_errors(dut, bench):
    """Codes 1 to 7: report, results before, nothing after; misaligned and wrapping registers; what ends at 2^64 exactly."""
    good = dict(m=20 * SHAPE.ports, k=70, tokens=1, planes=1, x_stride=128)
    bad = [(1, dict(version=0)), (1, dict(version=2)), (2, dict(opcode=2)), (2, dict(opcode=0x10)), (3, dict(flags=2)),
           (3, dict(flags=0x8000)), (3, dict(reserved=bytes(15) + b"\x80")), (3, dict(reserved=b"\x01" + bytes(15))),
           *((4, {name: 0}) for name in ("m", "k", "tokens", "planes")), (4, dict(m=2**20 + 1)), (4, dict(k=2**17 + 1)),
           (4, dict(tokens=SHAPE.tokens + 1)), (4, dict(planes=6)), (5, dict(weight=32)), (5, dict(x=1)), (5, dict(y=8)),
           (5, dict(x_stride=65)), (6, dict(x=2**64 - 64)), (6, dict(y=2**64 - 64)), (6, dict(weight=2**64 - 64)),
           (7, dict(encoding=0)), (7, dict(encoding=2)), (3, dict(opcode=formats.NOP, flags=4)),
           (1, dict(version=3, opcode=9)), (3, dict(flags=2, m=0)), (5, dict(x=2**64 - 63, encoding=0))]  # several: the lowest code
    for seed, (code, change) in enumerate(bad):
        bench.disturb(seed)
        commands, before = CommandList(seed).some(seed % 3), seed % 3
        commands.descriptors.append(formats.descriptor(**(good | change)))
        await bench.start(commands.some(1).seal())
        assert await bench.status() == (code, before, commands.address + 64 * before, 0, before), change
        commands.check(before)
    for code, register, value in ((5, LIST, 32), (5, DATA_BASE, 32), (5, W_BASE + 12 * (SHAPE.ports - 1), 32), (6, LIST, 2**64 - 64)):
        commands = CommandList(1).some(2).seal()
        bench.connect(commands)
        await bench.load(commands)
        await bench.write(register, value, 8)
        await bench.write(CTRL, START)
        assert await bench.status() == (code, 0, value if register == LIST else commands.address, 0, 0), hex(register)
        commands.check(0)
    base, room = 2**64 - 2**24, 2**24
    for last in ("weight", "x", "y"):
        commands = CommandList(0)
        commands.address, commands.data_base, commands.w_base, commands.gaps = base, base, [base] * SHAPE.ports, [0]
        x = commands.rng.integers(-128, 128, (1, -(-SHAPE.lanes // 64) * 64), np.int8)
        x_offset = room - x.size if last == "x" else 2**16
        commands.memories[-1].put(base + x_offset, x.tobytes())
        commands.used = dict(weight=room - 16 // SHAPE.ports * SHAPE.beat if last == "weight" else 0,
                             data=room - 64 * SHAPE.tokens if last == "y" else 2**17)
        commands.matmul(16, SHAPE.lanes, 1, 1, x[:, :SHAPE.lanes], x_offset)
        await bench.run(commands.seal())


@test
async def memory_errors(dut, bench):
    """Codes 8 to 12, with SLVERR or DECERR anywhere: report, results before, and a start behind it without reset."""
    for seed in range(5 * len(SEEDS)):
        bench.disturb(seed)
        bench.bad_response = (AxiResp.SLVERR, AxiResp.DECERR)[seed // 5 % 2]
        commands = CommandList(seed).some(3).seal()
        rng, code, index, port = commands.rng, 8 + seed % 5, int(commands.rng.integers(3)), int(commands.rng.integers(SHAPE.ports))
        place = commands.places[index]
        beat = commands.w_base[port] + place.weight + SHAPE.beat * int(rng.integers(place.beats))
        on, at, bursts = {9: (-1, commands.address + 64 * index, bench.read_bursts), 11: (-1, place.x, bench.read_bursts),
                          12: (-1, place.y + int(rng.integers(len(place.result))), bench.write_bursts)
                          }.get(code, (port, beat, bench.read_bursts))
        bursts[on].clear()
        if code == 8:
            bits = np.unpackbits(np.frombuffer(commands.memories[on].bytes.read(at, SHAPE.beat), "u1"), bitorder="little").reshape(8, -1)
            bits[:, int(rng.integers(SHAPE.beat))] = int(rng.choice(formats.ILLEGAL)) >> np.arange(8) & 1
            commands.memories[on].bytes.write(at, np.packbits(bits.reshape(-1), bitorder="little").tobytes())
        else:
            commands.memories[on].fails = at
        await bench.start(commands)
        error, error_index, address, info, completed = await bench.status()
        assert (error, error_index, info) == (code, index, port if on >= 0 else 0) and completed <= index, (seed, error, error_index, info)
        if code == 8:
            assert address == at, (hex(address), hex(at))
        else:
            assert any(begin == address and begin <= at < end for begin, end in bursts[on]), (hex(at), hex(address), bursts[on])
        commands.check(completed, untouched=False)
        await bench.run(CommandList(seed).some(1).seal())


@test
async def resets(dut, bench):
    """Reset for one clock or more in the middle of runs and of register accesses; reset values."""
    for seed in range(4 * len(SEEDS)):
        rng = random.Random(seed)
        bench.disturb(seed)
        await bench.start(CommandList(seed).some(3).seal())
        await ClockCycles(dut.ap_clk, rng.choice([1, 5, rng.randint(10, 100), rng.randint(1, 1500)]))
        bench.control.init_read(CTRL, 4)
        bench.control.init_write(LIST, bytes(8))
        await ClockCycles(dut.ap_clk, rng.randint(1, 6))
        await bench.reset(rng.randint(1, 3))
        values = [await bench.read(address) for address in (CTRL, GIE, IER, ISR, LIST, LIST_COUNT, DATA_BASE, W_BASE, ERROR, WATCHDOG)]
        assert values == [IDLE] + [0] * 8 + [0x00100000]
        await bench.run(CommandList(seed).some(2).seal())


@test
async def watchdog(dut, bench):
    """Code 13: one channel after the other never answers; WATCHDOG acts at once; a start without reset; a reset."""
    data = bench.slaves[-1]
    cases = [(0, data.read_if.ar_channel), (1, "x"), (2, data.write_if.aw_channel), (3, data.write_if.w_channel), (4, data.write_if.b_channel)]
    cases += [(8 + p, bench.slaves[p].read_if.ar_channel) for p in range(SHAPE.ports)] + [(20 + p, p) for p in range(SHAPE.ports)]
    for model in bench.slaves:  # take any number of AR and AW: one that waits would be reported in place of R or B
        for channel in (model.read_if.ar_channel, model.write_if.aw_channel, model.write_if.w_channel):
            channel.queue_occupancy_limit = -1
    for bit, stuck in cases:
        bench.disturb(0)
        commands = CommandList(bit).some(2).seal()
        if stuck == "x":
            commands.memories[-1].hangs = commands.places[0].x
        elif isinstance(stuck, int):
            commands.memories[stuck].hangs = commands.w_base[stuck] + commands.places[0].weight
        else:
            stuck.pause = True
        for _ in range(2):
            await bench.start(commands)
            await bench.write(WATCHDOG, 700)
            assert await bench.status() == (13, 0, commands.address, 1 << bit, 0), bit
        await bench.reset()
        bench.disturb(0)
        await bench.run(CommandList(bit).some(1).seal())
