"""A real Docker Engine for tests: containerd and dockerd with every path in a scratch folder, one image of busybox.

    with docker_engine(tmp_path) as docker:
        docker("run", "-d", "--name", "one", "--network", "none", docker.image, "sleep", "100")
        ... docker.url ...

Containers are removed before the daemons end, since they would outlive them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.real.programs import AbsentError, Running, executable, running

PODMAN_INSTALL = "apt-get install --no-install-recommends podman netavark conmon runc busybox-static (as root)"
INSTALL = "apt-get install --no-install-recommends docker.io busybox-static (as root)"
IMAGE = "bb:1"
COMMAND_SECONDS = 60.0
_APPLETS = ("sh", "sleep", "echo", "cat", "test", "touch", "rm", "dd", "head", "nc", "httpd", "true", "false", "printf")
_CONTAINERD = """version = 2
root = "{folder}/cd-root"
state = "{folder}/cd-state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{folder}/cd.sock"
"""


# What a machine without systemd and with cgroup v1 needs: its crun, systemd's cgroups and the journal are not there.
_PODMAN = """[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
netns = "none"
[network]
network_backend = "netavark"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


@dataclass(frozen=True, slots=True)
class RealDocker:
    """A running daemon; calling it runs `docker` (or `podman`) with some arguments and returns its output."""

    socket: Path
    daemon: Running
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    image: str = IMAGE

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"unix://{self.socket}"

    def __call__(self, *arguments: str, check: bool = True) -> str:
        """Run `docker ARGUMENTS` against this daemon."""
        done = subprocess.run(
            [*self.command, *arguments],
            env={**os.environ, **dict(self.environment)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def run(self, name: str, *arguments: str, network: str = "none", image: str = "", command: str = "") -> str:
        """Start a container in the background; returns its id. `command` is a script of the shell."""
        script = ("/bin/sh", "-c", command) if command else ("/bin/sleep", "100000")
        fixed = ("run", "-d", "--pull", "never", "--network", network, "--name", name)
        return self(*fixed, *arguments, image or self.image, *script)


@contextlib.contextmanager
def docker_engine(folder: Path) -> Iterator[RealDocker]:
    """Run containerd and dockerd in a folder; AbsentError where they are not installed or we are not root."""
    containerd, dockerd, busybox = (executable(name, INSTALL) for name in ("containerd", "dockerd", "busybox"))
    if os.geteuid() != 0:
        raise AbsentError("dockerd needs root: run the tests as root")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cd.toml").write_text(_CONTAINERD.format(folder=folder))
    below, above = folder / "cd.sock", folder / "docker.sock"
    own = [containerd, "-c", str(folder / "cd.toml")]
    with running("containerd", own, folder, port=0, ready=lambda _: _listens(below)):
        command = [dockerd, "--containerd", str(below), "-H", f"unix://{above}", "--data-root", str(folder / "data")]
        command += ["--exec-root", str(folder / "exec"), "-p", str(folder / "d.pid"), "--bridge=none"]
        command += ["--iptables=false", "--ip6tables=false", "--ip-forward=false"]
        command += ["--default-ulimit", "nofile=4096:4096"]
        try:
            with running("dockerd", command, folder, port=0, ready=lambda _: _listens(above)) as daemon:
                docker = RealDocker(above, daemon, (executable("docker", INSTALL), "-H", f"unix://{above}"))
                _import(docker, folder / "rootfs", busybox)
                try:
                    yield docker
                finally:
                    if names := docker("ps", "-aq", check=False).split():
                        docker("rm", "-f", *names, check=False)
                    for network in docker("network", "ls", "-q", "--filter", "type=custom", check=False).split():
                        docker("network", "rm", network, check=False)
        finally:
            subprocess.run(["umount", str(folder / "exec" / "netns" / "default")], capture_output=True, check=False)


@contextlib.contextmanager
def podman_service(folder: Path) -> Iterator[RealDocker]:
    """Run Podman's service, which speaks Docker's API; AbsentError where it is not installed or we are not root."""
    podman, busybox = (executable(name, PODMAN_INSTALL) for name in ("podman", "busybox"))
    for name in ("runc", "conmon"):
        executable(name, PODMAN_INSTALL)
    if os.geteuid() != 0:
        raise AbsentError("podman without user namespaces needs root: run the tests as root")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "containers.conf").write_text(_PODMAN)
    environment = {"CONTAINERS_CONF": str(folder / "containers.conf")}
    command = (podman, "--root", str(folder / "store"), "--runroot", str(folder / "run"), "--tmpdir", str(folder / "t"))
    place = folder / "api.sock"
    service = [*command, "system", "service", "--time", "0", f"unix://{place}"]
    with running("podman", service, folder, port=0, ready=lambda _: _listens(place), environment=environment) as daemon:
        found = RealDocker(place, daemon, command, tuple(environment.items()))
        _import(found, folder / "rootfs", busybox)
        try:
            yield found
        finally:
            found("rm", "-f", "-a", "-t", "0", check=False)


def _import(docker: RealDocker, root: Path, busybox: str) -> None:
    """Make an image of nothing but busybox."""
    for name in ("bin", "tmp", "www", "models"):
        (root / name).mkdir(parents=True, exist_ok=True)
    shutil.copy2(busybox, root / "bin" / "busybox")
    for name in _APPLETS:
        link = root / "bin" / name
        if not link.exists():
            link.symlink_to("busybox")
    archive = root.with_suffix(".tar")
    subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True)
    docker("import", "--change", 'CMD ["/bin/sleep","100000"]', str(archive), docker.image)


def _listens(path: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(path))
        return True
    return False
