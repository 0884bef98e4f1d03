# SPDX-License-Identifier: Apache-2.0
"""A kernel between cocotbext-axi's models, and command lists placed at random in memories that note every access which
docs/command-interface.md and docs/memory-format.md do not announce."""
import json
import logging
import os
import random
from types import SimpleNamespace

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, Event, NextTimeStep, ReadOnly, RisingEdge, Timer, with_timeout
from cocotb_bus.bus import Bus
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiResp, AxiSlave
from cocotbext.axi.sparse_memory import SparseMemory

import axi_formats as formats

# By default cocotb-bus finds signals by listing the top's. With Verilator 5.006 that gives copies of the ports inside the top:
# what is written to them is lost. Asked for by name they are the ports.
Bus._caseInsensGetattr = lambda _, entity, name: getattr(entity, name, None)

CTRL, GIE, IER, ISR, LIST, LIST_COUNT, DATA_BASE, W_BASE = 0x000, 0x004, 0x008, 0x00C, 0x010, 0x01C, 0x024, 0x030
MAGIC, VERSION, CONFIG0, CONFIG1, ERROR, ERROR_INDEX, ERROR_ADDR = 0x200, 0x204, 0x208, 0x20C, 0x210, 0x214, 0x218
ERROR_INFO, COMPLETED, WATCHDOG, CYCLES, BUSY, BEATS, NONZERO = 0x220, 0x224, 0x228, 0x240, 0x248, 0x250, 0x270
START, DONE, IDLE, READY, AUTO_RESTART = 1, 2, 4, 8, 0x80
SHAPE = SimpleNamespace(**json.loads(os.environ["SETUN_AXI"]))  # from compare_axi.py
TOTALS = dict(lists=0, commands=0, beats=0, cycles=0)


class Memory:
    """A target for AxiSlave. Accesses outside the ranges in `reads` and `writes` become `strays`; an access of address `fails` is answered
    with an error, a read of `hangs` never."""

    def __init__(self):
        self.bytes, self.reads, self.writes, self.strays, self.fails, self.hangs = SparseMemory(2**64), [], [], [], -1, -1

    def put(self, address, data):
        self.bytes.write(address, data)
        self.reads.append((address, address + len(data)))

    def _check(self, ranges, address, length):
        if not any(begin <= address and address + length <= end for begin, end in ranges):
            self.strays.append((hex(address), length))
        if address <= self.fails < address + length:
            raise IOError("an error response that the test asked for")

    async def read(self, address, length):
        if address <= self.hangs < address + length:
            await Event().wait()
        self._check(self.reads, address, length)
        return self.bytes.read(address, length)

    async def write(self, address, data):
        self._check(self.writes, address, len(data))
        self.bytes.write(address, data)


