# SPDX-License-Identifier: GPL-2.0-only
"""A running guest from the inside: commands, files, and the kernel's log.

Part of machine.Machine, which boots it.
"""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path

from .channel import Channel, CommandFailed, Job, MachineError, Result
from .console import Console


class Guest:
    """What a machine can do once its agent has answered."""

    console: Console
    pace: float = 1.0
    _channel: Channel | None = None

    def __init__(self) -> None:
        self._serial = itertools.count()  # numbers marks and files

    @property
    def channel(self) -> Channel:
        if self._channel is None:
            raise MachineError("the machine is not running")
        return self._channel

    def run(self, cmd: str, timeout: float = 30, stdin: bytes = b"", check: bool = False) -> Result:
        """Runs a command through /bin/sh; its process group is killed when the time is up."""
        result = self.channel.run(cmd, timeout, stdin)
        if check and not result.ok:
            raise CommandFailed(cmd, result)
        return result

    def sh(self, cmd: str, timeout: float = 30) -> str:
        """What a command that must succeed prints, stripped."""
        return self.run(cmd, timeout, check=True).out.strip()

    def start(self, cmd: str, stdin: bytes = b"", more: bool = False) -> Job:
        """Starts a command in the background; with @more its input stays open, see Job.feed()."""
        return self.channel.start(cmd, stdin, more=more)

    def jobs(self) -> list[Job]:
        """The commands that still run."""
        return self.channel.running()

    def push(self, data: bytes | Path, guest_path: str, mode: int = 0o644) -> None:
        content = data.read_bytes() if isinstance(data, Path) else data
        where = shlex.quote(guest_path)
        self.run(f"cat > {where} && chmod {mode:o} {where}", 60, content, check=True)

    def pull(self, guest_path: str) -> bytes:
        return self.run(f"cat {shlex.quote(guest_path)}", 60, check=True).raw

    def read(self, path: str) -> str:
        return self.sh(f"cat {shlex.quote(path)}")

    def write(self, path: str, value: object, timeout: float = 60) -> int:
        """One write to a file of the guest; 0, or the errno that open or write gave."""
        return self.run(self._put(path, value), timeout).code

    def start_write(self, path: str, value: object) -> Job:
        """The same in the background; the job's exit code is the errno. SIGUSR1 interrupts the write."""
        return self.start(f"exec {self._put(path, value)}")

    @staticmethod
    def _put(path: str, value: object) -> str:
        return f"put {shlex.quote(path)} {shlex.quote(str(value))}"

    # The kernel's log

    @property
    def log_path(self) -> Path:
        return self.console.path

    def log(self) -> str:
        return self.console.text()

    def mark(self, text: str = "") -> int:
        """Writes a line to the kernel's log; returns the offset after it, for log_since()."""
        line = f"harness: mark {next(self._serial)}"
        since = self.console.size()
        self.channel.log(f"<5>{line} {text}".rstrip())
        self.console.wait(rf"{line}\b.*\n", since, 10 * self.pace)
        return self.console.size()

    def log_since(self, offset: int) -> str:
        return self.console.text(offset)

    def wait_log(self, pattern: str, since: int = 0, timeout: float = 30) -> re.Match[str]:
        return self.console.wait(pattern, since, timeout * self.pace)

    def expect_splat(self, pattern: str) -> None:
        self.console.expect(pattern)

    def splats(self, since: int = 0) -> list[str]:
        return self.console.splats(since)

    def check_log(self, since: int = 0) -> None:
        """Raises Splat when the kernel complained."""
        self.console.check(since)
