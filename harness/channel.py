# SPDX-License-Identifier: GPL-2.0-only
"""The host's end of the command channel: frames to and from the guest's agent.

One thread reads; callers wait on a condition. A job is a command in the guest
with a process group of its own. The guest's end is harness/guest/agent.c.
"""

from __future__ import annotations

import itertools
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from . import ui

_HEADER = struct.Struct("<III")
_RUN, _STDIN, _SIGNAL, _LOG = 1, 2, 3, 4
_HELLO, _STARTED, _OUTPUT, _TIMEOUT, _EXIT = 16, 17, 18, 19, 20
_PIECE = 65536
_KILLED = 128 + 9
_numbers = itertools.count(1)  # of jobs; a guest may outlive its channel, so no two have the same
GRACE = 15.0  # seconds that a guest may be late in saying that a job's time is up


class MachineError(ui.Failure):
    """The guest or QEMU does not answer, died, or refused."""


class GuestTimeout(MachineError):
    """Something in the guest took longer than it may; .output has what it printed."""

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message, detail="\n".join(output.splitlines()[-20:]))
        self.output = output


class CommandFailed(MachineError):
    """A command that had to succeed did not; .result has its output and code."""

    def __init__(self, command: str, result: Result) -> None:
        lines = [f"exit code {result.code}: {command}", *result.out.splitlines()[-20:]]
        super().__init__("\n".join(lines))
        self.result = result


@dataclass(frozen=True)
class Result:
    """What a command left: its output and errors in one, its code (128+n: signal n), its run time in the guest."""

    raw: bytes
    code: int
    seconds: float

    @property
    def out(self) -> str:
        return self.raw.decode(errors="replace")

    @property
    def ok(self) -> bool:
        return self.code == 0


class Job:
    """A command that runs in the guest, or ran."""

    def __init__(self, channel: Channel, number: int, command: str) -> None:
        self.id = number
        self.command = command
        self._channel = channel
        self._pid = 0
        self._raw = bytearray()
        self._code: int | None = None
        self._seconds = 0.0
        self._timed_out = False

    @property
    def pid(self) -> int:
        """Its shell's process id, which is its process group's too."""
        self._channel.wait_for(lambda: self._pid or self._code is not None, GRACE, f"start of {self.command!r}")
        return self._pid

    @property
    def running(self) -> bool:
        return self._code is None

    @property
    def output(self) -> str:
        """What it printed so far."""
        return bytes(self._raw).decode(errors="replace")

    def wait(self, timeout: float = 30) -> Result:
        """Waits for its end; a job that takes longer goes on, and GuestTimeout is raised."""
        seconds = timeout * self._channel.pace
        self._channel.wait_for(lambda: self._code is not None or self._timed_out, seconds, self.command,
                               lambda: self.output)
        if self._timed_out:
            raise GuestTimeout(f"killed for taking too long: {self.command}", self.output)
        assert self._code is not None
        return Result(bytes(self._raw), self._code, self._seconds)

    def expect(self, pattern: str, timeout: float = 30, start: int = 0) -> re.Match[str]:
        """Waits until its output, from @start on, matches."""
        compiled = re.compile(pattern, re.M)
        found: re.Match[str] | None = None

        def look() -> bool:
            nonlocal found
            found = compiled.search(self.output, start)
            return found is not None or self._code is not None

        self._channel.wait_for(look, timeout * self._channel.pace, f"{pattern!r} from {self.command!r}",
                               lambda: self.output)
        if not found:
            raise CommandFailed(f"{self.command} (ended before it printed {pattern!r})",
                                Result(bytes(self._raw), self._code or 0, self._seconds))
        return found

    def signal(self, number: int) -> None:
        """Sends a signal to its process group."""
        self._channel.send(_SIGNAL, self.id, struct.pack("<I", number))

    def feed(self, data: bytes) -> None:
        """Gives a command that was started with its input open more of it."""
        for at in range(0, len(data), _PIECE):
            self._channel.send(_STDIN, self.id, data[at : at + _PIECE])

    def kill(self) -> None:
        if self.running:
            self.signal(9)


