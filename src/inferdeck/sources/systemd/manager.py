"""One systemd manager over D-Bus, asked and never told: org.freedesktop.systemd1(5)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusError, InvalidAddressError
from dbus_fast.unpack import unpack_variants

from inferdeck.errors import AuthError, ConnectError, MalformedError

_NAME = "org.freedesktop.systemd1"
_ROOT = "/org/freedesktop/systemd1"
UNIT = f"{_NAME}.Unit"
SERVICE = f"{_NAME}.Service"
_MANAGER = f"{_NAME}.Manager"
_PROPERTIES = "org.freedesktop.DBus.Properties"
READING = frozenset(
    {(_MANAGER, "ListUnitsByPatterns"), (_PROPERTIES, "Get"), (_PROPERTIES, "GetAll"), (SERVICE, "GetProcesses")}
)
"""All that is ever called."""


class Manager:
    """`name` is system or user. Belongs to the event loop."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.calls = 0
        self._address = address
        self._bus: MessageBus | None = None

    async def units(self, patterns: Sequence[str]) -> list[tuple[str, str]]:
        """Return name and object path of the loaded units that match; raises CollectError."""
        rows = await self._call(_ROOT, _MANAGER, "ListUnitsByPatterns", "asas", [[], list(patterns)])
        # A unit that something names and that does not exist is listed as not-found.
        return [(str(row[0]), str(row[6])) for row in rows if row[2] not in ("not-found", "masked")]

    async def properties(self, path: str, interface: str) -> dict[str, Any]:
        """Return all properties of an object; raises CollectError."""
        found = await self._call(path, _PROPERTIES, "GetAll", "s", [interface])
        return dict(found)

    async def property(self, path: str, interface: str, name: str) -> Any:
        """Return one property of an object; raises CollectError."""
        return await self._call(path, _PROPERTIES, "Get", "ss", [interface, name])

    async def version(self) -> str:
        """Return systemd's version; raises CollectError."""
        return str(await self.property(_ROOT, _MANAGER, "Version"))

    async def processes(self, path: str) -> list[int]:
        """Return the processes of a service; raises CollectError."""
        rows = await self._call(path, SERVICE, "GetProcesses", "", [])
        return [int(row[1]) for row in rows]

    def close(self) -> None:
        """Close the connection; idempotent."""
        if self._bus is not None:
            self._bus.disconnect()
            self._bus = None

    async def _call(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> Any:
        if (interface, member) not in READING:
            raise MalformedError(f"{member}: only reading methods are called")
        bus = await self._connected()
        self.calls += 1
        message = Message(
            destination=_NAME, path=path, interface=interface, member=member, signature=signature, body=body
        )
        try:
            reply = await bus.call(message)
        except (OSError, EOFError, DBusError) as error:
            self.close()
            raise ConnectError(f"{self.name} bus: the connection was lost ({type(error).__name__})") from error
        if reply is None:
            raise MalformedError(f"{self.name} bus: {member} had no answer")
        if reply.message_type is MessageType.ERROR:
            if "AccessDenied" in (reply.error_name or ""):
                raise AuthError(f"{self.name} bus: {member} is not permitted")
            raise MalformedError(f"{self.name} bus: {member} failed: {reply.error_name}")
        return unpack_variants(reply.body[0])

    async def _connected(self) -> MessageBus:
        if self._bus is not None and self._bus.connected:
            return self._bus
        kind = BusType.SYSTEM if self.name == "system" else BusType.SESSION
        try:
            bus = MessageBus(bus_address=self._address, bus_type=kind)
            self._bus = await bus.connect()
        except (OSError, EOFError, DBusError, InvalidAddressError, ValueError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise ConnectError(f"{self.name} bus: cannot connect to {self._address}: {reason.lower()}") from error
        return self._bus


def system_address(configured: str = "") -> str:
    """Return where the system bus is."""
    return configured or os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") or "unix:path=/run/dbus/system_bus_socket"


def user_address(configured: str = "") -> str:
    """Return where the bus of this user is."""
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    return configured or os.environ.get("DBUS_SESSION_BUS_ADDRESS") or f"unix:path={runtime}/bus"


def present(address: str) -> bool:
    """Return whether there is something at an address of a socket in the file system; others may be."""
    paths = [part[5:] for part in address.partition(":")[2].split(",") if part.startswith("path=")]
    return not address.startswith("unix:") or not paths or Path(paths[0]).exists()
