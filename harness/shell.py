# SPDX-License-Identifier: GPL-2.0-only
"""make shell: the guest of make run with its console on this terminal.

From another terminal the same module is the host's hand on its memory:

    python3 -m harness.shell plug SIZE [NODE]    plugs a DIMM
    python3 -m harness.shell unplug [ID]         asks for it back, the newest if not named
    python3 -m harness.shell list                what is plugged

Called by __main__ (main) and by hand (host).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from . import build, image, packages, paths, ui
from .channel import MachineError
from .devices import Devices
from .machine import Machine, MachineConfig
from .qmp import Qmp

_LATEST = paths.BUILD / "run" / "shell"  # leads to the folder of the last shell


def _tell(machine: Machine) -> None:
    ui.say(f"""
    The guest's shell follows; blocks, lsmem, chmem, memhold, numactl and stress-ng are there.
    From another terminal, in {paths.ROOT}:

        python3 -m harness.shell plug 1G [NODE]
        python3 -m harness.shell unplug [ID]
        python3 -m harness.shell list

    QMP socket  {machine.folder / 'qmp'}
    log         {machine.log_path}
    To leave: poweroff, or ctrl-a x.
""")


def main(kernel: str = "plain") -> int:
    """make shell."""
    packages.ensure(packages.GUEST)
    build.build(kernel)
    machine = Machine(MachineConfig(kernel=kernel, extra=image.EXTRA, interactive=True))
    _LATEST.unlink(missing_ok=True)
    _LATEST.symlink_to(machine.folder.name)
    _tell(machine)
    with machine:
        machine.wait()
    return 0


class Remote(Devices):
    """The devices of a machine that another process started."""

    def __init__(self, path: Path) -> None:
        self._control = Qmp.connect(str(path))

    def close(self) -> None:
        if self._control:
            self._control.close()


def _plug(remote: Remote, size: str, node: str = "1") -> int:
    plug = remote.plug_dimm(size, int(node))
    ui.say(f"{plug.id}: {plug.size >> 20} MiB on node {plug.node} at {plug.addr:#x}, guest's status {plug.ost:#x}")
    return 0 if plug.ost == 0 else 1


def _unplug(remote: Remote, name: str = "") -> int:
    name = name or next((str(d["id"]) for d in reversed(remote.dimms())), "")
    if not name:
        raise MachineError("there is no DIMM")
    eject = remote.unplug_dimm(name)
    ui.say(f"{name}: " + ("gone" if eject.gone else "the guest refused")
           + "".join(f", status {status:#x}" for _, status in eject.ost[-1:]))
    return 0 if eject.gone else 1


def _list(remote: Remote) -> int:
    for device in remote.dimms():
        ui.say(f"{device['id']}: {device['size'] >> 20} MiB on node {device['node']} at {device['addr']:#x}")
    return 0


# What runs, and how many words it takes, at least and at most.
_COMMANDS: dict[str, tuple[Callable[..., int], int, int]] = {
    "plug": (_plug, 1, 2),
    "unplug": (_unplug, 0, 1),
    "list": (_list, 0, 0),
}


def host(words: list[str]) -> int:
    """The commands for another terminal."""
    command, least, most = _COMMANDS.get(words[0] if words else "", (_list, 1, 0))
    if not least <= len(words) - 1 <= most:
        print(__doc__)
        return 2
    if not (_LATEST / "qmp").exists():
        raise MachineError("no shell is running: make shell")
    remote = Remote(_LATEST.resolve() / "qmp")
    try:
        return command(remote, *words[1:])
    finally:
        remote.close()


if __name__ == "__main__":
    try:
        sys.exit(host(sys.argv[1:]))
    except ui.Failure as failure:
        ui.report(failure)
        sys.exit(1)