class Channel:
    """Frames over a connected socket; @pace stretches every timeout for slow guests."""

    def __init__(self, connection: socket.socket, pace: float) -> None:
        self.pace = pace
        self._socket = connection
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._jobs: dict[int, Job] = {}
        self._hellos = 0
        self._closed = False
        threading.Thread(target=self._read, name="agent", daemon=True).start()

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()

    @property
    def alive(self) -> bool:
        return self._hellos > 0 and not self._closed

    @property
    def hellos(self) -> int:
        """How many agents have reported so far: one for each kernel that the guest booted."""
        return self._hellos

    def wait_hello(self, seconds: float) -> bool:
        """Waits for the agent's first word, or for the end of the guest; not stretched."""
        with self._changed:
            self._changed.wait_for(lambda: self._hellos or self._closed, seconds)
            return self._hellos > 0 and not self._closed

    def start(self, command: str, stdin: bytes = b"", timeout: float = 0, more: bool = False) -> Job:
        """Starts a command; with a timeout (stretched) the guest kills it when that is over.

        Its input ends after @stdin, unless there is @more to come by feed().
        """
        with self._changed:
            job = Job(self, next(_numbers), command)
            self._jobs[job.id] = job
        limit = struct.pack("<I", int(timeout * self.pace * 1000))
        self.send(_RUN, job.id, limit + command.encode())
        job.feed(stdin)
        if not more:
            self.send(_STDIN, job.id, b"")
        return job

    def run(self, command: str, timeout: float, stdin: bytes = b"") -> Result:
        job = self.start(command, stdin, timeout)
        return job.wait(timeout + GRACE)

    def log(self, line: str) -> None:
        """Has the agent write a line to the kernel's log; nobody says when it is there."""
        self.send(_LOG, 0, f"{line}\n".encode())    # without its end it may go on, and stays hidden until the next one

    def running(self) -> list[Job]:
        with self._changed:
            return [job for job in self._jobs.values() if job.running]

    def adopt(self, job: Job) -> None:
        """Takes over a job of another channel, whose guest was hibernated and goes on behind this one."""
        with self._changed:
            job._channel = self
            self._jobs[job.id] = job

    def send(self, kind: int, job: int, payload: bytes) -> None:
        try:
            with self._sending:
                self._socket.sendall(_HEADER.pack(len(payload), job, kind) + payload)
        except OSError as error:
            raise MachineError(f"the guest's channel is gone: {error}") from error

    def wait_for(self, condition: Callable[[], object], seconds: float, what: str,
                 output: Callable[[], str] = lambda: "") -> None:
        """Waits on the reader until @condition() holds; GuestTimeout or MachineError otherwise."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not condition():
                left = deadline - time.monotonic()
                if self._closed:
                    raise MachineError(f"the guest ended while it ran: {what}", detail=output())
                if left <= 0:
                    raise GuestTimeout(f"no end after {seconds:.0f} s: {what}", output())
                self._changed.wait(left)

    def _read(self) -> None:
        pending = bytearray()
        while True:
            try:
                data = self._socket.recv(1 << 20)
            except OSError:
                data = b""
            if not data:
                break
            pending += data
            with self._changed:
                self._take_all(pending)
                self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _take_all(self, pending: bytearray) -> None:
        at = 0
        while len(pending) - at >= _HEADER.size:
            length, number, kind = _HEADER.unpack_from(pending, at)
            end = at + _HEADER.size + length
            if len(pending) < end:
                break
            self._take(kind, number, bytes(pending[at + _HEADER.size : end]))
            at = end
        del pending[:at]

    def _forget_jobs(self) -> None:
        """Another kernel took the place of the one that ran them: they went as if killed."""
        for job in self._jobs.values():
            job._code = _KILLED
        self._jobs.clear()

    def _take(self, kind: int, number: int, payload: bytes) -> None:
        if kind == _HELLO:
            self._hellos += 1
            self._forget_jobs()
            return
        self._hellos = max(self._hellos, 1)  # a guest that resumes goes on with what it was about to say
        job = self._jobs.get(number)
        if job is None:
            return
        if kind == _STARTED:
            job._pid = struct.unpack("<I", payload)[0]
        elif kind == _OUTPUT:
            job._raw += payload
        elif kind == _TIMEOUT:
            job._timed_out = True
        elif kind == _EXIT:
            job._code, nanoseconds = struct.unpack("<IQ", payload)
            job._seconds = nanoseconds / 1e9
            del self._jobs[number]
