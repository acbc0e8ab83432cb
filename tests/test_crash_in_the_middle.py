# SPDX-License-Identifier: GPL-2.0-only
"""A crash in the middle of an operation: the dump can be read, and lists the memory that is there.

One DIMM is in use and has a stamp. The operation is about another one, or, for plug, about memory of boot that was left
out. A capture kernel is loaded before; what adds or removes memory has not told it of that yet when the crash comes.
"""

from __future__ import annotations

from collections.abc import Callable

import failpoints
import kdump
import kexec
import notifiers
import pytest
import vmcore

from harness.machine import MEMORY, Machine, Plug

BLOCK = 128 << 20
LEFT_OUT = 1536 << 20

Scene = Callable[[Machine, Plug], str]


def _block(machine: Machine, plug: Plug) -> int:
    return machine.memory(use=False).of(plug.addr, plug.size)[0].number


def _in_use(machine: Machine, plug: Plug) -> int:
    """Brings it online; its first block."""
    machine.online(machine.memory(use=False).of(plug.addr, plug.size), "online_movable")
    return _block(machine, plug)


def _at(machine: Machine, step: str) -> None:
    failpoints.Failpoints(machine).arm(f"{step}@*", error="panic")
    machine.expect_splat(f"failpoint {step}")


def in_evacuation(machine: Machine, plug: Plug) -> str:
    number = _in_use(machine, plug)
    holder = machine.hold("anon", "32M", node=1, pin="vmsplice")
    stuck = max(holder.blocks())
    assert number <= stuck < number + plug.size // BLOCK
    machine.start_write(f"{MEMORY}/memory{stuck}/state", "offline")
    machine.sh(f"until grep -q going {MEMORY}/memory{stuck}/state; do :; done", timeout=20)
    machine.expect_splat("sysrq triggered crash")
    return "sleep 1; echo c > /proc/sysrq-trigger"


def in_commit(machine: Machine, plug: Plug) -> str:
    number = _in_use(machine, plug)
    notifiers.Notifiers(machine).crash("OFFLINE")
    machine.expect_splat("memory_notifier_test: MEM_OFFLINE")
    return f"echo offline > {MEMORY}/memory{number}/state"


def in_accounting(machine: Machine, plug: Plug) -> str:
    number = _in_use(machine, plug)
    _at(machine, "offline-block:account")
    return f"echo offline > {MEMORY}/memory{number}/state"


def in_online(machine: Machine, plug: Plug) -> str:
    _at(machine, "online:account")
    return f"echo online > {MEMORY}/memory{_block(machine, plug)}/state"


def in_remove(machine: Machine, plug: Plug) -> str:
    _ = notifiers.Notifiers(machine)
    _at(machine, "remove:unmap")
    return f"put {notifiers.FILES}/withdraw '{plug.addr:#x} {plug.size:#x}'"


def in_plug(machine: Machine, plug: Plug) -> str:
    _at(machine, "add:links")
    return f"echo {LEFT_OUT:#x} > {MEMORY}/probe"


@pytest.mark.parametrize("kernel, scene", [
    ("plain", in_evacuation), ("plain", in_commit),
    *(pytest.param("debug", scene, marks=pytest.mark.long)
      for scene in (in_plug, in_online, in_evacuation, in_accounting, in_remove)),
], ids=lambda value: getattr(value, "__name__", value))
def test_dump_is_whole(new_machine: Callable[..., Machine], kernel: str, scene: Scene) -> None:
    machine = new_machine(kernel=kernel, extra=kexec.EXTRA, qemu=kexec.drives(kernel),
                          append=(f"crashkernel={kdump.ROOM}", f"mem={LEFT_OUT >> 20}M", "memhp_default_state=offline",
                                  "nokaslr"))     # half the memory has to be one hole: no kernel in the middle of it
    kexec.fetch(machine)
    used = kdump.plug(machine, "online_kernel")
    stamp = kdump.stamp(machine, "used")        # as long as there is no other memory on node 1
    other = machine.plug_dimm("256M")
    assert kdump.load(machine, "-s") == "1"
    machine.restart(scene(machine, other))

    listed = kdump.segments(machine)
    for plug in (used, other):
        assert vmcore.covered(listed, plug.addr, plug.addr + plug.size) == plug.size
    assert not vmcore.covered(listed, LEFT_OUT, LEFT_OUT + BLOCK)
    assert kdump.page(machine, listed, stamp) == kdump.stamped("used")
