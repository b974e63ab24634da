"""What listens is read from the kernel's own list; who holds a socket is looked up once."""

from __future__ import annotations

import socket
from pathlib import Path

import psutil
import pytest

from inferdeck.sources import listening as module
from inferdeck.sources.listening import WELL_KNOWN_PORTS, Candidate, Sockets, listening

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ID = "0123456789ab" + "c" * 52
ANY6 = "0" * 32
LOCAL6 = "0" * 24 + "01000000"
MAPPED = "0000000000000000FFFF00000100007F"
LINK_LOCAL = "000080FE000000000000000001000000"


def row(address: str, port: int, inode: int, state: str = "0A") -> str:
    """Return a line of /proc/net/tcp as a little-endian machine writes it."""
    return f"   0: {address}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  0 0 {inode} 1\n"


class Machine:
    """A /proc of our own."""

    def __init__(self, folder: Path) -> None:
        self.proc = folder
        (folder / "net").mkdir(parents=True)
        self.sockets([])

    def sockets(self, rows4: list[str], rows6: list[str] | None = None) -> None:
        (self.proc / "net" / "tcp").write_text(HEAD + "".join(rows4))
        if rows6 is not None:
            (self.proc / "net" / "tcp6").write_text(HEAD + "".join(rows6))

    def process(self, pid: int, *inodes: int, cgroup: str = "0::/\n") -> None:
        folder = self.proc / str(pid) / "fd"
        folder.mkdir(parents=True)
        (self.proc / str(pid) / "cgroup").write_text(cgroup)
        for number, inode in enumerate(inodes):
            (folder / str(number)).symlink_to(f"socket:[{inode}]")
        (folder / "null").symlink_to("/dev/null")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "proc")


def test_each_way_to_bind_is_reached(machine: Machine) -> None:
    machine.sockets(
        [row("00000000", 8000, 1), row("0100007F", 4000, 2), row("0500000A", 9000, 3), row("0100007F", 5000, 4, "01")],
        [row(ANY6, 9090, 5), row(LOCAL6, 7000, 6), row(MAPPED, 7100, 7), row(LINK_LOCAL, 7200, 8)],
    )
    found = {(one.port, one.host, one.other_host) for one in Sockets((), machine.proc)()}
    assert found == {
        (8000, "127.0.0.1", ""),
        (4000, "127.0.0.1", ""),
        (9000, "10.0.0.5", ""),
        (9090, "127.0.0.1", "::1"),
        (7000, "::1", ""),
        (7100, "127.0.0.1", ""),
    }


def test_one_program_on_both_families_or_several_addresses_is_one(machine: Machine) -> None:
    machine.sockets([row("0500000A", 8000, 1), row("00000000", 8000, 2)], [row(ANY6, 8000, 3)])
    machine.process(100, 1, 2, 3)
    [one] = Sockets((), machine.proc)()
    assert (one.host, one.pid) == ("127.0.0.1", 100)


def test_two_programs_on_one_port_are_two(machine: Machine) -> None:
    machine.sockets([row("0500000A", 8000, 1), row("0100007F", 8000, 2)])
    machine.process(100, 1)
    machine.process(200, 2)
    assert {(one.host, one.pid) for one in Sockets((), machine.proc)()} == {("10.0.0.5", 100), ("127.0.0.1", 200)}


def test_workers_that_share_a_port_are_one_that_does_not_change(machine: Machine) -> None:
    machine.sockets([row("00000000", 8000, 7), row("00000000", 8000, 5), row("00000000", 8000, 6)])
    for pid, inode in ((300, 7), (200, 5), (100, 6)):
        machine.process(pid, inode)
    [one] = Sockets((), machine.proc)()
    assert (one.inode, one.pid) == (5, 200)


def test_a_socket_whose_process_is_hidden_has_none(machine: Machine) -> None:
    machine.sockets([row("00000000", 8000, 1)])
    sockets = Sockets((), machine.proc)
    [one] = sockets()
    assert (one.pid, one.process) == (0, "")
    sockets()
    assert sockets.walks == 1, "who could not be looked up is not looked up again"


def test_another_program_on_a_port_has_another_key(machine: Machine) -> None:
    machine.sockets([row("00000000", 8000, 1)])
    sockets = Sockets((), machine.proc)
    [before] = sockets()
    machine.sockets([row("00000000", 8000, 2)])
    [after] = sockets()
    assert before.address == after.address
    assert before.key != after.key


def test_a_container_on_the_machines_own_network_is_known_by_its_process(machine: Machine) -> None:
    machine.sockets([row("00000000", 8000, 1)])
    machine.process(100, 1, cgroup=f"0::/system.slice/docker-{ID}.scope\n")
    [one] = Sockets((), machine.proc)()
    assert one.container_id == "0123456789ab"


def test_open_files_are_walked_over_only_for_new_sockets(machine: Machine) -> None:
    machine.sockets([row("00000000", port, port) for port in range(10_000, 10_300)])
    machine.process(100, *range(10_000, 10_300))
    sockets = Sockets((), machine.proc)
    for _ in range(5):
        assert len(sockets()) == 300
    assert sockets.walks == 1
    machine.sockets([row("00000000", port, port) for port in range(10_000, 10_301)])
    assert len(sockets()) == 301
    assert sockets.walks == 2


def test_our_own_sockets_are_left_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert all(one.port != port for one in listening(()))
    assert all(one.port != 4633 for one in listening((4633,)))


def test_where_nothing_is_listed_the_well_known_ports_are_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_kind: str) -> None:
        raise PermissionError

    monkeypatch.setattr(psutil, "net_connections", refuse)
    monkeypatch.setattr(module, "_answers", lambda port: port in (4000, 6379))
    assert Sockets((), tmp_path)() == [Candidate("127.0.0.1", 4000), Candidate("127.0.0.1", 6379)]
    assert {3000, 4000, 6379, 8000, 8001, 8080, 9090, 9100, 9400, 11434, 30000} <= set(WELL_KNOWN_PORTS)


def test_addresses_are_written_with_brackets() -> None:
    assert Candidate("::1", 80).address == "[::1]:80"
    assert Candidate("127.0.0.1", 80).address == "127.0.0.1:80"
