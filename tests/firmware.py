# SPDX-License-Identifier: GPL-2.0-only
"""Memory devices that a test makes up: tables loaded into a running guest.

A table declares a PNP0C80 device whose _STA is a variable, and beside it a device
for each notification that a test may want: to read the slot number of such a one in
sysfs sets the variable and notifies the memory device. What the guest reports
through _OST goes to the kernel's log, as ACPI's debug output.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import aml

from harness.blocks import Block
from harness.machine import Machine

MIB = 1 << 20
GIB = 1 << 30
BLOCK = 128 * MIB

# 3 GiB of RAM, which q35 splits in two below and one above 4 GiB; Linux is kept from the latter.
GUEST: dict[str, Any] = dict(nodes=("3G", 0), append=("mem=4G", "acpi.aml_debug_output=1"))
BOOT_END = 2 * GIB
LEFT_OUT = 4 * GIB
FIRST, SECOND, THIRD = (LEFT_OUT + n * 2 * BLOCK for n in range(3))
CLAIMED = 4 * GIB - BLOCK       # where the interrupt controllers are
OUT_OF_REACH = 1 << 55          # no x86 can address it

TIMEOUT = "/sys/module/acpi_memhotplug/parameters/eject_timeout"
AUTO_ONLINE = "/sys/devices/system/memory/auto_online_blocks"

ABSENT, WORKING, BROKEN = 0x0, 0xF, 0x7
BUS_CHECK, DEVICE_CHECK, EJECT_REQUEST, OSPM_EJECT = 0, 1, 3, 0x103
SUCCESS, FAILURE, DEVICE_BUSY, EJECT_IN_PROGRESS = 0, 1, 0x82, 0x84
EJECT_NOT_SUPPORTED, DRIVER_LOAD_FAILURE, INSERT_NOT_SUPPORTED = 0x80, 0x81, 0x82

_TABLES = "/sys/kernel/config/acpi/table"
_numbers = itertools.count()


def picture(machine: Machine) -> Any:
    """All that must be as it was after a refusal."""
    meminfo = machine.meminfo()
    return ([(b.number, b.state, b.node, b.zones) for b in machine.memory(use=False)],
            [(z.node, z.name, z.start_pfn, z.spanned, z.present, z.managed) for z in machine.zones() if z.present],
            machine.iomem(), meminfo["MemTotal"],
            sum(size for name, size in meminfo.items() if name.startswith("DirectMap")))


def blocks_at(machine: Machine, *ranges: tuple[int, int]) -> list[Block]:
    memory = machine.memory(use=False)
    return [block for start, size in ranges for block in memory.of(start, size)]


def device_log(machine: Machine, since: int) -> str:
    """What was said about memory devices."""
    machine.mark()
    return "\n".join(line for line in machine.log_since(since).splitlines() if "PNP0C80" in line)


@contextlib.contextmanager
def setting(machine: Machine, path: str, value: object) -> Iterator[None]:
    """A file of the guest has another value inside the `with`."""
    before = machine.read(path)
    assert machine.write(path, value) == 0
    yield
    assert machine.write(path, before) == 0


def load(machine: Machine, *terms: bytes) -> None:
    """Loads a table of these terms, which are run as they are read."""
    label = f"MHP{next(_numbers):05}"
    machine.push(aml.ssdt(label, *terms), f"/run/{label}")
    machine.sh(f"mkdir {_TABLES}/{label} && cat /run/{label} > {_TABLES}/{label}/aml")


class Ejectable:
    """What a test's devices of any kind can do."""

    machine: Machine
    name: str
    hid: str

    def load(self) -> Self:
        """Declares it, which attaches what works; waits until the guest is done with that."""
        load(self.machine, aml.scope("\\_SB", *self.terms()))
        self.machine.sh(f"until grep -qs '{self.name}' /sys/bus/acpi/devices/{self.hid}:*/path; do sleep 0.1; done")
        # The scan holds the lock that a write to a block's state waits for.
        assert self.machine.write("/sys/devices/system/memory/memory1/state", "online") == errno.EINVAL
        return self

    @property
    def path(self) -> str:
        return f"\\_SB.{self.name}"

    def terms(self) -> Iterator[bytes]:
        """What is to be declared in \\_SB."""
        yield self.declaration()
        yield from self._triggers()

    def declaration(self) -> bytes:
        """The device, without triggers."""
        raise NotImplementedError

    def _triggers(self) -> Iterator[bytes]:
        for value in (BUS_CHECK, DEVICE_CHECK, EJECT_REQUEST):
            for status in (None, ABSENT, BROKEN, WORKING):
                change = b"" if status is None else aml.store(aml.integer(status), aml.name_string(f"{self.path}.STAV"))
                yield aml.device(
                    self._trigger(value, status),
                    aml.name("_HID", aml.string("MHPT0000")),
                    aml.name("_UID", aml.string(self._trigger(value, status))),
                    aml.method("_SUN", 0, change, aml.notify(self.path, value), aml.returns(aml.ONE)),
                )

    def _trigger(self, value: int, status: int | None) -> str:
        """A name of four: a letter for what it does, and the device's number."""
        return "ABCDEFGHIJKLNOPQ"[value * 4 + (None, ABSENT, BROKEN, WORKING).index(status)] + self.name[1:]

    def _report(self) -> bytes:
        """The method through which the guest reports."""
        text = aml.concat(aml.string(f"ost {self.name} "), aml.ARG[0], aml.string(" "), aml.ARG[1])
        return aml.method("_OST", 3, aml.store(text, aml.DEBUG))

    def send(self, value: int, status: int | None = None) -> int:
        """Notifies the device, after its status has become @status; returns since when reports() may come."""
        since = self.machine.mark(f"notify {self.name} {value}")
        self.machine.sh(f"cat $(grep -l '{self._trigger(value, status)}' /sys/bus/acpi/devices/MHPT0000:*/path "
                        "| sed s/path$/sun/)")
        return since

    def notify(self, value: int, status: int | None = None, timeout: float = 60) -> list[int]:
        """Notifies the device and waits for what the guest reports."""
        return self.reports(value, self.send(value, status), timeout)

    def eject(self, timeout: float = 60) -> list[int]:
        """Ejects the device from the guest's side."""
        since = self.machine.mark(f"eject {self.name}")
        assert self.machine.write(f"{self.sysfs()}/eject", 1) == 0
        return self.reports(OSPM_EJECT, since, timeout)

    def reports(self, source: int, since: int, timeout: float) -> list[int]:
        """Waits for the guest's last word on a request; all it said through _OST of it."""
        word = rf'"ost {self.name} 0*{source:X} 0*([0-9A-F]+)"'
        in_progress = f"{EJECT_IN_PROGRESS:X}"
        # The eject that the guest began reports its progress as an eject request.
        self.machine.wait_log(rf'"ost {self.name} 0*{source:X} (?!0*{in_progress}")[0-9A-F]+"', since, timeout)
        return [int(code, 16) for code in re.findall(word, self.machine.log_since(since))]

    def sysfs(self) -> str:
        """Its folder, such as PNP0C80:00."""
        path = self.machine.sh(f"grep -l '{self.name}$' /sys/bus/acpi/devices/{self.hid}:*/path")
        return path.rsplit("/", 1)[0]


