# SPDX-License-Identifier: GPL-2.0-only
"""A guest under QEMU: boots, runs commands, takes and gives back memory.

Used by run, shell and every scenario. This file boots it and ends it. The parts:
guest_commands over channel (commands, files, the log), guest_memory over blocks,
procfs and holder (memory seen from the inside), devices over qmp (from the outside).
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import shlex
import shutil
import socket
import subprocess
import time
import weakref
from dataclasses import dataclass
from pathlib import Path

from . import accel, assemble, image, paths, ui
from .arch import BOARDS, HOST
from .channel import Channel, CommandFailed, GuestTimeout, Job, MachineError, Result
from .console import Console, Splat
from .devices import Devices, Dimm, Eject, Plug, Size, VirtioMem, to_bytes
from .guest_memory import MEMORY, GuestMemory
from .holder import Check, Holder
from .qmp import Event, Qmp, QmpError

__all__ = [
    "MEMORY", "Check", "CommandFailed", "Dimm", "Eject", "Event", "GuestTimeout", "Holder", "Job", "Machine",
    "MachineConfig", "MachineError", "Plug", "QmpError", "Result", "Splat", "VirtioMem", "to_bytes",
]

_RUNS = paths.BUILD / "run"
_KEEP_RUNS = 400
_SLOW_PACE = 6.0  # how much longer a kernel full of checks takes under TCG, or any while instructions are counted
_SLOW_KERNELS = ("debug", "kcsan")
_BOOT_SECONDS = 60.0
_numbers = itertools.count()
_running: weakref.WeakSet[Machine] = weakref.WeakSet()


@dataclass(frozen=True)
class MachineConfig:
    """What machine to boot. Sizes are bytes or such as "512M".

    nodes has the memory at boot of each NUMA node; all CPUs are on node 0. Only the
    last node may be without memory: QEMU's firmware names no other empty node.
    """

    kernel: str = "plain"       # its folder below build
    arch: str = HOST
    nodes: tuple[Size, ...] = ("2G", 0)
    slots: int = 8
    maxmem: Size = "64G"
    cpus: int = 2
    dimms: tuple[Dimm, ...] = ()
    virtio_mem: tuple[VirtioMem, ...] = ()
    append: tuple[str, ...] = ()
    qemu: tuple[str, ...] = ()
    accel: str = "auto"
    board: str = ""             # the architecture's, if not named
    cpu_model: str | None = None
    extra: tuple[str, ...] = ()     # programs of image.EXTRA that are there
    nice: int = 0               # of QEMU, for a guest that others shall not wait for
    interactive: bool = False  # the serial console is this terminal, with a shell


def _backend(name: str, size: Size) -> list[str]:
    # Without a reservation, so that a guest may be larger than its host.
    return ["-object", f"memory-backend-ram,id={name},size={to_bytes(size)},reserve=off"]


def _memory_arguments(config: MachineConfig) -> list[str]:
    out = ["-m", f"{sum(map(to_bytes, config.nodes)) >> 20}M,slots={config.slots},maxmem={to_bytes(config.maxmem)}"]
    for node, size in enumerate(config.nodes):
        cpus = f",cpus=0-{config.cpus - 1}" if node == 0 else ""
        if to_bytes(size):
            out += [*_backend(f"ram{node}", size), "-numa", f"node,nodeid={node}{cpus},memdev=ram{node}"]
        else:
            out += ["-numa", f"node,nodeid={node}{cpus}"]
    for dimm in config.dimms:
        at = "" if dimm.addr is None else f",addr={dimm.addr:#x}"
        out += [*_backend(f"mem-{dimm.id}", dimm.size),
                "-device", f"pc-dimm,id={dimm.id},memdev=mem-{dimm.id},node={dimm.node}{at}"]
    for device in config.virtio_mem:
        block = "" if device.block is None else f",block-size={to_bytes(device.block)}"
        at = "" if device.addr is None else f",memaddr={device.addr:#x}"
        out += [*_backend(f"mem-{device.id}", device.size),
                "-device", f"virtio-mem-pci,id={device.id},memdev=mem-{device.id},node={device.node}"
                           f",requested-size={to_bytes(device.requested)}{block}{at}"]
    return out


def _command_line(config: MachineConfig, accelerator: str) -> str:
    board = BOARDS[config.arch]
    words = [f"console={board.console}", "loglevel=7", "panic=-1", "printk.devkmsg=on"]
    if accelerator in accel.EMULATED:
        # A busy host stops a guest for seconds: that is no stall.
        words += ["rcupdate.rcu_cpu_stall_timeout=120", "workqueue.watchdog_thresh=120", *board.emulated]
        if config.arch == HOST and (khz := accel.clock_khz(accelerator)):
            words.append(f"tsc_early_khz={khz}")
    # An oops may leave locks held: whoever waits for the guest would wait for nothing.
    words.append("mhp.shell" if config.interactive else "oops=panic")
    return " ".join([*words, *config.append])


def _run_folder(kernel: str) -> Path:
    """A fresh folder for what a machine leaves; old ones go."""
    _RUNS.mkdir(parents=True, exist_ok=True)
    # Another process may be clearing up, too: what is gone by now is no error.
    ages = {}
    for folder in _RUNS.iterdir():
        with contextlib.suppress(FileNotFoundError):
            ages[folder] = folder.stat().st_mtime
    for folder in sorted(ages, key=lambda path: ages[path])[:-_KEEP_RUNS]:
        shutil.rmtree(folder, ignore_errors=True)
    folder = _RUNS / f"{time.strftime('%H%M%S')}-{Path(kernel).name}-{os.getpid()}-{next(_numbers)}"
    folder.mkdir()
    return folder


@atexit.register
def _kill_all() -> None:
    for machine in list(_running):
        machine.kill()


class Machine(GuestMemory, Devices):
    """One guest. Boots once; kill() or power_off() ends it, and so does the end of this process."""

    def __init__(self, config: MachineConfig) -> None:
        super().__init__()
        self.config = config
        self.accel = ""
        self.folder = _run_folder(config.kernel)
        self.console = Console(self.folder / "console.log")
        self.boot_seconds = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    # Life

    def __enter__(self) -> Machine:
        return self.boot()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def boot(self) -> Machine:
        """Starts QEMU and waits for the guest's agent."""
        initramfs = image.build(self.config.kernel, self.config.arch, self.config.extra)
        kernel = image.kernel(self.config.kernel, self.config.arch)
        if not kernel.exists():
            raise MachineError(f"there is no {kernel.relative_to(paths.ROOT)}: make kernel CONFIG={self.config.kernel}")
        wanted = self.config.accel if self.config.arch == HOST else "tcg"
        if wanted == "auto":
            known = accel.known()
            if known is None:       # where several want to know, one finds out
                with assemble.locked(paths.CACHE / ".lock-kvm", "a first boot under KVM"):
                    known = accel.known()
                    if known is None and self._try_kvm(kernel, initramfs):
                        return self
            wanted = "kvm" if known else "tcg"
        self._launch(wanted, kernel, initramfs)
        limit = _BOOT_SECONDS * self.pace
        if not self._up(limit):
            state = "QEMU ended" if self._ended(1) else f"no word from it for {limit:.0f} s"
            self.kill()
            log = self.console.path if self.console.size() else self.folder / "qemu.log"
            raise MachineError(f"the guest did not boot: {state}", log, ui.tail(log))
        return self

    def _ended(self, seconds: float) -> bool:
        """Whether QEMU ends within that time."""
        try:
            return self._process is None or self._process.wait(seconds) is not None
        except subprocess.TimeoutExpired:
            return False

    def _try_kvm(self, kernel: Path, initramfs: Path) -> bool:
        """The one boot that finds out whether KVM works here."""
        ui.note(f"trying KVM, for at most {accel.KVM_DEADLINE:.0f} s")
        self._launch("kvm", kernel, initramfs)
        works = self._up(accel.KVM_SIGN)
        if not works and (self.console.size() or self.config.interactive):
            works = self._up(accel.KVM_DEADLINE - accel.KVM_SIGN)
        accel.remember(works)
        if not works:
            ui.note("it hangs or fails: QEMU's own emulation from now on")
            self.kill()
            self.console.path.unlink(missing_ok=True)
        return works

    def _up(self, seconds: float) -> bool:
        start = time.monotonic()
        try:
            assert self._channel is not None
            if not self._channel.wait_hello(seconds):
                return False
            self._qmp.negotiate()
        except MachineError:
            return False
        self.boot_seconds = time.monotonic() - start
        return True

    def _launch(self, accelerator: str, kernel: Path, initramfs: Path) -> None:
        self.accel = accelerator
        slow = accelerator == "icount" or \
            accelerator == "tcg" and any(name in self.config.kernel for name in _SLOW_KERNELS)
        self.pace = _SLOW_PACE if slow else 1.0
        agent, agent_end = socket.socketpair()
        control, control_end = socket.socketpair()
        with agent_end, control_end, (self.folder / "qemu.log").open("wb") as log:
            command = self._qemu(accelerator, kernel, initramfs, agent_end.fileno(), control_end.fileno())
            (self.folder / "command").write_text(shlex.join(command) + "\n")
            stdin = None if self.config.interactive else subprocess.DEVNULL
            stdout = None if self.config.interactive else log
            try:
                self._process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=log,
                                                 pass_fds=(agent_end.fileno(), control_end.fileno()))
            except OSError as error:
                raise MachineError(f"{command[0]}: {error.strerror}") from error
        _running.add(self)
        self._channel = Channel(agent, self.pace)
        self._control = Qmp(control)

    def _qemu(self, accelerator: str, kernel: Path, initramfs: Path, agent: int, control: int) -> list[str]:
        config, board = self.config, BOARDS[self.config.arch]
        # The guest goes when we do, however we go.
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        if config.nice:
            guard += ["nice", "-n", str(config.nice)]
        model = config.cpu_model or ("host" if accelerator == "kvm" else board.cpu)
        if config.interactive:
            console = ["-chardev", f"stdio,id=con,mux=on,signal=off,logfile={self.console.path}",
                       "-mon", "chardev=con,mode=readline",
                       "-qmp", f"unix:{self.folder / 'qmp'},server=on,wait=off"]
        else:
            console = ["-chardev", f"file,id=con,path={self.console.path}"]
        return [
            *guard, board.qemu, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-machine", config.board or board.machine, *accel.arguments(accelerator), "-cpu", model, "-smp", str(config.cpus),
            *_memory_arguments(config),
            "-kernel", str(kernel), "-initrd", str(initramfs), "-append", _command_line(config, accelerator),
            *console, "-serial", "chardev:con",
            "-chardev", f"socket,id=agent,fd={agent}", "-device", "virtio-serial-pci",
            "-device", "virtserialport,chardev=agent,name=mhp.agent",
            "-chardev", f"socket,id=qmp,fd={control}", "-mon", "chardev=qmp,mode=control",
            *config.qemu,
        ]

    def restart(self, command: str, timeout: float = _BOOT_SECONDS) -> None:
        """Runs a command that puts another kernel in the running one's place, and waits for that kernel's agent.

        For kexec and for crashes with a capture kernel: QEMU ends at a restart by firmware. What ran is gone.
        The channel goes on where it was, so nothing else may talk over it while the old kernel ends.
        """
        count = self.channel.hellos + 1
        job = self.start(command)
        self.channel.wait_for(lambda: self.channel.hellos >= count or not job.running, timeout * self.pace,
                              f"another kernel by {command!r}", self.log)
        if self.channel.hellos < count:
            raise CommandFailed(command, job.wait())

    @property
    def pid(self) -> int:
        """QEMU's process on the host."""
        if self._process is None:
            raise MachineError("the machine is not running")
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None and self.channel.alive

    def wait(self, timeout: float | None = None) -> int:
        """Waits for QEMU's end."""
        try:
            return self._process.wait(None if timeout is None else timeout * self.pace) if self._process else 0
        except subprocess.TimeoutExpired as error:
            raise GuestTimeout(f"QEMU still runs after {error.timeout:.0f} s", self.log()) from error

    def power_off(self, timeout: float = 30) -> None:
        """Has the guest shut down; kills it if it does not."""
        self.start("poweroff -f")
        ended = self._ended(timeout * self.pace)
        self.kill()
        if not ended:
            raise GuestTimeout("the guest does not power off", self.log())

    def kill(self) -> None:
        _running.discard(self)
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._ended(5)  # over a KVM that hangs QEMU may not even die
        if self._channel:
            self._channel.close()
        if self._control:
            self._control.close()
