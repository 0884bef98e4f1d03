# SPDX-License-Identifier: Apache-2.0
"""The cocotb tests that compare_axi.py runs in a simulator: the kernel against cocotbext-axi and numpy."""
import json
import random
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiRam, AxiResp

import axi_formats as formats
from axi_bench import (AUTO_RESTART, CONFIG0, CONFIG1, CTRL, DATA_BASE, DONE, ERROR, GIE, IDLE, IER, ISR, LIST, LIST_COUNT, MAGIC,
                       NONZERO, READY, SETUP, SHAPE, START, TOTALS, VERSION, W_BASE, WATCHDOG, Bench, CommandList)

SEEDS = range(SETUP["seeds"])
TILE = SHAPE.ports * SHAPE.tile_rows


def test(function):
    """A cocotb test that ends in 50 ms of simulated time at the latest and leaves the totals behind."""
    async def run(dut):
        await function(dut)
        Path("totals.json").write_text(json.dumps(TOTALS))
    run.__name__ = run.__qualname__ = function.__name__
    return cocotb.test(timeout_time=50, timeout_unit="ms")(run)


def some_commands(seed, count, shared=False):
    commands = CommandList(seed, shared)
    for _ in range(count):
        commands.random_matmul()
    return commands.seal()


@test
async def registers(dut):
    """Section 2: the map, byte strobes, unmapped and read-only registers; AW and W apart in either order."""
    for seed in SEEDS:
        rng, bench = random.Random(seed), Bench(dut) if not seed else bench
        await bench.reset()
        bench.disturb(seed)
        assert await bench.read(MAGIC) == 0x4E555453 and await bench.read(VERSION) == 0x00010000
        assert await bench.read(CONFIG0) == SHAPE.port_bits | SHAPE.ports << 16 | SHAPE.tokens << 24
        assert await bench.read(CONFIG1) == SHAPE.tile_rows | 1 << 16 | SETUP["leaf"] << 24
        assert await bench.read(CTRL) == IDLE and await bench.read(WATCHDOG) == 0x00100000
        # Registers as bytes: an access of 1 to 4 bytes has strobes for these and the unaligned address of the first.
        places = {LIST, LIST + 4, LIST_COUNT, DATA_BASE, DATA_BASE + 4, WATCHDOG} | {
            W_BASE + 12 * p + half for p in range(SHAPE.ports) for half in (0, 4)}
        model = {address: 0 for address in range(0, 0x278)}
        for address in places:
            await bench.write(address, 0)
        for _ in range(30):
            address = rng.choice([*places, 0x014 + 4, 0x100, MAGIC, ERROR, NONZERO])  # the last are gaps and read-only
            first = rng.randrange(4)
            data = rng.randbytes(rng.randint(1, 4 - first))
            channels = (bench.control.write_if.aw_channel, bench.control.write_if.w_channel)
            late = rng.choice([None, *channels]) if not seed else None
            if late:
                late.pause = True
            answer = bench.control.init_write(address + first, data)
            if late:
                await ClockCycles(dut.ap_clk, rng.randint(1, 9))
                assert not answer.is_set(), "answered without its other half"
                late.pause = False
            if rng.random() < 0.5:  # else further writes do not wait for this one
                await answer.wait()
                assert answer.data.resp == AxiResp.OKAY
            if address in places:
                for i, byte in enumerate(data):
                    model[address + first + i] = byte
        await bench.control.wait()
        for address in places:
            expected = bytes(model[address + i] for i in range(4))
            assert await bench.read(address) == int.from_bytes(expected, "little"), hex(address)
            one = rng.randrange(4)
            assert await bench.read(address + one, 1) == expected[one]
        assert await bench.read(0x100) == 0 and await bench.read(MAGIC) == 0x4E555453
        for address in (0x278, 0xFFC, rng.randrange(0x278, 0x1000, 4)):
            assert (await bench.control.read(address, 4)).resp == AxiResp.SLVERR
            assert (await bench.control.write(address, bytes(4))).resp == AxiResp.SLVERR
        await bench.write(CTRL + 1, 0xFF, 1)  # strobe without bit 0: no start
        assert await bench.read(CTRL) == IDLE


