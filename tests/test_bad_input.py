# SPDX-License-Identifier: GPL-2.0-only
"""Bad input to every file: the documented errno, and nothing has changed.

Some of it is no mistake of the value but of the moment: a block that is in the
wanted state already, a page that is not online.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from typing import Any

import pytest
from kernels import WITHOUT_CHECKS
from uevents import MEMORY

from harness.machine import Dimm, Machine

BLOCK = 128 << 20
GIB = 1 << 30
NODE = 1
DIMM_AT = 4 * GIB           # with 2 GiB below it, the first DIMM is the first thing above 4 GiB
PARAMETERS = "/sys/module/memory_hotplug/parameters"
ABSENT = 40 * GIB           # inside the window for DIMMs, where none is plugged

GUEST = dict(dimms=(Dimm("d0", "512M", NODE),))

# The first block of the DIMM is offline, the second online.
OFFLINE = DIMM_AT // BLOCK
ONLINE = OFFLINE + 1

NOT_A_STATE = (" ", "onlin", "online_", "online_movable_", "ONLINE", "offlined", "going-offline", "2",
               "online offline", "x" * 4096)


# All that bad input could change, in one command.
PICTURE = (f"blocks --states; grep -hE '^Node|spanned|present|managed|MemTotal|HardwareCorrupted' /proc/zoneinfo /proc/meminfo; "
           f"grep '' /proc/iomem {MEMORY}/auto_online_blocks {PARAMETERS}/*")


@pytest.fixture(scope="module")
def pictures() -> dict[Machine, str]:
    """What a guest looked like after the last test: the next one finds it so."""
    return {}


@pytest.fixture
def unchanged(guest: Machine, pictures: dict[Machine, str]) -> Iterator[Machine]:
    """A guest with an offline and an online block; fails when the test changed anything."""
    before = pictures.pop(guest, None)
    if before is None:
        guest.online(ONLINE, "online_movable")
        before = guest.sh(PICTURE)
    yield guest
    assert guest.sh(PICTURE) == before
    pictures[guest] = before


def check(machine: Machine, path: str, value: str, expected: int) -> None:
    got = machine.write(path, value)
    assert got == expected, f"{path} <- {value[:40]!r}: {errno.errorcode.get(got, got)}"


@pytest.mark.parametrize("block", [OFFLINE, ONLINE], ids=["offline", "online"])
def test_state(unchanged: Machine, block: int) -> None:
    for value in NOT_A_STATE:
        check(unchanged, f"{MEMORY}/memory{block}/state", value, errno.EINVAL)


def test_state_that_is_already(unchanged: Machine) -> None:
    check(unchanged, f"{MEMORY}/memory{OFFLINE}/state", "offline", errno.EINVAL)
    for value in ("online", "online_kernel", "online_movable"):
        check(unchanged, f"{MEMORY}/memory{ONLINE}/state", value, errno.EINVAL)
    # This file asks for a state, it does not command a change.
    check(unchanged, f"{MEMORY}/memory{OFFLINE}/online", "0", 0)
    check(unchanged, f"{MEMORY}/memory{ONLINE}/online", "1", 0)


@pytest.mark.parametrize("value", ["2", "-1", "maybe", " "])
def test_online_file(unchanged: Machine, value: str) -> None:
    for block in (OFFLINE, ONLINE):
        check(unchanged, f"{MEMORY}/memory{block}/online", value, errno.EINVAL)


def test_auto_online_blocks(unchanged: Machine) -> None:
    for value in NOT_A_STATE:
        check(unchanged, f"{MEMORY}/auto_online_blocks", value, errno.EINVAL)


@pytest.mark.parametrize("value", ["explode", "onlin", "change not-a-uuid"])
def test_uevent(unchanged: Machine, value: str) -> None:
    check(unchanged, f"{MEMORY}/memory{OFFLINE}/uevent", value, errno.EINVAL)


@pytest.mark.parametrize("name", ["phys_index", "phys_device", "removable", "valid_zones"])
def test_read_only_files_of_a_block(unchanged: Machine, name: str) -> None:
    check(unchanged, f"{MEMORY}/memory{ONLINE}/{name}", "1", errno.EACCES)


@pytest.mark.parametrize("name", ["block_size_bytes", "crash_hotplug"])
def test_read_only_files(unchanged: Machine, name: str) -> None:
    check(unchanged, f"{MEMORY}/{name}", "1", errno.EACCES)


@pytest.mark.parametrize("name", ["probe", "soft_offline_page", "hard_offline_page"])
def test_write_only_files(unchanged: Machine, name: str) -> None:
    assert not unchanged.run(f"cat {MEMORY}/{name}").ok


# What may come back where it depends on the machine which of the checks is met first.
NOT_MEMORY = {errno.EINVAL, errno.EEXIST, errno.ENODEV}

PROBES = {
    "no-number": ("memory", {errno.EINVAL}),
    "negative": ("-1", {errno.EINVAL}),
    "too-many-digits": ("0x1" + "0" * 16, {errno.EINVAL}),
    "trailing": (f"{DIMM_AT:#x} please", {errno.EINVAL}),
    "not-aligned": (hex(ABSENT + 4096), {errno.EINVAL}),
    "half-a-block": (hex(ABSENT + BLOCK // 2), {errno.EINVAL}),
    "ram-of-boot": ("0x0", {errno.EEXIST}),
    "ram-of-boot-high": (hex(GIB), {errno.EEXIST}),
    "dimm-online": (hex(ONLINE * BLOCK), {errno.EEXIST}),
    "dimm-offline": (hex(OFFLINE * BLOCK), {errno.EEXIST}),
    "pci-hole": ("0xc0000000", NOT_MEMORY),
    "device-registers": ("0xf8000000", NOT_MEMORY),
    "not-backed": (hex(ABSENT), {errno.ENODEV}),
    "beyond-maxmem": (hex(1 << 38), NOT_MEMORY),
    "beyond-the-cpu": (hex(1 << 51), {errno.EINVAL}),
    "beyond-addresses": ("0xfffffffff8000000", {errno.EINVAL}),
    "non-canonical": ("0xffff888000000000", {errno.EINVAL}),
}


@pytest.mark.parametrize("name", PROBES)
def test_probe(unchanged: Machine, name: str) -> None:
    """Nothing that the firmware does not call memory, nothing that is taken, nothing that is no RAM."""
    value, allowed = PROBES[name]
    since = unchanged.mark(f"probe {name}")
    got = unchanged.write(f"{MEMORY}/probe", value)
    assert got in allowed, errno.errorcode.get(got, got)
    unchanged.mark("probed")
    lines = re.findall(r"probe: .*not added: .*", unchanged.log_since(since))
    assert len(lines) == 1, "a refused probe leaves a line in the log"


PAGES = {
    "no-number": ("page", {errno.EINVAL}),
    "too-many-digits": ("0x1" + "0" * 16, {errno.EINVAL}),
    "no-memory": (hex(ABSENT), {errno.ENXIO}),
    "beyond-addresses": ("0xfffffffffffff000", {errno.ENXIO}),
    # Soft: not online. Hard: memory that nobody manages.
    "offline-block": (hex(OFFLINE * BLOCK), {errno.EIO, errno.ENXIO}),
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("file", ["soft_offline_page", "hard_offline_page"])
def test_offline_page(unchanged: Machine, file: str, name: str) -> None:
    value, allowed = PAGES[name]
    got = unchanged.write(f"{MEMORY}/{file}", value)
    assert got in allowed, errno.errorcode.get(got, got)


@pytest.mark.parametrize("value", ["0", "2", "yes"])
def test_eject_file(unchanged: Machine, value: str) -> None:
    """The DIMM's own file in sysfs takes a 1 alone."""
    path, = unchanged.sh("ls -d /sys/bus/acpi/devices/PNP0C80:*/eject").split()[:1]
    check(unchanged, path, value, errno.EINVAL)