@dataclass
class Device(Ejectable):
    """A memory device; ranges are (start, size)."""

    machine: Machine
    ranges: Sequence[tuple[int, int]]
    status: int = WORKING
    eject_works: bool = True
    can_eject: bool = True
    name: str = field(default_factory=lambda: f"M{next(_numbers):03}")
    hid = "PNP0C80"

    def declaration(self) -> bytes:
        eject = aml.store(aml.ZERO, aml.name_string("STAV"))
        if not self.eject_works:
            eject = aml.divide(aml.ONE, aml.ZERO)
        return aml.device(
            self.name,
            aml.name("_HID", aml.eisa_id("PNP0C80")),
            aml.name("_UID", aml.string(self.name)),
            aml.name("STAV", aml.integer(self.status)),
            aml.name("_CRS", aml.resources([aml.memory_resource(*r) for r in self.ranges])),
            aml.method("_STA", 0, aml.returns(aml.name_string("STAV"))),
            aml.method("_EJ0", 1, eject) if self.can_eject else b"",
            self._report(),
        )

    def bound(self) -> int:
        """How many memory blocks are tied to it."""
        return int(self.machine.sh(f"ls {self.sysfs()} | grep -c '^physical_node' || true"))


@dataclass
class Container(Ejectable):
    """A container of memory devices and containers, which get no triggers of their own."""

    machine: Machine
    contents: Sequence[Device | Container]
    status: int = WORKING
    hid: str = "ACPI0004"
    name: str = field(default_factory=lambda: f"C{next(_numbers):03}")

    def declaration(self) -> bytes:
        return aml.device(
            self.name,
            aml.name("_HID", aml.string(self.hid)),
            aml.name("_UID", aml.string(self.name)),
            aml.name("STAV", aml.integer(self.status)),
            aml.method("_STA", 0, aml.returns(aml.name_string("STAV"))),
            aml.method("_EJ0", 1, aml.store(aml.ZERO, aml.name_string("STAV"))),
            self._report(),
            *(part.declaration() for part in self.contents),
        )

    def attribute(self) -> str:
        """The file by which user space says that the container may go."""
        return f"/sys/bus/container/devices/{self.sysfs().rsplit('/', 1)[1]}/online"
