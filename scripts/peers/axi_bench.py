# SPDX-License-Identifier: Apache-2.0
"""A kernel between cocotbext-axi's models: clock, reset, registers, one AXI slave per memory port, and command lists
placed at random in memories that complain about every access the documents do not announce."""
import json
import logging
import os
import random

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
SETUP = json.loads(os.environ["SETUN_AXI"])  # from compare_axi.py
SHAPE = formats.Shape(SETUP["ports"], SETUP["port_bits"], SETUP["tokens"], SETUP["tile_rows"])
TOTALS = dict(lists=0, commands=0, beats=0, cycles=0)


class Memory:
    """A target for AxiSlave. `reads` and `writes` are the ranges [begin, end) that may be touched; others are strays.
    `fails` is an address whose access is answered with an error, `hangs` one whose read is never answered."""

    def __init__(self):
        self.bytes, self.reads, self.writes, self.strays = SparseMemory(2**64), [], [], []
        self.fails = self.hangs = None

    def readable(self, address, data):
        self.bytes.write(address, data)
        self.reads.append((address, address + len(data)))

    def _check(self, ranges, address, length):
        if not any(begin <= address and address + length <= end for begin, end in ranges):
            self.strays.append((hex(address), length))
        if self.fails is not None and address <= self.fails < address + length:
            raise IOError("an error response that the test asked for")

    async def read(self, address, length):
        if self.hangs is not None and address <= self.hangs < address + length:
            await Event().wait()
        self._check(self.reads, address, length)
        return self.bytes.read(address, length)

    async def write(self, address, data):
        self._check(self.writes, address, len(data))
        self.bytes.write(address, data)


