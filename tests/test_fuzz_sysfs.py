# SPDX-License-Identifier: GPL-2.0-only
"""Every file of memory hotplug in sysfs under reads and writes of all kinds, from several threads at once.

What may come of it is what the documents promise, read from them; afterwards all is consistent, and every block can
be online. As another user nothing happens at all. The same for nonsense on the kernel's command line.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import audit
import pytest

from harness.machine import MEMORY, Machine

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "Documentation/admin-guide/mm/memory-hotplug.rst").read_text()
ABI = (ROOT / "Documentation/ABI/testing/sysfs-devices-memory").read_text()

GIB, BLOCK, PAGE = 1 << 30, 128 << 20, 4096
NODE = 1
LEFT_OUT = GIB              # RAM that boot leaves out: for the file probe
DIMM = 4 * GIB // BLOCK
BLOCKS = (0, 5, 7, DIMM, DIMM + 1, DIMM + 2)
BROKEN = DIMM + 3           # whose pages are taken out of use, and which stays online for that
PARAMETERS = "/sys/module/memory_hotplug/parameters"
NOBODY = 65534
THREADS = 4

GUEST = dict(append=("mem=1G", "memhp_default_state=offline"))


def table(text: str) -> list[tuple[str, str, str]]:
    """The rows of the guide's table of refusals: errno, reason, what it means."""
    match = re.search(r"^errno +reason.*?\n(=+) (=+) (=+)\n(.*?)\n\1 ", text, re.M | re.S)
    assert match
    first, second = len(match[1]) + 1, len(match[1]) + len(match[2]) + 2
    rows: list[list[str]] = []
    for line in match[4].splitlines():
        cells = [line[:first].strip(), line[first:second].strip(), line[second:].strip()]
        if cells[0]:
            rows.append(cells)
        else:
            rows[-1] = [" ".join(filter(None, pair)) for pair in zip(rows[-1], cells)]
    return [(error, reason, meaning) for error, reason, meaning in rows]


def of_state() -> set[str]:
    """What a write to state or online may come to. No notifier vetoes here, nobody set a deadline, nothing below fails."""
    return {error for error, _, meaning in table(GUIDE)
            if re.search(r"\b(online|offline|itself)\b", meaning) and "deadline" not in meaning} - {"(any)"}


def of_probe() -> set[str]:
    entry = re.search(r"^What:\t\t/sys/devices/system/memory/probe\n(.*?)(?=^What:|\Z)", ABI, re.M | re.S)
    assert entry
    return set(re.findall(r"^\t\t(E[A-Z0-9]+) ", entry[1], re.M))


def test_the_documents_are_read() -> None:
    assert {"EINVAL", "EBUSY", "EINTR", "ENOMEM", "EHWPOISON"} == of_state()
    assert {"EINVAL", "EEXIST", "ENODEV", "ENOMEM", "EINTR"} <= of_probe()
    assert re.search(r"A write to ``state``, ``online`` or ``auto_online_blocks`` .*?``EINVAL``", GUIDE, re.S)
    assert re.search(r"write of another word fails with ``EINVAL``, one of a number that is too large\s+with ``ERANGE``", GUIDE)


@dataclass(frozen=True)
class File:
    """A file, words that it knows and others that it might; what a write may fail with."""

    path: str
    words: tuple[str, ...] = ("1", "online")
    errors: frozenset[str] = frozenset({"EINVAL"})
    mode: str = "rw"
    how: str = "any"        # see harness/guest/fuzz.c

    def line(self) -> str:
        return "\t".join([self.path, self.how, *self.words])


STATES = ("online", "offline", "online_kernel", "online_movable", "online\n", "offline\n", "going-offline", "absent")
TRUTHS = ("0", "1", "on", "off", "y", "N", "2")
ADDRESSES = (hex(LEFT_OUT), hex(LEFT_OUT + BLOCK), str(LEFT_OUT), hex(LEFT_OUT + PAGE), "0x0", hex(DIMM * BLOCK), "0xc0000000",
             hex(40 * GIB), hex(1 << 51), "0xfffffffff8000000", "0xffffffffffffffff", "0x10000000000000000", "-1", "memory")
PAGES = tuple(hex(BROKEN * BLOCK + n * PAGE) for n in (0, 3, 512, 4097)) + (hex(40 * GIB), "0xfffffffffffff000", "0x1" + "0" * 16)
# Not ours but mm/memory-failure.c's, which documents no errors.
OF_PAGES = frozenset({"EINVAL", "ENXIO", "EIO", "EBUSY", "EHWPOISON", "EOPNOTSUPP"})


