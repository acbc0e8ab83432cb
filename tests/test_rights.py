# SPDX-License-Identifier: GPL-2.0-only
"""Who may do what: the files of memory hotplug by mode and owner, capability, user namespace and lockdown.

sysfs goes by mode and owner alone, so that a root without capabilities manages memory; only what poisons pages asks for
CAP_SYS_ADMIN. A kernel that is locked down takes no address of memory from user space, and opens no file that is for tests.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from notifiers import FILES, MODULE, Notifiers

from harness.machine import MEMORY, Dimm, Machine

ABI = (Path(__file__).resolve().parents[1] / "Documentation/ABI/testing/sysfs-devices-memory").read_text()
MODES = {"RO": 0o444, "RW": 0o644, "WO": 0o200}

GIB, BLOCK = 1 << 30, 128 << 20
DIMM = 4 * GIB // BLOCK
PARAMETERS = {
    "/sys/module/memory_hotplug/parameters/online_policy": ("contig-zones", 0o644),
    "/sys/module/memory_hotplug/parameters/auto_movable_ratio": ("301", 0o644),
    "/sys/module/memory_hotplug/parameters/auto_movable_numa_aware": ("Y", 0o644),
    "/sys/module/memory_hotplug/parameters/memmap_on_memory": ("N", 0o444),
    "/sys/module/acpi_memhotplug/parameters/eject_timeout": ("120", 0o644),
}
POISON = tuple(f"{MEMORY}/{name}" for name in ("soft_offline_page", "hard_offline_page"))
NO_PAGE = hex(40 * GIB)         # what those two answer with ENXIO: nothing is poisoned
OURS = ("/sys/kernel/debug/memory_hotplug", FILES)      # in debugfs, where there

# By its path, as the shell has one of its own that knows less
NOBODY = "/bin/setpriv --reuid 65534 --regid 65534 --clear-groups"
# An unprivileged user who is root in a namespace of his own; root itself in one, who is still the owner of the files.
ROOT_OF_HIS_OWN = f"{NOBODY} unshare -Ur"
ROOT_IN_NAMESPACE = "unshare -Ur"
NO_ADMIN = "/bin/setpriv --inh-caps -sys_admin --bounding-set -sys_admin"
NO_CAPABILITY = "/bin/setpriv --inh-caps -all --bounding-set -all"

GUEST = dict(kernel="plain", dimms=(Dimm("d0", "256M", 1),), append=("memhp_default_state=online_movable",))


def documented() -> dict[str, int]:
    """The modes that the ABI document gives, by path with memoryN for each block."""
    entries = re.findall(r"^What:\t\t(\S+)\n(.*?)(?=^What:|\Z)", ABI, re.M | re.S)
    found = {path: re.match(r".*?^Description:\n\t\t\((RO|RW|WO)\)", body, re.M | re.S) for path, body in entries}
    return {path: MODES[match[1]] for path, match in found.items() if match}


def modes(machine: Machine, where: str, what: str = "-type f") -> dict[str, tuple[int, str]]:
    """Mode and owner of each file."""
    lines = machine.sh(f"find {where} {what} -exec stat -c '%n %a %u:%g' {{}} +", 60).splitlines()
    return {name: (int(mode, 8), owner) for name, mode, owner in (line.split() for line in lines)}


def test_modes_and_owners(guest: Machine) -> None:
    """As documented, root's, and nothing that another could write."""
    expected = documented()
    assert len(expected) > 9
    there = modes(guest, MEMORY)
    seen = set()
    for path, (mode, owner) in there.items():
        assert owner == "0:0" and not mode & 0o022, path
        name = re.sub(r"/memory\d+/", "/memoryN/", path)
        if name in expected:
            assert mode == expected[name], path
            seen.add(name)
        else:
            assert name.endswith(("/uevent", *POISON)) or "/power/" in name, f"{path} is in no document"
    assert seen == set(expected)
    assert {there[path] for path in POISON} == {(0o200, "0:0")}
    for path, (_, mode) in PARAMETERS.items():
        assert modes(guest, path) == {path: (mode, "0:0")}


def test_nothing_of_debugfs_is_for_others(guest: Machine) -> None:
    module = Notifiers(guest)
    for folder in OURS:
        for path, (mode, owner) in (modes(guest, folder) if guest.run(f"[ -d {folder} ]").ok else {}).items():
            assert owner == "0:0" and not mode & 0o077, path
            assert guest.run(f"{NOBODY} cat {path}").code != 0
    module.unload()


