# SPDX-License-Identifier: GPL-2.0-only
"""What the host does to a guest's memory: DIMMs come and go, virtio-mem is resized.

Part of machine.Machine; everything goes over QMP, and what the firmware heard
from the guest (_OST) comes back as events.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .channel import GuestTimeout, MachineError
from .qmp import Event, Qmp

OST_EJECT = 3  # source: an eject request; 0 and 1 are bus and device check
OST_OSPM_EJECT = 0x103  # source: an eject that the guest began by itself
OST_IN_PROGRESS = (0x84, 0x85, 0x86)
_UNPLUG_ERRORS = ("MEM_UNPLUG_ERROR", "DEVICE_UNPLUG_GUEST_ERROR")
_UNITS = {"K": 10, "M": 20, "G": 30, "T": 40}

Size = int | str


def to_bytes(size: Size) -> int:
    """512M, 1G or plain bytes."""
    if isinstance(size, int):
        return size
    if size[-1:].upper() in _UNITS:
        return int(size[:-1], 0) << _UNITS[size[-1].upper()]
    return int(size, 0)


@dataclass(frozen=True)
class Dimm:
    """A DIMM on QEMU's command line."""

    id: str
    size: Size = "1G"
    node: int = 1
    addr: int | None = None


@dataclass(frozen=True)
class VirtioMem:
    """A virtio-mem device on QEMU's command line: up to size, of which requested is plugged."""

    id: str
    size: Size
    requested: Size = 0
    node: int = 1
    block: Size | None = None
    addr: int | None = None


@dataclass(frozen=True)
class Plug:
    """A DIMM that was plugged, and what the guest told the firmware of it (None: nothing yet)."""

    id: str
    addr: int
    size: int
    node: int
    slot: int
    ost: int | None