class CommandList:
    """Commands and all that they read and write, at random places. `memories` is one per weight port and the data port's
    last; `shared` makes them one. `top` puts all bases 16 MiB below 2^64 and no gaps between ranges."""

    def __init__(self, seed, shared=False, top=False):
        self.rng = np.random.default_rng([seed, int(shared)])
        count = SHAPE.ports + 1
        self.memories = [Memory()] * count if shared else [Memory() for _ in range(count)]
        starts = [0, 0xFC0, 2**32 - 0x1000, 2**32 - 0x40, 2**63, 2**64 - count * 2**24]
        bases = [int(self.rng.choice(starts[:5] if shared else starts)) for _ in range(count)]
        if shared:  # apart from each other
            bases = [bases[0] + i * 2**24 for i in range(count)]
        if top:
            bases = [2**64 - 2**24] * count
        self.gaps = [0] if top else [0, 1, 3, 62, 63, 64]
        *self.w_base, self.data_base = bases
        self.weight_used = self.data_used = 0
        self.descriptors, self.results, self.places = [], [], []
        self.beats = self.nonzero = 0
        self.address = self.data_base + self.data_space(64 * 64)

    def data_space(self, size):
        """An offset from DATA_BASE of `size` bytes that nothing else uses."""
        offset = self.data_used + 64 * int(self.rng.choice(self.gaps))
        self.data_used = -(-(offset + size) // 64) * 64
        return offset

    def matmul(self, m, k, tokens, planes, x=None, x_offset=None, **fields):
        """Adds a MATMUL of random weights; without x (int8 [tokens][k] at x_offset) of random activations too."""
        rng, data = self.rng, self.memories[-1]
        limit = (3**planes - 1) // 2
        weights = rng.integers(-limit, limit + 1, (m, k)) * (rng.random((m, k)) < rng.choice([0.1, 0.6, 1]))
        streams = formats.streams(SHAPE, weights, planes)
        weight_offset = self.weight_used + 64 * int(rng.choice(self.gaps))
        self.weight_used = -(-(weight_offset + len(streams[0])) // 64) * 64
        for memory, base, stream in zip(self.memories, self.w_base, streams):
            memory.readable(base + weight_offset, stream)
        padded, stride = -(-k // 64) * 64, 0
        if x is None:
            x = rng.integers(-128, 128, (tokens, k), np.int8)
            if rng.random() < 0.2:
                x[:] = x[0]  # all tokens read one row
            else:
                stride = padded + 64 * int(rng.integers(3))
            x_offset = self.data_space(stride * (tokens - 1) + padded)
            for token in range(tokens):
                rest = rng.integers(-128, 128, padded - k, np.int8)
                data.readable(self.data_base + x_offset + token * stride, np.append(x[token], rest).tobytes())
        result = formats.results(SHAPE, weights, x)
        y_offset = self.data_space(len(result))
        y = self.data_base + y_offset
        data.bytes.write(y, b"\xa5" * len(result))
        data.writes.append((y, y + len(result)))
        self.results.append((y, result))
        self.places.append(dict(weight=weight_offset, x=self.data_base + x_offset, y=y, beats=len(streams[0]) // SHAPE.beat))
        self.beats += SHAPE.ports * self.places[-1]["beats"]
        self.nonzero += int(np.count_nonzero(formats.planes_of(weights, planes)))
        self.descriptors.append(formats.descriptor(weight=weight_offset, x=x_offset, y=y_offset, m=m, k=k, tokens=tokens,
                                                   planes=planes, x_stride=stride, tag=int(rng.integers(2**32)), **fields))
        return y_offset, result

    def random_matmul(self, **fields):
        """A MATMUL whose sizes lie around those of tiles and chunks."""
        rng, span = self.rng, SHAPE.ports * SHAPE.tile_rows
        m = int(rng.choice([1, SHAPE.ports, rng.integers(1, 40), span - 1, span, span + 1, rng.integers(1, 2 * span + 9)]))
        k = int(rng.choice([1, 64, SHAPE.lanes, SHAPE.lanes + 1, rng.integers(1, 3 * SHAPE.lanes)]))
        m = min(m, 40000 // k + 1)
        return self.matmul(m, k, int(rng.integers(1, SHAPE.tokens + 1)), int(rng.choice([1, 1, 1, 2, 3, 4, 5])), **fields)

    def seal(self):
        """Writes the list behind the data port."""
        self.memories[-1].readable(self.address, b"".join(self.descriptors))
        return self

    def check(self, count=None, rest_untouched=True):
        """The results of the first `count` MATMULs (default: all) stand in memory; those of the others are untouched."""
        for i, (address, expected) in enumerate(self.results):
            got = self.memories[-1].bytes.read(address, len(expected))
            if count is not None and i >= count:
                expected = b"\xa5" * len(expected) if rest_untouched else got
            assert got == expected, f"results of MATMUL {i} at {address:#x} differ"

    def check_strays(self):
        assert not any(m.strays for m in self.memories), [m.strays for m in self.memories]


def pauses(rng, share, longest):
    """For set_pause_generator: random runs of cycles, `share` of them waits."""
    while True:
        yield from [rng.random() < share] * rng.randint(1, longest)


class Bench:
    """The kernel and the models around it; one per test."""

    def __init__(self, dut, slave=AxiSlave, **options):
        self.dut = dut
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.ERROR)  # the models name each access
        dut.ap_clk.setimmediatevalue(0)
        dut.ap_rst_n.setimmediatevalue(1)  # the models know of a reset by its edge only: reset() makes one before the first clock
        self.clock = None
        around = dict(clock=dut.ap_clk, reset=dut.ap_rst_n, reset_active_level=False)
        self.names = [f"w{p}" for p in range(SHAPE.ports)] + ["data"]
        self.slaves = [slave(AxiBus.from_prefix(dut, f"m_axi_{name}"), **around, **options) for name in self.names]
        self.control = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi_control"), **around)
        self.read_bursts, self.write_bursts = [[] for _ in self.slaves], [[] for _ in self.slaves]
        self.bad_response = AxiResp.SLVERR
        for slave_, reads, writes in zip(self.slaves, self.read_bursts, self.write_bursts):
            self._spy(slave_.read_if.ar_channel, reads, "ar")
            self._spy(slave_.write_if.aw_channel, writes, "aw")
            self._answer(slave_.read_if.r_channel, "rresp")
            self._answer(slave_.write_if.b_channel, "bresp")

    def _spy(self, channel, seen, letters):
        receive = channel.recv

        async def spying():
            burst = await receive()
            address, beats, size, kind, number = (int(getattr(burst, letters + name))
                                                  for name in ("addr", "len", "size", "burst", "id"))
            size_in_bytes = (beats + 1) << size
            assert size == (SHAPE.beat - 1).bit_length() and kind == 1 and number == 0 and address % SHAPE.beat == 0
            assert size_in_bytes <= 4096 - address % 4096, f"burst at {address:#x} crosses 4 KiB"
            seen.append((address, address + size_in_bytes))
            return burst
        channel.recv = spying

    def _answer(self, channel, name):
        """Turns the models' SLVERR into self.bad_response."""
        send = channel.send

        async def answering(response):
            if getattr(response, name) == AxiResp.SLVERR:
                setattr(response, name, self.bad_response)
            await send(response)
        channel.send = answering

    def channels(self):
        """All AXI channels of the models: control, then those of each memory port."""
        for model in [self.control, *self.slaves]:
            yield from (model.read_if.ar_channel, model.read_if.r_channel)
            yield from (model.write_if.aw_channel, model.write_if.w_channel, model.write_if.b_channel)

    def disturb(self, seed):
        """Random waits on every channel; seed 0 has none, every third seed long ones."""
        rng = random.Random(seed)
        for channel in self.channels():
            channel.clear_pause_generator()
            channel.pause = False
            if seed:
                channel.set_pause_generator(pauses(rng, rng.choice([0, 0.2, 0.5, 0.8]), rng.choice([1, 4, 90 if seed % 3 == 2 else 9])))

    async def reset(self, cycles=4):
        if self.clock is None:
            await Timer(1, "ns")
            self.dut.ap_rst_n.value = 0
            await Timer(1, "ns")
            self.clock = cocotb.start_soon(Clock(self.dut.ap_clk, 10, "ns").start())
        self.dut.ap_rst_n.value = 0
        await ClockCycles(self.dut.ap_clk, cycles)
        await ReadOnly()
        for name in self.names:
            assert not any(getattr(self.dut, f"m_axi_{name}_{valid}").value for valid in ("arvalid", "awvalid", "wvalid"))
        assert not self.dut.s_axi_control_bvalid.value and not self.dut.s_axi_control_rvalid.value
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
        for slave, memory in zip(self.slaves, commands.memories):
            slave.write_if.target = slave.read_if.target = memory

    async def load(self, commands):
        """Puts the list's addresses into the registers."""
        await self.write(LIST, commands.address, 8)
        await self.write(LIST_COUNT, len(commands.descriptors))
        await self.write(DATA_BASE, commands.data_base, 8)
        for port, base in enumerate(commands.w_base):
            await self.write(W_BASE + 12 * port, base, 8)

    async def done(self, polls=20000):
        """Waits for done by polling CTRL."""
        for _ in range(polls):
            if await self.read(CTRL) & DONE:
                return
        raise AssertionError("the run does not end")

    async def interrupted(self):
        """Waits for done by the interrupt, which must be enabled, and takes it back."""
        if not self.dut.interrupt.value:
            await with_timeout(RisingEdge(self.dut.interrupt), 10, "ms")
        assert await self.read(ISR) & 1
        await self.write(ISR, 1)
        assert not await self.read(ISR) & 1 and not self.dut.interrupt.value
        assert await self.read(CTRL) & DONE

    async def status(self):
        """(ERROR, ERROR_INDEX, ERROR_ADDR, ERROR_INFO, COMPLETED)."""
        return (await self.read(ERROR), await self.read(ERROR_INDEX), await self.read(ERROR_ADDR, 8),
                await self.read(ERROR_INFO), await self.read(COMPLETED))

    async def run(self, commands):
        """Runs a list to its end, whatever that is, and returns status()."""
        self.connect(commands)
        await self.load(commands)
        await self.write(CTRL, START)
        await self.done()
        return await self.status()

    async def passes(self, commands, start=True, wait=None):
        """Runs a list that must succeed and checks results, counters and accesses."""
        if start:
            self.connect(commands)
            await self.load(commands)
            await self.write(CTRL, START)
        await (wait or self.done)()
        assert (await self.status())[0] == 0, await self.status()
        assert await self.read(COMPLETED) == len(commands.descriptors)
        beats, cycles = await self.read(BEATS, 8), await self.read(CYCLES, 8)
        assert beats == commands.beats and await self.read(BUSY, 8) == beats // SHAPE.ports <= cycles
        assert await self.read(NONZERO, 8) == commands.nonzero
        commands.check()
        commands.check_strays()
        for key, value in dict(lists=1, commands=len(commands.descriptors), beats=beats, cycles=cycles).items():
            TOTALS[key] += value
