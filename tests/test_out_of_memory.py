# SPDX-License-Identifier: GPL-2.0-only
"""Each allocation of adding, onlining and offlining a block fails in turn: it is refused and nothing changes, or it happens.

That each step of adding that can be undone was undone, the trace says. With KASAN some allocations of the same kind are left out.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable

import audit
import faults
import pytest
from notifiers import FILES, Notifiers
from refusals import TRACING
from uevents import MEMORY

from harness.machine import Machine, Result

GIB = 1 << 30
BLOCK = 128 << 20
NUMBER = GIB // BLOCK

# What a refusal for want of memory may be called. EPERM is what a notifier's NOTIFY_BAD comes to.
REFUSALS = {errno.ENOMEM, errno.EBUSY, errno.EPERM}
LAST = 40           # allocations of adding, in which those for the links are, and uevents


def fail_each(machine: Machine, path: str, value: str, undo: Callable[[], None]) -> int:
    """Writes @value to @path until no allocation is left to fail; what was taken is undone, but for a last time without failures.

    Returns how many writes were refused.
    """
    refused = 0
    before = audit.look(machine)
    allocations = faults.Walk(each=machine.config.kernel == "plain", last=2 * LAST)
    for nth in allocations:
        result = machine.run(f"put -f {nth} {path} {value}", timeout=60)
        spared = re.search(r"spared (\d+)", result.out)
        if result.code:
            assert result.code in REFUSALS, f"allocation {nth}: {result.out}"
            assert audit.look(machine) == before, f"allocation {nth} left something behind"
            refused += 1
        else:
            undo()
            before = audit.look(machine)
        allocations.step(int(spared[1]) if spared else 0)
    assert machine.write(path, value) == 0
    return refused


@pytest.fixture(params=["plain", "debug"])
def short_of_memory(request: pytest.FixtureRequest, new_machine: Callable[..., Machine]) -> Machine:
    machine = new_machine(kernel=request.param, append=("mem=1G", "memhp_default_state=offline"))
    faults.prepare(machine)
    return machine


# The steps of adding that can be undone. One that did nothing (memblock, on x86) counts as well.
UNDONE = {"reserve", "lock", "memblock", "map", "register-node", "unlock", "blocks"}


@pytest.mark.long
def test_add_then_online_then_offline(short_of_memory: Machine) -> None:
    machine, state = short_of_memory, f"{MEMORY}/memory{NUMBER}/state"
    steps = f"{TRACING}/events/memory_hotplug/mhp_step/enable"
    machine.sh(f"echo > {TRACING}/trace; echo 1 > {steps}; echo 1 > {TRACING}/tracing_on")
    # User space cannot take back what it added, but the test module can.
    module = Notifiers(machine)

    def take_back() -> None:
        assert not module.withdraw(GIB, BLOCK).wait().code

    assert fail_each(machine, f"{MEMORY}/probe", hex(GIB), take_back) > 5
    module.unload()
    machine.sh(f"echo 0 > {steps}")
    undone = set(re.findall(r"op=add step=(.+?) phase=undo", machine.read(f"{TRACING}/trace")))
    assert undone == UNDONE
    # It was not taken as long as sysfs refused the entry of the firmware's map, whose freed memory would still be in the list.
    entries = machine.sh("cat /sys/firmware/memmap/*/start").split()
    assert entries.count(hex(GIB)) == 1
    assert fail_each(machine, state, "online_movable", lambda: machine.offline(NUMBER))
    assert fail_each(machine, state, "offline", lambda: machine.online(NUMBER, "online_movable"))


LINKS = f"{MEMORY}/memory{NUMBER}/node0", f"/sys/devices/system/node/node0/memory{NUMBER}"
PLENTY = 100000     # more than adding a block allocates


@pytest.mark.long
def test_add_without_its_links(short_of_memory: Machine) -> None:
    """Each of the last allocations, among them those for the links between block and node: no block is without."""
    machine, steps = short_of_memory, f"{TRACING}/events/memory_hotplug/mhp_step"
    machine.sh(f"echo > {TRACING}/trace; echo 'step == \"links\"' > {steps}/filter; echo 1 > {steps}/enable")
    module = Notifiers(machine)
    before = audit.look(machine)

    def add(nth: int) -> Result:
        return machine.run(f"put -f {nth} {FILES}/add '{GIB:#x} {BLOCK:#x} 0'", timeout=60)

    last = PLENTY - int(add(PLENTY).out.split("spared")[1])
    assert not module.withdraw(GIB, BLOCK).wait().code
    for nth in range(last - LAST, last + 1):
        result = add(nth)
        if result.code:
            assert result.code in REFUSALS and audit.look(machine) == before, f"allocation {nth}: {result.out}"
            continue
        assert machine.run(f"ls -d {' '.join(LINKS)}").ok, f"allocation {nth}: a link is missing"
        assert not module.withdraw(GIB, BLOCK).wait().code
    module.unload()
    assert re.search(r"op=add step=links phase=run .*error=-12", machine.read(f"{TRACING}/trace"))