def files() -> Iterator[File]:
    of_parameters = frozenset({"EINVAL", "ERANGE"})
    for block in BLOCKS:
        folder = f"{MEMORY}/memory{block}"
        yield File(f"{folder}/state", STATES, frozenset(of_state()))
        yield File(f"{folder}/online", TRUTHS, frozenset(of_state()))
        yield File(f"{folder}/uevent", ("add", "change", "change 11111111-2222-3333-4444-555555555555 A=b", "explode"))
        yield from (File(f"{folder}/{name}", mode="r") for name in ("valid_zones", "removable", "phys_index", "phys_device"))
    yield File(f"{MEMORY}/auto_online_blocks", STATES)
    yield File(f"{MEMORY}/probe", ADDRESSES, frozenset(of_probe()), "w")
    yield from (File(f"{MEMORY}/{name}", PAGES, OF_PAGES, "w", "words") for name in ("soft_offline_page", "hard_offline_page"))
    yield from (File(f"{MEMORY}/{name}", mode="r") for name in ("block_size_bytes", "crash_hotplug"))
    yield File(f"{MEMORY}/uevent", ("add", "remove", "explode"))
    yield File(f"{PARAMETERS}/online_policy", ("contig-zones", "auto-movable", "auto", "best"), of_parameters)
    yield File(f"{PARAMETERS}/auto_movable_ratio", ("0", "1", "301", "4294967295", "4294967296", "-1", "x"), of_parameters)
    yield File(f"{PARAMETERS}/auto_movable_numa_aware", TRUTHS, of_parameters)
    yield File(f"{PARAMETERS}/memmap_on_memory", ("Y", "force"), mode="r")
    yield File("/sys/module/acpi_memhotplug/parameters/eject_timeout", ("0", "1", "120", "86400", "86401", "-1"), of_parameters)


@dataclass(frozen=True)
class End:
    """A way in which something ended, and how often."""

    count: int
    path: str
    what: str
    error: str
    example: str

    def __str__(self) -> str:
        return f"{self.count} times {self.error} from {self.what} of {self.path}: {self.example}"


def fuzz(machine: Machine, seed: int, ops: int, user: int = 0, threads: int = THREADS) -> list[End]:
    spec = "".join(file.line().replace("\n", "") + "\n" for file in files())
    result = machine.run(f"fuzz {seed} {ops} {threads} {user or ''}", timeout=60 + 0.4 * ops * threads,
                         stdin=spec.encode(), check=True)
    rows = [(line.split(" ", 4) + [""])[:5] for line in result.out.splitlines()]
    return [End(int(count), path, what, error, example) for count, path, what, error, example in rows]


def allowed(file: File, end: End) -> bool:
    if end.error == "0":
        return True
    if end.what == "write":
        return end.error in file.errors
    # The one that sysfs gives to those who may do all: the file cannot do that.
    return end.error == "EACCES" and file.mode != "rw" and end.what in ("open-read", "open-write")


def check_ends(ends: list[End]) -> None:
    known = {file.path: file for file in files()}
    wrong = [str(end) for end in ends if not allowed(known[end.path], end)]
    assert not wrong, "\n".join(wrong)


