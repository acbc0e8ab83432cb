# SPDX-License-Identifier: GPL-2.0-only
"""Row "signals": every long wait in an offline ends on a signal, and nothing has changed then.

The waits: for pages to move, small ones and huge ones, for the lock that another
offline holds, and for one of the blocks of an operation over many. What ends each
is a signal that kills, one with a handler, and timeout(1) as the guide has it. A
block is kept from going offline by pages in a pipe, which nothing can move. What a
signal does to the two writers of one block: test_races.py.
"""

from __future__ import annotations

import errno
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from notifiers import Notifiers
from pageblocks import migratetypes
from refusals import Watch
from uevents import MEMORY, Uevents

from harness.machine import Dimm, Holder, Job, Machine

MIB = 1 << 20
PAGE = 4096
BLOCK = 128 * MIB
NODE = 1
FIRST = 32                  # the block at 4 GiB, where the first DIMM is, and the one that the guide is about
SOON = 10                   # seconds (stretched for slow guests) in which a signal must have ended an offline
SECONDS = 5                 # that the guide's timeout is shortened to
GUIDE = Path(__file__).resolve().parents[1] / "Documentation/admin-guide/mm/memory-hotplug.rst"

GUEST = dict(dimms=(Dimm("d0", "512M", NODE),), append=("memhp_default_state=online_movable",))


def picture(machine: Machine) -> Any:
    return ([(b.number, b.state, b.node, b.zones) for b in machine.memory(use=False)],
            [(z.node, z.name, z.start_pfn, z.spanned, z.present, z.managed) for z in machine.zones()],
            migratetypes(machine, NODE), machine.meminfo()["MemTotal"], machine.iomem())


@pytest.fixture
def machine(guest: Machine) -> Iterator[Machine]:
    guest.online(guest.memory(use=False).offline(NODE), "online_movable")
    assert guest.memory(use=False).on(NODE)[0].number == FIRST
    yield guest
    for job in guest.jobs():
        job.kill()
        job.wait()


def pinned(machine: Machine, kind: str = "anon", number: int = FIRST) -> Holder:
    """Memory with pinned pages in it, in a given block: there is room nowhere else on the node while it is filled."""
    others = [b.number for b in machine.memory(use=False).online(NODE) if b.number != number]
    machine.offline(others)
    holder = machine.hold(kind, "32M" if kind == "hugetlb" else "8M", node=NODE, pin="vmsplice")
    machine.online(others, "online_movable")
    assert set(holder.blocks()) == {number}
    return holder


def wait_going(machine: Machine, number: int = FIRST) -> None:
    machine.sh(f"until grep -q going {MEMORY}/memory{number}/state; do :; done", timeout=20)


def wait_alone(machine: Machine, holder: Holder, number: int) -> None:
    """Until nothing of it is left in the block but what it pinned, which is what a refusal is then about."""
    deadline = time.monotonic() + 30 * machine.pace
    while holder.blocks().get(number, 0) > 16 * (512 if holder.kind == "hugetlb" else 1):
        assert time.monotonic() < deadline, "the pages that can move do not"


def all_as_before(machine: Machine, holder: Holder, before: Any) -> None:
    """And nothing holds the block up any more once the pin is gone."""
    assert picture(machine) == before
    assert holder.verify().ok
    holder.unpin()
    machine.offline(FIRST)
    assert FIRST not in holder.blocks()
    assert holder.stop().ok


@pytest.mark.parametrize("number", [signal.SIGKILL, *(pytest.param(n, marks=pytest.mark.long)
                                                      for n in (signal.SIGHUP, signal.SIGALRM))],
                         ids=lambda n: n.name)
def test_signals_end_evacuation(machine: Machine, number: signal.Signals) -> None:
    holder = pinned(machine)
    before = picture(machine)
    with Watch(machine) as watch:
        job = machine.start_write(f"{MEMORY}/memory{FIRST}/state", "offline")
        wait_going(machine)
        wait_alone(machine, holder, FIRST)
        job.signal(number)
        assert job.wait(timeout=SOON).code == 128 + number
        told = watch.only()
    assert (told.op, told.outcome, told.error) == ("offline", "interrupted by a signal", -errno.EINTR)
    assert told.cls == "pinned"
    all_as_before(machine, holder, before)