@test
async def lists(dut):
    """Random lists; separate memories and one shared; end found by polling or by interrupt."""
    bench = Bench(dut)
    for seed in SEEDS:
        await bench.reset()
        for shared in (False, True):
            bench.disturb(seed)
            commands = CommandList(seed, shared)
            for _ in range(random.Random(seed).randint(1, 5)):
                if commands.rng.random() < 0.2:
                    commands.descriptors.append(formats.descriptor(formats.NOP, commands.rng.choice([0, formats.FENCE])))
                commands.random_matmul(flags=int(commands.rng.choice([0, formats.FENCE])))
            if shared:
                await bench.write(GIE, 1)
                await bench.write(IER, 1)
            await bench.passes(commands.seal(), wait=bench.interrupted if shared else None)


@test
async def unchanged_axi_ram(dut):
    """AxiRam as it is behind every port, with one memory."""
    bench = Bench(dut, AxiRam, size=2**62)  # version 0.1.28 cannot be made with its own default of 2^64
    await bench.reset()
    for seed in SEEDS:
        bench.disturb(seed)
        commands = some_commands(100 + seed, 3, shared=True)
        for slave in bench.slaves:
            slave.read_if.mem = slave.write_if.mem = commands.memories[0].bytes
            slave.read_if.size = slave.write_if.size = 2**64
        await bench.passes(commands)