def put(machine: Machine, who: str, path: str, value: str) -> int:
    return machine.run(f"{who} put {path} '{value}'").code


def writable(machine: Machine) -> dict[str, str]:
    """Each file that root may write, with what changes nothing, or is refused for what it says and not for who says it."""
    folder = f"{MEMORY}/memory{DIMM}"
    return {f"{folder}/state": "online", f"{folder}/online": "1", f"{folder}/uevent": "explode",
            f"{MEMORY}/auto_online_blocks": machine.read(f"{MEMORY}/auto_online_blocks"), f"{MEMORY}/probe": "0x0",
            f"{MEMORY}/uevent": "explode", **{path: NO_PAGE for path in POISON},
            **{path: value for path, (value, mode) in PARAMETERS.items() if mode == 0o644}}


# What is refused for what it says; the rest of writable() is taken.
SAID = {"state": errno.EINVAL, "uevent": errno.EINVAL, "probe": errno.EEXIST, "soft_offline_page": errno.ENXIO,
        "hard_offline_page": errno.ENXIO}


@pytest.mark.parametrize("who", [NOBODY, ROOT_OF_HIS_OWN], ids=["user", "root-of-his-own"])
def test_others_may_not(guest: Machine, who: str) -> None:
    for path, value in writable(guest).items():
        assert put(guest, who, path, value) == errno.EACCES, path
    assert guest.run(f"{who} cat {MEMORY}/memory{DIMM}/state").out == "online\n"


@pytest.mark.parametrize("who", ["", NO_ADMIN, NO_CAPABILITY, ROOT_IN_NAMESPACE],
                         ids=["root", "without-admin", "without-any", "in-a-namespace"])
def test_root(guest: Machine, who: str) -> None:
    """Root is the owner, capable or not. But pages are poisoned by CAP_SYS_ADMIN, of the machine and no namespace."""
    for path, value in writable(guest).items():
        expected = SAID.get(path.rsplit("/", 1)[1], 0)
        if who and path in POISON:
            expected = errno.EPERM
        assert put(guest, who, path, value) == expected, path
    for state in ("offline", "online_movable"):
        assert put(guest, who, f"{MEMORY}/memory{DIMM}/state", state) == 0
        assert guest.read(f"{MEMORY}/memory{DIMM}/state") == state.split("_")[0]


def test_lockdown_refuses_an_address(new_machine: Callable[..., Machine]) -> None:
    """RAM that boot left out cannot be added by hand, which test_probe.py does otherwise; what needs no address goes on."""
    machine = new_machine(kernel="plain", append=("mem=1G", "lockdown=integrity"))
    before = machine.memory(use=False)
    since = machine.mark("locked down")
    for value in (hex(GIB), hex(GIB + BLOCK), "0x0", "0x1"):
        assert machine.write(f"{MEMORY}/probe", value) == errno.EPERM
    machine.wait_log("probe: .* not added: the kernel is locked down", since)
    assert machine.memory(use=False) == before
    assert not machine.run(f"modprobe {MODULE}").ok

    assert machine.plug_dimm("256M", 1).ost == 0
    machine.online(DIMM, "online_movable")
    machine.offline(DIMM)
    assert machine.write(f"{MEMORY}/auto_online_blocks", "online") == 0
    assert all(machine.write(path, value) == 0 for path, (value, mode) in PARAMETERS.items() if mode == 0o644)


def test_lockdown_closes_what_is_for_tests(new_machine: Callable[..., Machine]) -> None:
    """Files in debugfs that change something are not opened any more, not even to be read."""
    machine = new_machine(kernel="plain")
    Notifiers(machine)
    paths = {path: mode for folder in OURS if machine.run(f"[ -d {folder} ]").ok for path, (mode, _) in modes(machine, folder).items()}
    assert len(paths) >= 4 and machine.write(f"{FILES}/vetoes", "off") == 0
    assert machine.write("/sys/kernel/security/lockdown", "integrity") == 0
    for path, mode in paths.items():
        assert machine.run(f"put {path} x").code == errno.EPERM, path
        assert machine.run(f"cat {path}").ok == (mode == 0o400), path