def test_signals_with_a_handler_end_evacuation(machine: Machine) -> None:
    """The write fails with EINTR, and the program goes on."""
    holder = pinned(machine)
    before = picture(machine)
    script = f"trap 'echo caught' ALRM; echo offline > {MEMORY}/memory{FIRST}/state; echo code $?"
    job = machine.start(f'exec bash -c "{script}"'.replace("$?", "\\$?"))
    wait_going(machine)
    job.signal(signal.SIGALRM)
    result = job.wait(timeout=SOON)
    assert result.code == 0 and "Interrupted system call" in result.out
    assert "caught" in result.out and "code 1" in result.out
    all_as_before(machine, holder, before)


def guide_command() -> str:
    """The line of the guide that has timeout in it, as it stands there."""
    found: list[str] = re.findall(r"^\t(timeout \d+ .*)$", GUIDE.read_text(), re.M)
    assert len(found) == 1
    return found[0]


def test_signals_from_timeout_as_the_guide_shows(machine: Machine) -> None:
    command = guide_command()
    assert f"memory{FIRST}/" in command
    command = re.sub(r"timeout \d+", f"timeout {SECONDS}", command)
    holder = pinned(machine)
    before = picture(machine)
    with Watch(machine) as watch:
        assert machine.sh(command, timeout=SECONDS + SOON).split()[-1] == "143"     # busybox, says the guide
        assert watch.only().outcome == "interrupted by a signal"
    assert picture(machine) == before
    holder.unpin()
    assert machine.sh(command, timeout=60).split()[-1] == "0"
    assert machine.read(f"{MEMORY}/memory{FIRST}/state") == "offline"
    assert holder.stop().ok


def test_signals_end_hugetlb(machine: Machine) -> None:
    """Huge pages that are pinned: the pool is as it was, too."""
    holder = pinned(machine, "hugetlb")

    def pools() -> dict[str, int]:
        return {name: value for name, value in machine.meminfo().items() if name.startswith("HugePages")}

    before, counts = picture(machine), pools()
    job = machine.start_write(f"{MEMORY}/memory{FIRST}/state", "offline")
    wait_going(machine)
    job.signal(signal.SIGTERM)
    assert job.wait(timeout=SOON).code == 128 + signal.SIGTERM
    assert pools() == counts
    all_as_before(machine, holder, before)


@pytest.mark.parametrize("file, value", [(f"memory{FIRST + 1}/online", "0"), (f"memory{FIRST + 1}/state", "offline"),
                                         ("probe", "0x1000")], ids=["online", "state", "probe"])
def test_signals_end_the_wait_for_the_lock(machine: Machine, file: str, value: str) -> None:
    """Who only waits for another offline to end."""
    holder = pinned(machine)
    first = machine.start_write(f"{MEMORY}/memory{FIRST}/state", "offline")
    wait_going(machine)
    for number in (signal.SIGINT, signal.SIGALRM):
        second = machine.start_write(f"{MEMORY}/{file}", value)
        machine.sh(f"until grep -q '^1 ' /proc/{second.pid}/syscall; do :; done", timeout=20)
        second.signal(number)
        assert second.wait(timeout=SOON).code == 128 + number
    assert first.running
    assert machine.read(f"{MEMORY}/memory{FIRST + 1}/state") == "online"
    holder.unpin()
    assert first.wait(timeout=60).code == 0
    assert holder.stop().ok