@dataclass
class Eject:
    """How an eject request ended. Neither gone nor error: nothing yet."""

    id: str
    since: int
    gone: bool = False
    error: bool = False
    ost: list[tuple[int, int]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


class Devices:
    """The QMP part of a machine."""

    _control: Qmp | None = None
    pace: float = 1.0

    @property
    def _qmp(self) -> Qmp:
        if self._control is None:
            raise MachineError("the machine is not running")
        return self._control

    def qmp(self, command: str, **arguments: Any) -> Any:
        """One QMP command; see qmp.Qmp.command()."""
        return self._qmp.command(command, 30 * self.pace, **arguments)

    @property
    def events(self) -> list[Event]:
        return self._qmp.events

    def seen_events(self) -> list[Event]:
        """The events so far, also of a machine that is gone or never came up."""
        return list(self._control.events) if self._control else []

    def wait_event(self, match: str | Callable[[Event], bool], since: int = 0, timeout: float = 30) -> Event:
        """The first event from number @since on by that name, or for which @match holds."""
        test = match if callable(match) else lambda event: event.name == match
        return self._qmp.wait_event(test, since, timeout * self.pace, f"event {match}")

    def dimms(self) -> list[dict[str, Any]]:
        """query-memory-devices, each entry's data with its type."""
        return [{"type": d["type"], **d["data"]} for d in self.qmp("query-memory-devices")]

    def plug_dimm(self, size: Size = "1G", node: int = 1, id: str | None = None, addr: int | None = None,
                  wait: bool = True, timeout: float = 60, path: Path | None = None) -> Plug:
        """Plugs a DIMM; with @wait until the guest told the firmware how it went.

        What is in it lies in the file @path, if there is one: the host sees it there, and may change it.
        """
        name = id or self._free_id()
        since = len(self.events)
        backing: dict[str, Any] = dict(qom_type="memory-backend-ram", reserve=False)
        if path:
            backing = dict(qom_type="memory-backend-file", mem_path=str(path), share=True)
        self.qmp("object-add", id=f"mem-{name}", size=to_bytes(size), **backing)
        place = {} if addr is None else {"addr": addr}
        try:
            self.qmp("device_add", driver="pc-dimm", id=name, memdev=f"mem-{name}", node=node, **place)
        except MachineError:
            self.qmp("object-del", id=f"mem-{name}")
            raise
        data = next(d for d in self.dimms() if d.get("id") == name)
        status = self._wait_insertion(name, since, timeout) if wait else None
        return Plug(name, data["addr"], data["size"], data["node"], data["slot"], status)

    def _free_id(self) -> str:
        taken = {d.get("id") for d in self.dimms()}
        return next(f"dimm{n}" for n in range(1000) if f"dimm{n}" not in taken)

    def _wait_insertion(self, name: str, since: int, timeout: float) -> int | None:
        def inserted(event: Event) -> bool:
            info = event.data.get("info", {})
            return (event.name == "ACPI_DEVICE_OST" and info.get("device") == name and info["source"] in (0, 1)
                    and info["status"] not in OST_IN_PROGRESS)

        return int(self.wait_event(inserted, since, timeout).data["info"]["status"])

    def unplug_dimm(self, id: str, timeout: float = 60, wait: bool = True) -> Eject:
        """Asks the guest to give a DIMM back; with @wait until it did or refused."""
        slot = next((d["slot"] for d in self.dimms() if d.get("id") == id), None)
        eject = Eject(id, len(self.events))
        self.qmp("device_del", id=id)
        if wait:
            self.wait_eject(eject, slot, timeout)
        return eject

    def wait_eject(self, eject: Eject, slot: int | None = None, timeout: float = 60) -> Eject:
        """Fills in how an eject ended. A DIMM that is gone has its backing taken away too."""
        def ended(event: Event) -> bool:
            if event.name == "ACPI_DEVICE_OST":     # how a guest refuses: QEMU adds no event of its own
                info = event.data["info"]
                return self._is_about(event, eject.id, slot) and info["source"] in (OST_EJECT, OST_OSPM_EJECT) and \
                    info["status"] not in (0, *OST_IN_PROGRESS)
            return event.data.get("device") == eject.id and event.name in ("DEVICE_DELETED", *_UNPLUG_ERRORS)

        event = self.wait_event(ended, eject.since, timeout)
        eject.gone = event.name == "DEVICE_DELETED"
        eject.error = not eject.gone
        if eject.gone:
            self.qmp("object-del", id=f"mem-{eject.id}")
            self._wait_last_word(eject, slot, event.seq)
        eject.events = [e for e in self.events[eject.since :] if self._is_about(e, eject.id, slot)]
        eject.ost = [(e.data["info"]["source"], e.data["info"]["status"]) for e in eject.events
                     if e.name == "ACPI_DEVICE_OST"]
        return eject

    def _is_about(self, event: Event, name: str, slot: int | None) -> bool:
        info = event.data.get("info", {})
        return name in (event.data.get("device"), info.get("device")) or \
            (slot is not None and info.get("slot") == str(slot))

    def _wait_last_word(self, eject: Eject, slot: int | None, since: int) -> None:
        """The guest's success comes after the device went; a guest may also not say it."""
        def last(event: Event) -> bool:
            return (event.name == "ACPI_DEVICE_OST" and self._is_about(event, eject.id, slot)
                    and event.data["info"]["status"] not in OST_IN_PROGRESS)

        try:
            self.wait_event(last, since, 2)
        except GuestTimeout:
            pass

    def resize(self, device: str, size: Size) -> None:
        """Asks a virtio-mem device to have that much plugged."""
        self.qmp("qom-set", path=f"/machine/peripheral/{device}", property="requested-size", value=to_bytes(size))

    def virtio_mem_size(self, device: str) -> int:
        """What of a virtio-mem device is plugged, in bytes."""
        return int(self.qmp("qom-get", path=f"/machine/peripheral/{device}", property="size"))

    def wait_resized(self, device: str, timeout: float = 60) -> int:
        """Waits until a virtio-mem device has what was asked of it."""
        deadline = time.monotonic() + timeout * self.pace
        path = f"/machine/peripheral/{device}"
        want = int(self.qmp("qom-get", path=path, property="requested-size"))
        while (size := self.virtio_mem_size(device)) != want:
            if time.monotonic() > deadline:
                raise GuestTimeout(f"{device} stands at {size} of {want} bytes")
            time.sleep(0.1)
        return size