PARAMETER_ERRORS = {
    "online_policy": (("contig", "auto-movable ratio", "1", " "), errno.EINVAL),
    "auto_movable_ratio": (("many", "-1", "1.5"), errno.EINVAL),
    "auto_movable_numa_aware": (("maybe", "2"), errno.EINVAL),
    "memmap_on_memory": (("on", "1"), errno.EACCES),
}


@pytest.mark.parametrize("name", PARAMETER_ERRORS)
def test_module_parameters(unchanged: Machine, name: str) -> None:
    values, expected = PARAMETER_ERRORS[name]
    for value in values:
        check(unchanged, f"{PARAMETERS}/{name}", value, expected)


def test_eject_timeout(unchanged: Machine) -> None:
    path = "/sys/module/acpi_memhotplug/parameters/eject_timeout"
    before = unchanged.read(path)
    for value in ("soon", "-1", " ", "1.5"):
        check(unchanged, path, value, errno.EINVAL)
    assert unchanged.read(path) == before


def test_a_number_too_large_for_a_parameter(unchanged: Machine) -> None:
    check(unchanged, f"{PARAMETERS}/auto_movable_ratio", str(1 << 32), errno.ERANGE)


def test_boot_parameters(new_machine: Any) -> None:
    """Nonsense on the command line: the defaults are in force."""
    machine: Machine = new_machine(kernel=WITHOUT_CHECKS, append=(
        "memhp_default_state=yes", "memory_hotplug.online_policy=best", "memory_hotplug.auto_movable_ratio=lots",
        "memory_hotplug.memmap_on_memory=perhaps"))
    assert machine.read(f"{MEMORY}/auto_online_blocks") == "offline"
    assert machine.read(f"{PARAMETERS}/online_policy") == "contig-zones"
    assert machine.read(f"{PARAMETERS}/auto_movable_ratio") == "301"
    assert machine.read(f"{PARAMETERS}/memmap_on_memory") == "N"
