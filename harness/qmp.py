# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's control socket: commands, and every event in the order it came.

Used by machine (over an inherited socket) and shell (over a path).
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .channel import GuestTimeout, MachineError


class QmpError(MachineError):
    """QEMU refused a command."""

    def __init__(self, command: str, cls: str, desc: str) -> None:
        super().__init__(f"{command}: {desc}")
        self.cls = cls
        self.desc = desc


@dataclass(frozen=True)
class Event:
    """One event; seq counts from 0, time is the host's monotonic clock."""

    seq: int
    name: str
    data: dict[str, Any] = field(default_factory=dict)
    time: float = 0.0


class Qmp:
    """One connection. A thread reads, so that events are kept while nobody waits."""

    def __init__(self, connection: socket.socket) -> None:
        self.events: list[Event] = []
        self._socket = connection
        self._changed = threading.Condition()
        self._commanding = threading.Lock()
        self._replies: list[dict[str, Any]] = []
        self._greeting = False
        self._closed = False
        threading.Thread(target=self._read, name="qmp", daemon=True).start()

    @classmethod
    def connect(cls, path: str) -> Qmp:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
        except OSError as error:
            raise MachineError(f"{path}: {error.strerror}") from error
        qmp = cls(connection)
        qmp.negotiate()
        return qmp

    def close(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()

    def negotiate(self, seconds: float = 20) -> None:
        self._wait(lambda: self._greeting, seconds, "greeting")
        self.command("qmp_capabilities")

    def command(self, name: str, seconds: float = 30, /, **arguments: Any) -> Any:
        """Runs a command and returns what it returns; '_' in argument names stands for '-'.

        qmp_capabilities is the one command with an underscore; arguments given as
        a dict are taken as they are.
        """
        named = {key.replace("_", "-"): value for key, value in arguments.items()}
        message = json.dumps({"execute": name, "arguments": named}).encode() + b"\n"
        with self._commanding:
            self._replies.clear()
            try:
                self._socket.sendall(message)
            except OSError as error:
                raise MachineError(f"QEMU is gone: {error}") from error
            self._wait(lambda: bool(self._replies), seconds, name)
            reply = self._replies.pop(0)
        if "error" in reply:
            raise QmpError(name, reply["error"]["class"], reply["error"]["desc"])
        return reply["return"]

    def wait_event(self, match: Callable[[Event], bool], since: int, seconds: float, what: str) -> Event:
        """The first event from number @since on that matches."""
        found: list[Event] = []

        def look() -> bool:
            found[:] = [e for e in self.events[since:] if match(e)][:1]
            return bool(found)

        self._wait(look, seconds, what)
        return found[0]

    def _wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        with self._changed:
            while not condition():
                left = deadline - time.monotonic()
                if self._closed:
                    raise MachineError(f"QEMU ended before {what}")
                if left <= 0:
                    raise GuestTimeout(f"no {what} from QEMU after {seconds:.0f} s")
                self._changed.wait(left)

    def _read(self) -> None:
        try:
            with self._socket.makefile("rb") as lines:
                for line in lines:
                    with self._changed:
                        self._take(json.loads(line))
                        self._changed.notify_all()
        except (OSError, ValueError):
            pass
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _take(self, message: dict[str, Any]) -> None:
        if "QMP" in message:
            self._greeting = True
        elif "event" in message:
            self.events.append(Event(len(self.events), message["event"], message.get("data", {}), time.monotonic()))
        else:
            self._replies.append(message)