@test
async def fence(dut):
    """FENCE: results read as the activations of the next command, through several commands."""
    bench = Bench(dut)
    await bench.reset()
    for seed in SEEDS:
        bench.disturb(seed)
        commands = CommandList(seed)
        m = 16 * commands.rng.integers(1, 1 + min(TILE // 8, 20))
        y_offset, y = commands.matmul(m, 50, SHAPE.tokens, 1)
        for _ in range(4):
            x = formats.np.frombuffer(y, "i1")[None, :64 * (len(y) // 64)]  # one token that reads the results' bytes
            k = int(commands.rng.integers(1, x.shape[1] + 1))
            y_offset, y = commands.matmul(m, k, 1, 1, x[:, :k], y_offset, flags=formats.FENCE)
        data = commands.memories[-1]
        data.reads += data.writes
        await bench.passes(commands.seal())


@test
async def starts(dut):
    """Empty lists, starts right behind one another, registers rewritten while a run is active, auto-restart."""
    bench = Bench(dut)
    await bench.reset()
    for seed in SEEDS:
        bench.disturb(seed)
        await bench.passes(CommandList(seed).seal())  # empty
        await bench.passes(some_commands(seed, 2))
        first, second = some_commands(200 + seed, 2), some_commands(300 + seed, 1)
        bench.connect(first)
        await bench.load(first)
        await bench.write(CTRL, START)
        await bench.load(second)  # takes effect at the next start
        await bench.write(CTRL, START)  # no second run
        await bench.passes(first, start=False)
        bench.connect(second)
        await bench.write(CTRL, START)
        await bench.passes(second, start=False)
        await bench.write(CTRL, START | AUTO_RESTART)
        for _ in range(3):
            await bench.done()
        await bench.write(CTRL, 0)
        while not await bench.read(CTRL) & IDLE:
            pass
        await ClockCycles(dut.ap_clk, 50)
        assert await bench.read(CTRL) & (START | IDLE | AUTO_RESTART) == IDLE
        assert await bench.read(ERROR) == 0
        second.check()
        second.check_strays()


@test
async def interrupts(dut):
    """GIE, IER and ISR: set only while enabled, a level, toggled by writing 1; done and ready cleared by the read."""
    bench = Bench(dut)
    await bench.reset()
    for enabled in range(4):
        for general in (0, 1):
            bench.disturb(enabled)
            await bench.write(GIE, general)
            await bench.write(IER, enabled)
            await bench.load(CommandList(0).seal())
            await bench.write(CTRL, START)
            await ClockCycles(dut.ap_clk, 60)
            assert dut.interrupt.value == (general and enabled != 0)
            assert await bench.read(CTRL) == DONE | IDLE | READY
            assert await bench.read(CTRL) == IDLE
            assert await bench.read(ISR) == enabled
            await bench.write(ISR, enabled)
            assert await bench.read(ISR) == 0 and not dut.interrupt.value
            await bench.write(ISR, 3)  # toggles: sets
            assert await bench.read(ISR) == 3 and dut.interrupt.value == general
            await bench.write(ISR, 3)


@test
async def descriptor_errors(dut):
    """Codes 1 to 7: where, what stands in memory, and that the next start works."""
    good = dict(m=5, k=70, tokens=1, planes=1, x_stride=128)
    bad = [(1, dict(version=0)), (1, dict(version=2)), (2, dict(opcode=2)), (2, dict(opcode=0x10)), (3, dict(flags=2)),
           (3, dict(flags=0x8000)), (3, dict(reserved=bytes(15) + b"\x80")), (3, dict(reserved=b"\x01" + bytes(15))),
           *((4, {name: 0}) for name in ("m", "k", "tokens", "planes")), (4, dict(m=2**20 + 1)), (4, dict(k=2**17 + 1)),
           (4, dict(tokens=SHAPE.tokens + 1)), (4, dict(planes=6)), (5, dict(weight=32)), (5, dict(x=1)), (5, dict(y=8)),
           (5, dict(x_stride=65)), (6, dict(x=2**64 - 64)), (6, dict(y=2**64 - 64)), (6, dict(weight=2**64 - 64)),
           (7, dict(encoding=0)), (7, dict(encoding=2)), (3, dict(flags=2, m=0, x=1)), (1, dict(version=3, opcode=9)),
           (3, dict(opcode=formats.NOP, flags=4))]
    good = dict(m=20 * SHAPE.ports, k=70, tokens=1, planes=1, x_stride=128)
    bench = Bench(dut)
    await bench.reset()
    for seed, (code, change) in enumerate(bad):
        bench.disturb(seed)
        commands = some_commands(seed, seed % 3)
        commands.memories[-1].reads.pop()  # the list, to be sealed again
        before = len(commands.descriptors)
        commands.descriptors.append(formats.descriptor(**(good | change)))
        commands.random_matmul()
        status = await bench.run(commands.seal())
        assert status == (code, before, commands.address + 64 * before, 0, before), (change, status)
        commands.check(before)
        commands.check_strays()
    await bench.passes(some_commands(0, 1))
    # The same of registers: list and bases off by 64 / 2, a list past the end of memory.
    for code, address, value in ((5, LIST, 32), (5, DATA_BASE, 32), (5, W_BASE + 12 * (SHAPE.ports - 1), 32), (6, LIST, 2**64 - 64)):
        commands = some_commands(1, 2)
        bench.connect(commands)
        await bench.load(commands)
        await bench.write(address, value, 8)
        await bench.write(CTRL, START)
        await bench.done()
        assert await bench.status() == (code, 0, value if address == LIST else commands.address, 0, 0)
        commands.check(0)
    # What ends at 2^64 exactly is legal.
    m, k, end, room = 16, SHAPE.lanes, 2**64, 2**24
    for part in ("weight", "x", "y"):
        commands = CommandList(0, top=True)
        x = commands.rng.integers(-128, 128, (1, -(-k // 64) * 64), formats.np.int8)
        x_offset = room - x.size if part == "x" else 2**16
        commands.memories[-1].readable(end - room + x_offset, x.tobytes())
        commands.weight_used = room - m // SHAPE.ports * SHAPE.beat if part == "weight" else 0
        commands.data_used = room - 4 * m * SHAPE.tokens if part == "y" else 2**17
        commands.matmul(m, k, 1, 1, x[:, :k], x_offset)
        await bench.passes(commands.seal())


@test
async def bus_errors(dut):
    """SLVERR and DECERR while reading list, weights and activations and while writing results (codes 9 to 12)."""
    bench = Bench(dut)
    await bench.reset()
    for seed in range(6 * len(SEEDS)):
        bench.disturb(seed)
        bench.bad_response = (AxiResp.SLVERR, AxiResp.DECERR)[seed % 2]
        commands = some_commands(seed, 3)
        data, port = len(bench.slaves) - 1, seed // 4 % SHAPE.ports
        code = 9 + seed % 4
        index = int(commands.rng.integers(3))
        place, bursts, info = commands.places[index], bench.read_bursts[data], 0
        if code == 9:
            at, place = commands.address + 64 * index, None
        elif code == 10:
            at = commands.w_base[port] + place["weight"] + SHAPE.beat * int(commands.rng.integers(place["beats"]))
            bursts, info = bench.read_bursts[port], port
        elif code == 11:
            at = place["x"]
        else:
            at, bursts = place["y"] + int(commands.rng.integers(len(commands.results[index][1]))), bench.write_bursts[data]
        commands.memories[port if code == 10 else data].fails = at
        bursts.clear()
        error, error_index, address, error_info, completed = await bench.run(commands.seal())
        assert (error, error_index, error_info) == (code, index, info) and completed <= index, (seed, code, index, error, error_index)
        assert any(begin == address and begin <= at < end for begin, end in bursts), (hex(at), hex(address), bursts)
        commands.check(completed, rest_untouched=False)
        commands.check_strays()
        await bench.passes(some_commands(seed, 1))  # without reset


@test
async def trit_errors(dut):
    """An illegal code anywhere in a stream (code 8)."""
    bench = Bench(dut)
    await bench.reset()
    for seed in range(3 * len(SEEDS)):
        bench.disturb(seed)
        commands = some_commands(seed, 3)
        index, port, rng = int(commands.rng.integers(3)), int(commands.rng.integers(SHAPE.ports)), commands.rng
        place, code, byte = commands.places[index], int(rng.choice(formats.ILLEGAL)), int(rng.integers(SHAPE.beat))
        at = commands.w_base[port] + place["weight"] + SHAPE.beat * int(rng.integers(place["beats"]))
        memory = commands.memories[port].bytes
        beat = formats.np.unpackbits(formats.np.frombuffer(memory.read(at, SHAPE.beat), "u1"), bitorder="little").reshape(8, -1)
        beat[:, byte] = code >> formats.np.arange(8) & 1
        memory.write(at, formats.np.packbits(beat.reshape(-1), bitorder="little").tobytes())
        error, error_index, address, info, completed = await bench.run(commands)
        assert (error, error_index, address, info) == (8, index, at, port), (seed, error, error_index, hex(address), hex(at), info)
        assert completed <= index
        commands.check(completed, rest_untouched=False)
        await bench.passes(some_commands(seed, 1))


@test
async def resets(dut):
    """Reset in the middle of runs, with accesses to registers under way; one clock of it is enough."""
    bench = Bench(dut)
    await bench.reset()
    for seed in range(4 * len(SEEDS)):
        rng = random.Random(seed)
        bench.disturb(seed)
        commands = some_commands(seed, 3)
        bench.connect(commands)
        await bench.load(commands)
        await bench.write(CTRL, START)
        await ClockCycles(dut.ap_clk, rng.choice([1, 5, rng.randint(10, 100), rng.randint(1, 1500)]))
        bench.control.init_read(CTRL, 4)
        bench.control.init_write(LIST, bytes(8))
        await ClockCycles(dut.ap_clk, rng.randint(1, 6))
        await bench.reset(rng.randint(1, 3))
        assert await bench.read(CTRL) == IDLE and await bench.status() == (0, 0, 0, 0, 0)
        assert await bench.read(LIST, 8) == await bench.read(GIE) == 0 and await bench.read(WATCHDOG) == 0x00100000
        await bench.passes(some_commands(seed, 2))


@test
async def watchdog(dut):
    """A channel that never answers (code 13), a start without reset, and a reset."""
    bench = Bench(dut)
    await bench.reset()
    for channel in bench.channels():
        channel.queue_occupancy_limit = -1  # else an AR or AW waits as well, and hides the R or B
    data = bench.slaves[-1]
    cases = [(0, data.read_if.ar_channel, None), (1, None, "x"), (2, data.write_if.aw_channel, None), (3, data.write_if.w_channel, None),
             (4, data.write_if.b_channel, None)]
    cases += [(8 + p, bench.slaves[p].read_if.ar_channel, None) for p in range(SHAPE.ports)]
    cases += [(20 + p, None, p) for p in range(SHAPE.ports)]
    for bit, channel, place in cases:
        bench.disturb(0)
        commands = some_commands(bit, 2)
        if channel:
            channel.pause = True
        elif place == "x":
            commands.memories[-1].hangs = commands.places[0]["x"]
        else:
            commands.memories[place].hangs = commands.w_base[place] + commands.places[0]["weight"]
        await bench.write(WATCHDOG, 700)
        for _ in range(2):  # the second start reports the same
            error, index, address, info, completed = await bench.run(commands)
            assert (error, index, address, completed) == (13, 0, commands.address, 0), (bit, error, index, hex(address))
            assert info == 1 << bit, (bit, hex(info))
        await bench.reset()
        bench.disturb(0)
        await bench.passes(some_commands(bit, 1))
