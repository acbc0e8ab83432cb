# SPDX-License-Identifier: GPL-2.0-only
"""The commands of the administrator's guide, pasted into a guest: each works, and does what the guide says.

A command that the guide has and this file does not is a failure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import firmware
import pytest

from harness.machine import Dimm, Machine

GUIDE = (Path(__file__).resolve().parents[1] / "Documentation/admin-guide/mm/memory-hotplug.rst").read_text()
BLOCK = 32      # the guide's; the first one of the first DIMM
MEMORY = "/sys/devices/system/memory"
# Without checks: with KASAN the kernel is quick to have something of its own in Normal.
GUEST = dict(kernel="plain", dimms=(Dimm("d0", "1G"),))
# Literal blocks that are no commands, what the log shows; and udev's part, which test_udev has.
NO_COMMAND = ("SUBSYSTEM==", "memory_hotplug: ", "acpi PNP0C80:", "Movable zone start", "Node 1: ", "kernelcore=", "movablecore=",
              "movable_node", "udevadm ")


def literal_blocks() -> Iterator[list[str]]:
    """The indented lines after a paragraph that ends with two colons."""
    lines, found = iter(GUIDE.splitlines()), None
    for line in lines:
        if found is None:
            found = [] if line.endswith("::") and not line.startswith("..") else None
        elif not line.strip() or line[0] == "\t":
            found += [line.strip()] if line.strip() else []
        else:
            yield found
            found = [] if line.endswith("::") else None


def commands() -> list[str]:
    """One command a line; what follows a number sign explains it."""
    lines = [re.sub(r"\s{2,}# .*", "", line) for block in literal_blocks() for line in block]
    return [line for line in dict.fromkeys(lines) if not line.startswith(NO_COMMAND)]


@dataclass(frozen=True)
class Paste:
    """What to expect of a command. @before: block 32's state; @zone: where the block is afterwards, None: offline."""

    before: str
    zone: str | None
    output: str = r"\A\Z"


MOVABLE, OFFLINE = "online_movable", "offline"
PASTES = {
    "lsmem": Paste(MOVABLE, "Movable", "Total online memory"),
    "chmem -e -z Movable 1g": Paste(OFFLINE, "Movable"),
    "chmem -d -z Movable 1g": Paste(MOVABLE, None),
    "dmesg | grep memory_hotplug": Paste(MOVABLE, "Movable", "refused"),
    f"echo $((0x$(cat {MEMORY}/block_size_bytes) >> 20))": Paste(OFFLINE, None, r"\A128\n\Z"),
    f"echo online > {MEMORY}/memory32/state": Paste(OFFLINE, "Normal"),
    f"echo online_kernel > {MEMORY}/memory32/state": Paste(OFFLINE, "Normal"),
    f"echo online_movable > {MEMORY}/memory32/state": Paste(OFFLINE, "Movable"),
    f"echo 1 > {MEMORY}/memory32/online": Paste(OFFLINE, "Normal"),
    "chmem -e -z Movable 0x100000000-0x107ffffff": Paste(OFFLINE, "Movable"),
    f"for f in {MEMORY}/memory*/state; do grep -qx offline $f && echo online > $f; done": Paste(OFFLINE, "Normal"),
    f"echo offline > {MEMORY}/memory32/state": Paste(MOVABLE, None),
    f"echo 0 > {MEMORY}/memory32/online": Paste(MOVABLE, None),
    "chmem -d 0x100000000-0x107ffffff": Paste(MOVABLE, None),
    f"timeout 60 sh -c 'echo offline > {MEMORY}/memory32/state'; echo $?": Paste(MOVABLE, None, r"\A0\n\Z"),
    "echo 1 > /sys/kernel/tracing/events/memory_hotplug/enable": Paste(MOVABLE, "Movable"),
}
# These have a test of their own below.
TRACE = "cat /sys/kernel/tracing/trace_pipe"
EJECT = f"echo 1 > {MEMORY}/memory32/firmware_node/eject"
PROBE = f"echo 0x100000000 > {MEMORY}/probe"
IN_DIRECTORY = "ls -d /sys/devices/system/node/node1/memory[0-9]*"


def test_each_command_of_the_guide_is_run() -> None:
    assert len(commands()) > 15
    assert set(commands()) == {*PASTES, TRACE, EJECT, PROBE}
    assert IN_DIRECTORY in re.sub(r"\s+", " ", GUIDE)


def prepare(machine: Machine, state: str) -> None:
    """All of the DIMM in one state."""
    blocks = machine.memory(use=False).on(1)
    machine.offline([b for b in blocks if b.online])
    if state != OFFLINE:
        machine.online(blocks, state)


@pytest.mark.parametrize("command", PASTES)
def test_paste(guest: Machine, command: str) -> None:
    paste = PASTES[command]
    prepare(guest, paste.before)
    if "dmesg" in command:      # something to be seen
        guest.write(f"{MEMORY}/memory0/state", OFFLINE)
    result = guest.run(command, timeout=90)
    assert result.ok or command.startswith("for"), result.out
    assert re.search(paste.output, result.out), result.out
    block = guest.memory(use=False).block(BLOCK)
    assert (block.online, block.zone) == (paste.zone is not None, paste.zone)


def test_blocks_of_a_node(guest: Machine) -> None:
    assert guest.sh(IN_DIRECTORY).split() == [f"/sys/devices/system/node/node1/memory{n}" for n in range(32, 40)]


def test_trace_pipe(guest: Machine) -> None:
    """Each step is shown, with its result and the time it took."""
    prepare(guest, MOVABLE)
    guest.sh("echo 1 > /sys/kernel/tracing/events/memory_hotplug/enable")
    # Not to the agent's pipe: cat keeps that locked while it waits.
    pipe = guest.start(f"{TRACE} > /run/trace")
    guest.offline(BLOCK)
    guest.sh("until grep -q 'mhp_step: op=offline .* error=0 ns=[1-9]' /run/trace; do sleep 0.1; done")
    pipe.kill()
    guest.sh("echo 0 > /sys/kernel/tracing/events/memory_hotplug/enable")


def test_eject(guest: Machine) -> None:
    prepare(guest, MOVABLE)
    since = len(guest.events)
    guest.sh(EJECT)
    guest.wait_event("DEVICE_DELETED", since)
    assert not guest.memory(use=False).on(1)


def test_probe(new_machine: Callable[..., Machine]) -> None:
    machine = new_machine(**{**firmware.GUEST, "kernel": "plain"})
    machine.sh(PROBE)
    assert machine.memory(use=False).block(BLOCK).state == OFFLINE
