# SPDX-License-Identifier: GPL-2.0-only
"""Auto-online: what becomes of memory right after it was added.

auto_online_blocks at run time, memhp_default_state= on the command line, and
CONFIG_MHP_DEFAULT_ONLINE_TYPE_*. Without an online policy of its own, "online" is a
kernel zone here: what went there is not promised to go again, so it comes last.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from kernels import TESTED, WITHOUT_CHECKS
from uevents import MEMORY

from harness import build, paths
from harness.blocks import Block
from harness.machine import Dimm, Machine

BLOCK = 128 << 20
NODE = 1
AUTO = f"{MEMORY}/auto_online_blocks"
INJECT = "/sys/kernel/debug/notifier-error-inject/memory/actions"
WORDS = ("offline", "online", "online_kernel", "online_movable")
ZONE = {"offline": None, "online": "Normal", "online_kernel": "Normal", "online_movable": "Movable"}

CHOICES = {
    "OFFLINE": "offline",
    "ONLINE_AUTO": "online",
    "ONLINE_KERNEL": "online_kernel",
    "ONLINE_MOVABLE": "online_movable",
}

NewMachine = Callable[..., Machine]


def plug(machine: Machine, size: str = "256M") -> list[Block]:
    dimm = machine.plug_dimm(size, node=NODE)
    assert dimm.ost == 0
    return machine.memory(use=False).of(dimm.addr, dimm.size)


def look(machine: Machine, blocks: list[Block]) -> set[tuple[str, str | None]]:
    numbers = {block.number for block in blocks}
    return {(block.state, block.zone) for block in machine.memory(use=False) if block.number in numbers}


def expected(word: str) -> set[tuple[str, str | None]]:
    return {("offline" if word == "offline" else "online", ZONE[word])}


def test_auto_online_is_for_later_blocks(guest: Machine) -> None:
    """A write touches neither blocks that are offline nor those that are online."""
    assert guest.read(AUTO) == "offline"
    first = plug(guest)
    assert look(guest, first) == expected("offline")
    assert guest.write(AUTO, "online_movable") == 0
    assert guest.read(AUTO) == "online_movable"
    assert look(guest, first) == expected("offline")
    second = plug(guest)
    assert look(guest, second) == expected("online_movable")
    assert guest.write(AUTO, "offline") == 0
    assert look(guest, second) == expected("online_movable")
    assert look(guest, first) == expected("offline")


def test_auto_online_refused(guest: Machine) -> None:
    """A driver vetoes: the memory is added, stays offline, the log says so, and nobody tries again."""
    guest.sh("modprobe memory-notifier-error-inject")
    since = guest.mark()
    try:
        assert guest.write(AUTO, "online_movable") == 0
        assert guest.write(f"{INJECT}/MEM_GOING_ONLINE/error", "-16") == 0
        blocks = plug(guest)
        assert guest.write(f"{INJECT}/MEM_GOING_ONLINE/error", "0") == 0
    finally:
        guest.write(AUTO, "offline")
        guest.sh("modprobe -r memory-notifier-error-inject")
    assert len(blocks) == 2 and look(guest, blocks) == expected("offline")
    start = blocks[0].start
    refused = re.findall(r"memory_hotplug: online \[mem (0x[0-9a-f]+)-.* refused: vetoed by a notifier \(-16\)",
                         guest.log_since(since))
    assert [int(addr, 16) for addr in refused] == [start]       # the rest was not tried
    guest.online(blocks, "online_movable")


def test_auto_online_each_word(guest: Machine) -> None:
    """All words in turn, what goes to a kernel zone last."""
    for word in sorted(WORDS, key=lambda word: (ZONE[word] == "Normal", word)):
        assert guest.write(AUTO, f"{word}\n") == 0
        assert guest.read(AUTO) == word
        blocks = plug(guest, "128M")
        assert look(guest, blocks) == expected(word), word
    assert guest.write(AUTO, "offline") == 0


@pytest.mark.parametrize("word", WORDS)
def test_memhp_default_state(new_machine: NewMachine, word: str) -> None:
    """It is in force for the memory devices that are there at boot, and is what auto_online_blocks begins with."""
    machine = new_machine(kernel=WITHOUT_CHECKS, nodes=("1G", 0), dimms=(Dimm("d0", "256M", NODE),),
                          append=(f"memhp_default_state={word}",))
    assert machine.read(AUTO) == word
    blocks = [block for block in machine.memory(use=False) if block.node == NODE]
    assert len(blocks) == 2 and look(machine, blocks) == expected(word)
    assert look(machine, plug(machine, "128M")) == expected(word)


def test_memhp_default_state_wrong_word(new_machine: NewMachine) -> None:
    machine = new_machine(kernel=WITHOUT_CHECKS, nodes=("1G", 0), append=("memhp_default_state=sometimes",))
    assert machine.read(AUTO) == "offline"
    assert "memhp_default_state=sometimes is unknown, ignored" in machine.log()


# CONFIG_MHP_DEFAULT_ONLINE_TYPE_*: what Kconfig lets one choose, and what params.c makes of it.


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to configure a kernel in."""
    folder = tmp_path_factory.mktemp("config")
    shutil.copy(paths.BUILD / TESTED / ".config", folder / ".config.tested")
    return folder


def configure(folder: Path, choice: str) -> set[str]:
    """The online types that are on after @choice alone was asked for."""
    lines = [line for line in (folder / ".config.tested").read_text().splitlines()
             if "CONFIG_MHP_DEFAULT_ONLINE_TYPE_" not in line]
    lines.append(f"CONFIG_MHP_DEFAULT_ONLINE_TYPE_{choice}=y")
    (folder / ".config").write_text("\n".join(lines) + "\n")
    subprocess.run(["make", "-s", "-C", str(paths.LINUX), f"O={folder}", "olddefconfig"], check=True,
                   env=build.environment(), capture_output=True)
    return set(re.findall(r"^CONFIG_MHP_DEFAULT_ONLINE_TYPE_(\w+)=y$", (folder / ".config").read_text(), re.M))


def compiled_default(choice: str) -> int:
    """What params.c, compiled as the tested kernel was but for @choice, starts with."""
    kernel = paths.BUILD / TESTED
    saved = (kernel / "mm/hotplug/.params.o.cmd").read_text().splitlines()[0]
    command = shlex.split(saved.partition(" := ")[2].partition(" ; ")[0])
    words = [word for word in command if not word.startswith("-Wp,-MMD") and word not in ("ccache", "-c")]
    words[words.index("-o") + 1] = "-"
    result = subprocess.run([*words, "-S", f"-DCONFIG_MHP_DEFAULT_ONLINE_TYPE_{choice}=1"], cwd=kernel, check=True,
                            capture_output=True, text=True)
    found = re.search(r"^default_online_type:\s+\.(long|zero)\s+(\d+)", result.stdout, re.M)
    assert found, "params.c has no such variable any more"
    return int(found[2]) if found[1] == "long" else 0


@pytest.mark.parametrize("choice", CHOICES)
def test_configured_default(scratch: Path, choice: str) -> None:
    assert configure(scratch, choice) == {choice}
    # enum mmop numbers them in this order, memory.h is the API.
    assert compiled_default(choice) == WORDS.index(CHOICES[choice])
