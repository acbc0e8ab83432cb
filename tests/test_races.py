# SPDX-License-Identifier: GPL-2.0-only
"""Requests that meet: two writers on a block, CPUs that come and go, an eject, a signal.

A block is kept from going offline by pages in a pipe, which nothing can move and
nothing accounts for: an offline then goes on until somebody ends it.
"""

from __future__ import annotations

import errno
import shlex
import signal
from collections.abc import Iterator

import pytest
from uevents import MEMORY

from harness.machine import Dimm, GuestTimeout, Holder, Job, Machine

BLOCK = 128 << 20
NODE = 1
CPU = "/sys/devices/system/cpu"
SOON = 10       # seconds (stretched for slow guests) in which a signal must have ended an offline

GUEST = dict(cpus=3, dimms=(Dimm("d0", "256M", NODE),), append=("memhp_default_state=online_movable",))


@pytest.fixture
def steady(guest: Machine) -> Iterator[Machine]:
    """All memory and CPUs are online before and after."""
    for cpu in (1, 2):
        guest.write(f"{CPU}/cpu{cpu}/online", 1)
    guest.online(guest.memory(use=False).offline(NODE), "online_movable")
    yield guest
    for job in guest.jobs():    # an offline that is stuck would hold up what follows
        job.kill()
        job.wait()
    for cpu in (1, 2):
        guest.write(f"{CPU}/cpu{cpu}/online", 1)
    guest.online(guest.memory(use=False).offline(NODE), "online_movable")


def first_block(machine: Machine) -> int:
    return machine.memory(use=False).on(NODE)[0].number


def state(machine: Machine, number: int) -> str:
    return machine.read(f"{MEMORY}/memory{number}/state")


def stuck_offline(machine: Machine) -> tuple[Holder, int, Job]:
    """An offline that is under way and will not end by itself."""
    holder = machine.hold("anon", "32M", node=NODE, pin="vmsplice")
    blocks = holder.blocks()
    number = max(blocks, key=lambda block: blocks[block])
    job = machine.start_write(f"{MEMORY}/memory{number}/state", "offline")
    machine.sh(f"until grep -q going {MEMORY}/memory{number}/state; do :; done", timeout=20)
    return holder, number, job


def waiting_in_kernel(machine: Machine, job: Job) -> None:
    """Waits until a writer sleeps in its write, so that it has surely met the lock."""
    machine.sh(f"until grep -Eq '^State:.[SD]' /proc/{job.pid}/status && grep -q '^1 ' /proc/{job.pid}/syscall; "
               "do :; done", timeout=20)


def test_two_writers_one_wish(steady: Machine) -> None:
    """Both want it offline: one did it, to the other it was so already."""
    number = first_block(steady)
    put = f"put {MEMORY}/memory{number}/state"
    for wish in ("offline", "online_movable"):
        result = steady.sh(f"for i in 1 2; do ( {put} {wish} >/dev/null; echo $? ) & done; wait", timeout=60)
        assert sorted(map(int, result.split())) == [0, errno.EINVAL]
        assert state(steady, number) == wish.split("_")[0]


def test_two_writers_at_odds(steady: Machine) -> None:
    """One wants it offline, one online, 10 times each: every answer is one of two, and it ends well."""
    number = first_block(steady)
    total = steady.meminfo()["MemTotal"]
    holder = steady.hold("anon", "16M", node=NODE, busy=True)
    loop = "for i in $(seq 10); do put {file} {value} >/dev/null; echo $?; done"
    file = f"{MEMORY}/memory{number}/state"
    jobs = [steady.start(loop.format(file=file, value=value)) for value in ("offline", "online_movable")]
    for job in jobs:
        codes = set(map(int, job.wait(timeout=120).out.split()))
        assert 0 in codes and codes <= {0, errno.EINVAL}
    steady.run(f"put {file} online_movable")
    assert state(steady, number) == "online"
    assert steady.meminfo()["MemTotal"] == total
    zone, = (zone for zone in steady.zones() if zone.node == NODE and zone.present)
    assert (zone.spanned, zone.present, zone.managed) == (65536, 65536, 65536)
    assert holder.stop().ok