def check_consistent(machine: Machine) -> None:
    audit.verify(machine)
    memory, zones = machine.memory(use=False), machine.zones()
    online = [b for b in memory.on(NODE) if b.online]
    assert sum(z.present for z in zones if z.node == NODE) == len(online) * BLOCK // PAGE
    assert sum(z.managed for z in zones) * PAGE == machine.meminfo()["MemTotal"]
    for block in memory:
        assert machine.read(f"{MEMORY}/memory{block.number}/online") == str(int(block.online))
    for zone in (z for z in zones if z.node == NODE and z.present):
        mine = [b for b in online if b.zone == zone.name]
        assert zone.present == len(mine) * BLOCK // PAGE
        assert (zone.start_pfn, zone.spanned) == (min(b.start for b in mine) // PAGE,
                                                  (max(b.end for b in mine) - min(b.start for b in mine)) // PAGE)


def check_usable(machine: Machine) -> None:
    """Each block can be online, and then is used."""
    machine.online([b for b in machine.memory(use=False) if not b.online])
    memory = machine.memory(use=False)
    assert all(b.online for b in memory)
    check_consistent(machine)
    holder = machine.hold("anon", "32M", node=NODE)
    assert holder.verify().ok
    holder.stop()


def prepare(machine: Machine) -> None:
    if not machine.memory(use=False).on(NODE):
        machine.plug_dimm("512M", NODE)
    machine.online([b for b in machine.memory(use=False).on(NODE) if not b.online], "online_movable")


def rounds(machine: Machine, seed: int, ops: int, threads: int = THREADS) -> None:
    prepare(machine)
    ends = fuzz(machine, seed, ops, threads=threads)
    check_ends(ends)
    # It went where it is interesting, also where a busy host makes each offline so slow that a signal ends it.
    done = {(end.what, end.error) for end in ends if end.path.endswith(("/state", "/online"))}
    assert {("write", "0"), ("write", "EINVAL"), ("read", "0")} <= done
    check_consistent(machine)
    check_usable(machine)


def test_as_root(guest: Machine) -> None:
    rounds(guest, 1, 110)


def test_as_another_user(guest: Machine) -> None:
    """Nothing can be written, and what can be read reads."""
    prepare(guest)
    states = guest.sh("blocks --states")
    ends = fuzz(guest, 2, 1000, NOBODY)
    wrong = [str(end) for end in ends if end.what in ("write", "open-write") and end.error not in ("EACCES", "EPERM")
             or end.what in ("read", "open-read") and end.error not in ("0", "EACCES", "EPERM")]
    assert not wrong, "\n".join(wrong)
    assert {end.error for end in ends if end.what == "open-write"} == {"EACCES"}
    assert {end.path for end in ends if end.what == "read" and end.error == "0"} > {f"{MEMORY}/memory0/state"}
    assert guest.sh("blocks --states") == states


@pytest.mark.long
def test_rounds_of_random_seeds(guest: Machine) -> None:
    for _ in range(4):
        seed = secrets.randbelow(1 << 32)
        print(f"fuzz {seed}: repeat with rounds(guest, {seed}, 500, 6)")
        rounds(guest, seed, 500, 6)


# Boot: what is on the command line, and what the log says of it

WRONG_AT_BOOT: dict[str, str] = {
    "memhp_default_state=yes": "memhp_default_state=yes is unknown, ignored",
    "memory_hotplug.online_policy=best": "`best' invalid for parameter `memory_hotplug.online_policy'",
    "memory_hotplug.auto_movable_ratio=lots": "`lots' invalid for parameter `memory_hotplug.auto_movable_ratio'",
    "memory_hotplug.auto_movable_numa_aware=perhaps": "`perhaps' invalid for parameter `memory_hotplug.auto_movable_numa_aware'",
    "memory_hotplug.memmap_on_memory=perhaps": "`perhaps' invalid for parameter `memory_hotplug.memmap_on_memory'",
    "acpi_memhotplug.eject_timeout=-1": "`-1' invalid for parameter `acpi_memhotplug.eject_timeout'",
    "kernelcore=lots": "kernelcore=lots",
    "movablecore=101%": "movablecore=101%",
}
OTHERS_AT_BOOT: dict[str, str] = {
    "memhp_default_state=": "memhp_default_state= is unknown, ignored",
    "memory_hotplug.online_policy=contig-zones,auto-movable": "invalid for parameter `memory_hotplug.online_policy'",
    "memory_hotplug.auto_movable_ratio=4294967296": "`4294967296' (?:too large|invalid) for parameter",
    "memory_hotplug.memmap_on_memory=": "invalid for parameter `memory_hotplug.memmap_on_memory'",
    "acpi_memhotplug.eject_timeout=86401": "`86401' invalid for parameter `acpi_memhotplug.eject_timeout'",
    "kernelcore=99999999999999999999G": "kernelcore=99999999999999999999G",
    "movablecore=-1": "movablecore=-1",
}
DEFAULTS = {f"{MEMORY}/auto_online_blocks": "offline", f"{PARAMETERS}/online_policy": "contig-zones",
            f"{PARAMETERS}/auto_movable_ratio": "301", f"{PARAMETERS}/auto_movable_numa_aware": "Y",
            f"{PARAMETERS}/memmap_on_memory": "N", "/sys/module/acpi_memhotplug/parameters/eject_timeout": "120"}


@pytest.mark.parametrize("wrong", [WRONG_AT_BOOT, OTHERS_AT_BOOT], ids=["words", "numbers"])
def test_command_line(new_machine: Callable[..., Machine], wrong: dict[str, str]) -> None:
    """It boots with the defaults, and the log names each word that was no good."""
    machine = new_machine(kernel="plain", append=tuple(wrong))
    log = re.sub(r"^.*Kernel command line: .*$", "", machine.log(), flags=re.M)
    unsaid = [word for word, said in wrong.items() if not re.search(said if "(?:" in said else re.escape(said), log)]
    assert not unsaid, log[:8000]
    assert {path: machine.read(path) for path in DEFAULTS} == DEFAULTS
    assert not [zone for zone in machine.zones() if zone.name == "Movable" and zone.present]