class CommandList:
    """Commands and all that they read and write. `memories` is one for each weight port and, last, the data port's; `shared` makes
    them one. `places` has addresses and results of the MATMULs."""

    def __init__(self, seed, shared=False):
        self.rng, count = np.random.default_rng([seed, int(shared)]), SHAPE.ports + 1
        self.memories = [Memory()] * count if shared else [Memory() for _ in range(count)]
        starts = [0, 0xFC0, 2**32 - 0x1000, 2**32 - 0x40, 2**63, 2**64 - 2**24]
        bases = [int(self.rng.choice(starts[:-1] if shared else starts)) for _ in range(count)]
        *self.w_base, self.data_base = [bases[0] + i * 2**24 for i in range(count)] if shared else bases
        self.used, self.gaps = dict(weight=0, data=0), [0, 1, 3, 62, 63, 64]
        self.descriptors, self.places, self.beats, self.nonzero = [], [], 0, 0
        self.address = self.data_base + self.space("data", 4096)

    def space(self, kind, size):
        """An offset from the bases at which `size` bytes are free."""
        offset = self.used[kind] + 64 * int(self.rng.choice(self.gaps))
        self.used[kind] = -(-(offset + size) // 64) * 64
        return offset

    def matmul(self, m, k, tokens, planes, x=None, x_offset=None, **fields):
        """Adds a MATMUL of random weights; x is int8 [tokens][k] and in memory already, or random too. Returns its place."""
        rng, data, limit, padded, stride = self.rng, self.memories[-1], (3**planes - 1) // 2, -(-k // 64) * 64, 0
        weights = rng.integers(-limit, limit + 1, (m, k)) * (rng.random((m, k)) < rng.choice([0.1, 0.6, 1]))
        streams = formats.streams(SHAPE, weights, planes)
        weight_offset = self.space("weight", len(streams[0]))
        for memory, base, stream in zip(self.memories, self.w_base, streams):
            memory.put(base + weight_offset, stream)
        if x is None:
            x, stride = rng.integers(-128, 128, (tokens, k), np.int8), padded + 64 * int(rng.integers(3))
            if rng.random() < 0.2:
                x[:], stride = x[0], 0  # all tokens read one row
            x_offset = self.space("data", stride * (tokens - 1) + padded)
            for token in range(tokens):
                row = np.append(x[token], rng.integers(-128, 128, padded - k, np.int8))
                data.put(self.data_base + x_offset + token * stride, row.tobytes())
        result = formats.results(SHAPE, weights, x)
        y_offset = self.space("data", len(result))
        y = self.data_base + y_offset
        data.bytes.write(y, b"\xa5" * len(result))
        data.writes.append((y, y + len(result)))
        self.places.append(SimpleNamespace(weight=weight_offset, beats=len(streams[0]) // SHAPE.beat, x=self.data_base + x_offset, y=y,
                                           y_offset=y_offset, result=result))
        self.beats += SHAPE.ports * self.places[-1].beats
        self.nonzero += int(np.count_nonzero(formats.digits(weights, planes)))
        self.descriptors.append(formats.descriptor(weight=weight_offset, x=x_offset, y=y_offset, m=m, k=k, tokens=tokens, planes=planes,
                                                   x_stride=stride, tag=int(rng.integers(2**32)), **fields))
        return self.places[-1]

    def some(self, count, **fields):
        """Adds MATMULs whose sizes lie around those of tiles and chunks."""
        for _ in range(count):
            rng, span = self.rng, SHAPE.ports * SHAPE.tile_rows
            k = int(rng.choice([1, 64, SHAPE.lanes, SHAPE.lanes + 1, rng.integers(1, 3 * SHAPE.lanes)]))
            m = int(rng.choice([1, SHAPE.ports, rng.integers(1, 40), span - 1, span, span + 1, rng.integers(1, 2 * span + 9)]))
            self.matmul(min(m, 40000 // k + 1), k, int(rng.integers(1, SHAPE.tokens + 1)), int(rng.choice([1, 1, 1, 2, 3, 4, 5])), **fields)
        return self

    def seal(self):
        """Writes the list behind the data port."""
        self.memories[-1].put(self.address, b"".join(self.descriptors))
        return self

    def check(self, count=None, untouched=True):
        """The results of the first `count` MATMULs (default: all) are in memory, those of others not begun; and there were no strays."""
        for i, place in enumerate(self.places):
            got, wanted = self.memories[-1].bytes.read(place.y, len(place.result)), place.result
            if count is not None and i >= count:
                wanted = b"\xa5" * len(wanted) if untouched else got
            assert got == wanted, f"results of MATMUL {i} at {place.y:#x} differ"
        assert not any(m.strays for m in self.memories), [m.strays for m in self.memories]


def pauses(rng, share, longest):
    """For set_pause_generator: random runs of cycles, `share` of them waits."""
    while True:
        yield from [rng.random() < share] * rng.randint(1, longest)


class Bench:
    """The kernel with an AXI-Lite master and a slave on each memory port, the data port's last; one per test."""

    def __init__(self, dut, slave=AxiSlave, **options):
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.ERROR)  # the models log each access
        dut.ap_clk.setimmediatevalue(0)
        dut.ap_rst_n.setimmediatevalue(1)  # the models know a reset by its edge only: reset() makes one before the first clock
        around = dict(clock=dut.ap_clk, reset=dut.ap_rst_n, reset_active_level=False)
        self.dut, self.clock, self.names = dut, None, [f"w{p}" for p in range(SHAPE.ports)] + ["data"]
        self.slaves = [slave(AxiBus.from_prefix(dut, f"m_axi_{name}"), **around, **options) for name in self.names]
        self.control = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi_control"), **around)
        self.read_bursts, self.write_bursts, self.bad_response = [[] for _ in self.slaves], [[] for _ in self.slaves], AxiResp.SLVERR
        for model, reads, writes in zip(self.slaves, self.read_bursts, self.write_bursts):
            self._spy(model.read_if.ar_channel, reads, "ar", model.read_if.r_channel)
            self._spy(model.write_if.aw_channel, writes, "aw", model.write_if.b_channel)

    def _spy(self, channel, seen, ax, answers):
        """Checks each burst and notes its range; makes the models' SLVERR bad_response."""
        receive, send = channel.recv, answers.send

        async def received():
            burst = await receive()
            begin, beats, size, kind, number = (int(getattr(burst, ax + name)) for name in ("addr", "len", "size", "burst", "id"))
            end = begin + (beats + 1 << size)
            assert (1 << size, kind, number, begin % SHAPE.beat) == (SHAPE.beat, 1, 0, 0), f"{ax} {burst}"
            assert begin // 4096 == (end - 1) // 4096, f"{ax} at {begin:#x} crosses 4 KiB"
            seen.append((begin, end))
            return burst

        async def sent(answer):
            for name in ("rresp", "bresp"):
                if getattr(answer, name, None) == AxiResp.SLVERR:
                    setattr(answer, name, self.bad_response)
            await send(answer)
        channel.recv, answers.send = received, sent

    def disturb(self, seed):
        """Random waits on every channel; seed 0 has none, every third seed long ones."""
        rng = random.Random(seed)
        for model in [self.control, *self.slaves]:
            for channel in (model.read_if.ar_channel, model.read_if.r_channel, model.write_if.aw_channel, model.write_if.w_channel,
                            model.write_if.b_channel):
                channel.clear_pause_generator()
                channel.pause = False
                if seed:
                    longest = rng.choice([1, 4, 90 if seed % 3 == 2 else 9])
                    channel.set_pause_generator(pauses(rng, rng.choice([0, 0.2, 0.5, 0.8]), longest))

    async def reset(self, cycles=4):
        if self.clock is None:
            await Timer(1, "ns")
            self.dut.ap_rst_n.value = 0
            await Timer(1, "ns")
            self.clock = cocotb.start_soon(Clock(self.dut.ap_clk, 10, "ns").start())
        self.dut.ap_rst_n.value = 0
        await ClockCycles(self.dut.ap_clk, cycles)
        await ReadOnly()
        valid = [f"m_axi_{name}_{channel}valid" for name in self.names for channel in ("ar", "aw", "w")]
        assert not any(int(getattr(self.dut, name).value) for name in [*valid, "s_axi_control_bvalid", "s_axi_control_rvalid"])
        await NextTimeStep()
        self.dut.ap_rst_n.value = 1
        await ClockCycles(self.dut.ap_clk, 2)

    async def write(self, address, value, size=4):
        assert (await self.control.write(address, value.to_bytes(size, "little"))).resp == AxiResp.OKAY

    async def read(self, address, size=4):
        answer = await self.control.read(address, size)
        assert answer.resp == AxiResp.OKAY
        return int.from_bytes(answer.data, "little")

    def connect(self, commands):
        """Puts the list's memories behind the ports."""
        for model, memory in zip(self.slaves, commands.memories):
            model.write_if.target = model.read_if.target = memory

    async def load(self, commands):
        """Puts the list's addresses into the registers."""
        await self.write(LIST, commands.address, 8)
        await self.write(LIST_COUNT, len(commands.descriptors))
        for address, base in ((DATA_BASE, commands.data_base), *((W_BASE + 12 * p, base) for p, base in enumerate(commands.w_base))):
            await self.write(address, base, 8)

    async def start(self, commands):
        self.connect(commands)
        await self.load(commands)
        await self.write(CTRL, START)

    async def done(self):
        """Waits for done by polling CTRL."""
        for _ in range(20000):
            if await self.read(CTRL) & DONE:
                return
        raise AssertionError("the run does not end")

    async def interrupted(self):
        """Waits for done by the interrupt, which must be enabled, and takes it back."""
        if not self.dut.interrupt.value:
            await with_timeout(RisingEdge(self.dut.interrupt), 10, "ms")
        assert await self.read(ISR) & 1
        await self.write(ISR, 1)
        assert not await self.read(ISR) & 1 and not self.dut.interrupt.value and await self.read(CTRL) & DONE

    async def status(self):
        """(ERROR, ERROR_INDEX, ERROR_ADDR, ERROR_INFO, COMPLETED) after the end of the run."""
        await self.done()
        return (await self.read(ERROR), await self.read(ERROR_INDEX), await self.read(ERROR_ADDR, 8), await self.read(ERROR_INFO),
                await self.read(COMPLETED))

    async def passes(self, commands, wait=None):
        """The run of this list ends without error; checks results, counters and accesses."""
        await (wait or self.done)()
        assert await self.read(ERROR) == 0 and await self.read(COMPLETED) == len(commands.descriptors)
        beats, cycles = await self.read(BEATS, 8), await self.read(CYCLES, 8)
        assert beats == commands.beats and await self.read(BUSY, 8) == beats // SHAPE.ports <= cycles
        assert await self.read(NONZERO, 8) == commands.nonzero
        commands.check()
        for key, value in dict(lists=1, commands=len(commands.descriptors), beats=beats, cycles=cycles).items():
            TOTALS[key] += value

    async def run(self, commands):
        """Runs a list that must succeed."""
        await self.start(commands)
        await self.passes(commands)