def test_writers_on_neighbours(steady: Machine) -> None:
    """Different blocks of one zone, at once: its span and counts are right in the end."""
    first = first_block(steady)
    loop = ("for i in $(seq 6); do put {0}/memory{1}/state offline && put {0}/memory{1}/state online_movable "
            "|| exit 1; done")
    for job in [steady.start(loop.format(MEMORY, number)) for number in (first, first + 1)]:
        result = job.wait(timeout=120)
        assert result.ok, result.out
    zone, = (zone for zone in steady.zones() if zone.node == NODE and zone.present)
    assert (zone.spanned, zone.present, zone.managed) == (65536, 65536, 65536)


def test_cpus_wait_and_then_succeed(steady: Machine) -> None:
    """Requests to take a CPU offline and one online, made during a long offline."""
    assert steady.write(f"{CPU}/cpu2/online", 0) == 0
    holder, number, offline = stuck_offline(steady)

    def request(cpu: int, value: int) -> Job:
        script = f"put {CPU}/cpu{cpu}/online {value} && cat {MEMORY}/memory{number}/state"
        return steady.start(f"exec sh -c {shlex.quote(script)}")

    requests = {1: request(1, 0), 2: request(2, 1)}
    with pytest.raises(GuestTimeout):   # there is no event for what must not happen
        requests[1].wait(timeout=1)
    assert all(job.running for job in requests.values()) and offline.running
    assert state(steady, number) == "going-offline"
    holder.unpin()
    assert offline.wait(timeout=60).code == 0
    for job in requests.values():
        result = job.wait(timeout=60)
        assert result.code == 0 and result.out.split()[-1] == "offline", result.out
    assert steady.read(f"{CPU}/online") in ("0,2", "0-2")
    assert (steady.read(f"{CPU}/cpu1/online"), steady.read(f"{CPU}/cpu2/online")) == ("0", "1")
    assert holder.stop().ok


@pytest.mark.parametrize("number", [signal.SIGTERM, *(pytest.param(n, marks=pytest.mark.long)
                                                      for n in (signal.SIGINT, signal.SIGKILL))], ids=lambda n: n.name)
def test_a_signal_ends_a_stuck_offline(steady: Machine, number: signal.Signals) -> None:
    total = steady.meminfo()["MemTotal"]
    holder, block, offline = stuck_offline(steady)
    offline.signal(number)
    assert offline.wait(timeout=SOON).code == 128 + number
    assert state(steady, block) == "online"
    assert steady.memory().block(block).zone == "Movable"
    assert steady.meminfo()["MemTotal"] == total
    assert holder.verify().ok
    # Nothing of it stays isolated: it can be filled, and it goes once the pages do.
    filler = steady.hold("anon", "192M", node=NODE, fit=True)
    assert filler.blocks().get(block, 0) > 0
    assert filler.stop().ok
    holder.unpin()
    steady.offline(block)
    assert holder.stop().ok


def test_a_second_writer_obeys_signals_too(steady: Machine) -> None:
    """Who only waits for the first one can be ended as well."""
    holder, block, offline = stuck_offline(steady)
    other = next(b.number for b in steady.memory(use=False).on(NODE) if b.number != block)
    second = steady.start_write(f"{MEMORY}/memory{other}/state", "offline")
    waiting_in_kernel(steady, second)
    second.signal(signal.SIGTERM)
    assert second.wait(timeout=SOON).code == 128 + signal.SIGTERM
    assert offline.running and state(steady, block) == "going-offline"
    holder.unpin()
    assert offline.wait(timeout=60).code == 0
    assert holder.stop().ok


def test_eject_against_a_writer(guest: Machine) -> None:
    """A DIMM leaves while its blocks are told to go on- and offline all the time."""
    total = guest.meminfo()["MemTotal"]
    plug = guest.plug_dimm("256M", node=NODE)
    number = plug.addr // BLOCK
    file = f"{MEMORY}/memory{number}/state"
    writer = guest.start(f"while [ -e {file} ]; do put {file} offline; put {file} online_movable; done >/dev/null; "
                         "true")
    gone = any(guest.unplug_dimm(plug.id).gone for _ in range(5))
    assert gone, "five requests were refused in favour of a writer"
    assert writer.wait(timeout=30).code == 0
    assert not guest.memory(use=False).of(plug.addr, plug.size)
    assert guest.meminfo()["MemTotal"] == total
    assert not [entry for entry in guest.iomem() if entry.start == plug.addr]
