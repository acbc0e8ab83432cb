# SPDX-License-Identifier: GPL-2.0-only
"""Memory that comes and goes as a whole: DIMMs, virtio-mem, persistent memory as dax."""

from __future__ import annotations

import random
from collections.abc import Callable

from .. import dax
from ..machine import Machine, QmpError
from . import layout
from .layout import MIB, Resizable, Slot
from .source import OK, SKIPPED, Source, wait

_EJECT_SECONDS = 150


def present(machine: Machine) -> dict[str, dict[str, object]]:
    """What QEMU has plugged, by name."""
    return {str(d.get("id")): d for d in machine.dimms()}


def eject(machine: Machine, slot: Slot) -> str:
    """Asks for a DIMM; what came of it."""
    if slot.id not in present(machine):
        return SKIPPED
    try:
        return OK if machine.unplug_dimm(slot.id, timeout=_EJECT_SECONDS).gone else "refused"
    except QmpError:        # the guest has not taken it yet, or there is a request already
        return "busy"


class Dimms(Source):
    """Plugs and ejects one of the DIMMs."""

    name = "dimm"
    rest = (0.1, 1.5)
    expected = frozenset(("refused", "busy"))

    def __init__(self, where: layout.Layout, seed: str, slots: tuple[Slot, ...], number: int = 0) -> None:
        super().__init__(where, seed, number)
        self._slots = slots

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        slot, plug = rng.choice(self._slots), rng.random() < 0.6
        if plug:
            return f"plug {slot.id}", lambda machine: self._plug(machine, slot)
        return f"eject {slot.id}", lambda machine: eject(machine, slot)

    def _plug(self, machine: Machine, slot: Slot) -> str:
        if slot.id in present(machine):
            return SKIPPED
        plug = machine.plug_dimm(slot.size, slot.node, id=slot.id, addr=slot.addr, timeout=_EJECT_SECONDS)
        if plug.ost == 0:
            return OK
        eject(machine, slot)    # a failure was injected: QEMU has it, the guest has not
        return "refused"


class VirtioMems(Source):
    """Asks for another size of a virtio-mem device, and waits a little or not at all."""

    name = "virtio-mem"
    rest = (0.5, 6.0)

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        device = rng.choice(layout.RESIZABLE)
        units = rng.choice((0, rng.randrange(device.size // device.unit + 1)))
        size = units * device.unit
        return f"resize {device.id} to {size // MIB} MiB", lambda machine: self._resize(machine, device, size)

    def _resize(self, machine: Machine, device: Resizable, size: int) -> str:
        machine.resize(device.id, size)
        return OK


class DaxDevice(Source):
    """Persistent memory becomes memory and comes back, by daxctl."""

    name = "dax"
    rest = (0.5, 3.0)
    expected = frozenset(("refused", "stopped"))
    _words = (("reconfigure-device", "--mode=system-ram --no-online --force"), ("reconfigure-device", "--mode=system-ram --no-movable"),
              ("reconfigure-device", "--mode=devdax --force"), ("reconfigure-device", "--mode=devdax"),
              ("online-memory", ""), ("offline-memory", ""))
    _odds = (6, 1, 6, 1, 3, 3)
    _device = ""

    def prepare(self, machine: Machine) -> bool:
        self._device = dax.device(machine, "nvdimm")
        return bool(self._device)

    def choose(self, rng: random.Random) -> tuple[str, Callable[[Machine], str]]:
        verb, options = rng.choices(self._words, self._odds)[0]
        limit = rng.uniform(3.0, 15.0)
        own = rng.choice("01")
        text = f"daxctl {verb} {options}".rstrip() + (f", own memmap {own}" if "system-ram" in options else "")
        return text, lambda machine: self._call(machine, verb, options, limit, own)

    def _call(self, machine: Machine, verb: str, options: str, limit: float, own: str) -> str:
        if "system-ram" in options:
            machine.run(f"put {dax.DEVICES}/{self._device}/memmap_on_memory {own}")
        job = machine.start(f"exec daxctl {verb} {options} {self._device}")
        result = wait(job, limit)
        if result is None:
            job.signal(2)
            result = job.wait(_EJECT_SECONDS)
        said = next(iter(result.out.splitlines()), "")
        return OK if result.ok else "stopped" if result.code == 128 + 2 else f"refused: {said}"

    def put_back(self, machine: Machine) -> None:
        for words in ("offline-memory", "reconfigure-device --mode=devdax --force"):
            machine.run(f"daxctl {words} {self._device}", _EJECT_SECONDS)


def sizes(machine: Machine) -> int:
    """What virtio-mem devices have plugged, in bytes."""
    return sum(machine.virtio_mem_size(device.id) for device in layout.RESIZABLE)