def test_signals_with_a_handler_end_the_wait_for_the_lock(machine: Machine) -> None:
    """If the handler does not ask for restarts; if it does (bash's for a child that ends), the wait goes on."""
    holder = pinned(machine)
    first = machine.start_write(f"{MEMORY}/memory{FIRST}/state", "offline")
    wait_going(machine)
    second = machine.start_write(f"{MEMORY}/memory{FIRST + 1}/state", "offline")
    script = (f"trap 'echo caught' CHLD; {{ sleep 2; echo ended; }} & "
              f"echo offline > {MEMORY}/memory{FIRST + 2}/state; echo code $?")
    third = machine.start(f'exec bash -c "{script}"'.replace("$?", "\\$?"))
    for job in (second, third):
        machine.sh(f"until grep -q '^1 ' /proc/{job.pid}/syscall; do :; done", timeout=20)
    second.signal(signal.SIGUSR1)
    third.expect("ended")
    assert second.wait(timeout=SOON).code == errno.EINTR
    assert machine.read(f"{MEMORY}/memory{FIRST + 1}/state") == "online"
    time.sleep(1)
    assert third.running and first.running
    holder.unpin()
    assert first.wait(timeout=60).code == 0
    result = third.wait(timeout=60)
    assert "caught" in result.out and "code 0" in result.out
    assert machine.read(f"{MEMORY}/memory{FIRST + 2}/state") == "offline"
    assert holder.stop().ok


@pytest.fixture
def notifiers(machine: Machine) -> Iterator[Notifiers]:
    module = Notifiers(machine)
    yield module
    module.unload()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1], ids=lambda n: n.name)
def test_signals_end_an_operation_over_many_blocks(machine: Machine, notifiers: Notifiers,
                                                   number: signal.Signals) -> None:
    """The third of four blocks does not get empty: none goes, nobody hears of any, and the page is named."""
    blocked = FIRST + 2
    holder = pinned(machine, number=blocked)
    before = picture(machine)
    notifiers.forget()
    with Watch(machine) as watch, Uevents(machine) as events:
        job: Job = notifiers.withdraw(FIRST * BLOCK, 4 * BLOCK)
        wait_going(machine, blocked)
        wait_alone(machine, holder, blocked)
        job.signal(number)
        code = job.wait(timeout=SOON).code
        assert code == (errno.EINTR if number == signal.SIGUSR1 else 128 + number)
        told = watch.only()
        assert not [e for e in events.seen() if e.subsystem == "memory"]
    assert (told.op, told.outcome) == ("offline", "interrupted by a signal")
    assert (told.start, told.end) == (FIRST * BLOCK, (FIRST + 4) * BLOCK)
    assert told.pfn is not None and told.pfn * PAGE // BLOCK == blocked and told.cls == "pinned"
    assert picture(machine) == before
    assert not notifiers.calls()
    assert holder.verify().ok
    holder.unpin()
    machine.offline(range(FIRST, FIRST + 4))
    assert holder.stop().ok


@pytest.mark.long
def test_patience_of_a_kernel_thread(machine: Machine, notifiers: Notifiers) -> None:
    """Nobody sends it a signal: it gives up after two minutes, as busy, which is what drivers expect."""
    holder = pinned(machine)
    before = picture(machine)
    with Watch(machine) as watch:
        began = time.monotonic()
        assert notifiers.withdraw(FIRST * BLOCK, BLOCK, worker=True).wait(timeout=150).code == errno.EBUSY
        assert time.monotonic() - began > 100
        told = watch.only()
    assert (told.outcome, told.error, told.cls) == ("page did not move in time", -errno.ETIMEDOUT, "pinned")
    all_as_before(machine, holder, before)


def test_signals_end_chmem(machine: Machine) -> None:
    """A program that goes block by block: what it has done stays, the block it is at is as it was."""
    holder = pinned(machine)
    result = machine.run(f"timeout {SECONDS} chmem -d {FIRST * BLOCK:#x}-{(FIRST + 4) * BLOCK - 1:#x}",
                         timeout=SECONDS + SOON)
    assert result.code in (124, 143)
    assert machine.read(f"{MEMORY}/memory{FIRST}/state") == "online"
    assert "going-offline" not in {b.state for b in machine.memory(use=False).on(NODE)}
    assert holder.stop().ok
