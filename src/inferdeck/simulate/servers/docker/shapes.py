"""The bodies of the Engine API: the same keys in the same order as dockerd 20.10.24 sent them."""

from __future__ import annotations

from typing import Any

from inferdeck.simulate.fleet import Fleet, Host
from inferdeck.simulate.servers.docker.containers import Container, Happening, network_id, network_name
from inferdeck.simulate.servers.docker.dialect import Dialect, number
from inferdeck.simulate.servers.docker.facts import (
    IMAGE_BYTES,
    SMALL_IMAGE_BYTES,
    digest,
)
from inferdeck.simulate.servers.docker.times import NEVER, human, rfc3339

_MASKED = ("asound", "acpi", "kcore", "keys", "latency_stats", "timer_list", "timer_stats", "sched_debug", "scsi")
_READ_ONLY = ("bus", "fs", "irq", "sys", "sysrq-trigger")
ROOT = "/var/lib/docker"


class Shapes:
    """Bodies of one daemon; `now` is the moment of the answer and `offset` what its clock is wrong by."""

    def __init__(self, host: Host, fleet: Fleet) -> None:
        self.host, self.fleet = host, fleet
        self.now, self.offset = 0.0, 0.0
        self.published: dict[str, int] = {}
        """The port on loopback by process, where it is not the usual one."""

    def wall(self, time: float) -> str:
        """Return a moment as this host's clock shows it."""
        return rfc3339(time + self.offset) if time > 0 else NEVER

    def status(self, one: Container) -> str:
        """Return the words of `docker ps`."""
        if one.status == "running":
            health = {"starting": " (health: starting)", "": ""}.get(one.health, f" ({one.health})")
            return f"Up {human(self.now - one.started)}{health}"
        if one.status == "restarting":
            return f"Restarting ({one.exit_code}) {human(self.now - one.finished)} ago"
        return f"Exited ({one.exit_code}) {human(self.now - one.finished)} ago"

    def ports(self, one: Container) -> list[dict[str, Any]]:
        """Return the ports of a list entry."""
        if not one.running:
            return []
        return [
            {"IP": "127.0.0.1", "PrivatePort": one.facts.port, "PublicPort": self._public(one), "Type": "tcp"},
        ]

    def entry(self, one: Container, size: bool = False) -> dict[str, Any]:
        """Return an entry of /containers/json."""
        sizes = {"SizeRw": 0, "SizeRootFs": image_bytes(one)} if size else {}
        return {
            "Id": one.id,
            "Names": [f"/{one.facts.name}"],
            "Image": one.facts.image,
            "ImageID": one.image_id,
            "Command": " ".join(one.facts.command),
            "Created": int(one.created + self.offset),
            "Ports": self.ports(one),
            **sizes,
            "Labels": dict(one.facts.labels),
            "State": one.status,
            "Status": self.status(one),
            "HostConfig": {"NetworkMode": network_name(self.fleet)},
            "NetworkSettings": {"Networks": self._networks(one)},
            "Mounts": [],
        }

    def inspect(self, one: Container, api: str) -> dict[str, Any]:
        """Return /containers/{id}/json."""
        folder = f"{ROOT}/containers/{one.id}"
        return {
            "Id": one.id,
            "Created": self.wall(one.created),
            "Path": one.facts.command[0],
            "Args": list(one.facts.command[1:]),
            "State": self._state(one),
            "Image": one.image_id,
            "ResolvConfPath": f"{folder}/resolv.conf",
            "HostnamePath": f"{folder}/hostname",
            "HostsPath": f"{folder}/hosts",
            "LogPath": f"{folder}/{one.id}-json.log",
            "Name": f"/{one.facts.name}",
            "RestartCount": one.restarts,
            "Driver": "overlay2",
            "Platform": "linux",
            "MountLabel": "",
            "ProcessLabel": "",
            "AppArmorProfile": "docker-default",
            "ExecIDs": None,
            "HostConfig": self._host_config(one),
            "GraphDriver": self._graph(one),
            "Mounts": [],
            "Config": self._config(one),
            "NetworkSettings": self._network_settings(one, api),
        }

    def _state(self, one: Container) -> dict[str, Any]:
        alive = one.status in ("running", "restarting")
        state = {
            "Status": one.status,
            "Running": alive,
            "Paused": False,
            "Restarting": one.status == "restarting",
            "OOMKilled": one.killed,
            "Dead": False,
            "Pid": one.pid,
            "ExitCode": one.exit_code,
            "Error": "",
            "StartedAt": self.wall(one.started),
            "FinishedAt": self.wall(one.finished),
        }
        if one.facts.health:
            log = [
                {
                    "Start": self.wall(time),
                    "End": self.wall(time + 0.05),
                    "ExitCode": 0 if good else 1,
                    "Output": "" if good else "curl: (7) Failed to connect\n",
                }
                for time, good in one.probes
            ]
            state["Health"] = {"Status": one.health, "FailingStreak": one.streak, "Log": log}
        return state

    def _host_config(self, one: Container) -> dict[str, Any]:
        binding = {f"{one.facts.port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(self._public(one))}]}
        requests = [
            {
                "Driver": "nvidia",
                "Count": 0,
                "DeviceIDs": list(one.facts.gpus),
                "Capabilities": [["gpu"]],
                "Options": {},
            }
        ]
        config: dict[str, Any] = {
            "Binds": None,
            "ContainerIDFile": "",
            "LogConfig": {"Type": "json-file", "Config": {}},
            "NetworkMode": network_name(self.fleet),
            "PortBindings": binding,
            "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
            "AutoRemove": False,
            "VolumeDriver": "",
            "VolumesFrom": None,
            "CapAdd": None,
            "CapDrop": None,
            "CgroupnsMode": "host",
        }
        config |= {"Dns": [], "DnsOptions": [], "DnsSearch": [], "ExtraHosts": None, "GroupAdd": None}
        config |= {"IpcMode": "private", "Cgroup": "", "Links": None, "OomScoreAdj": 0, "PidMode": ""}
        config |= {"Privileged": False, "PublishAllPorts": False, "ReadonlyRootfs": False, "SecurityOpt": None}
        config |= {
            "UTSMode": "",
            "UsernsMode": "",
            "ShmSize": 67108864,
            "Runtime": "nvidia" if one.facts.gpus else "runc",
        }
        config |= {"ConsoleSize": [0, 0], "Isolation": "", "CpuShares": 0, "Memory": one.facts.memory_limit}
        config |= {"NanoCpus": 0, "CgroupParent": "", "BlkioWeight": 0, "BlkioWeightDevice": []}
        devices = ("BlkioDeviceReadBps", "BlkioDeviceWriteBps", "BlkioDeviceReadIOps", "BlkioDeviceWriteIOps")
        config |= {name: [] for name in devices}
        config |= dict.fromkeys(("CpuPeriod", "CpuQuota", "CpuRealtimePeriod", "CpuRealtimeRuntime"), 0)
        config |= {"CpusetCpus": "", "CpusetMems": "", "Devices": [], "DeviceCgroupRules": None}
        config |= {"DeviceRequests": requests if one.facts.gpus else None, "KernelMemory": 0, "KernelMemoryTCP": 0}
        config |= {"MemoryReservation": 0, "MemorySwap": 0, "MemorySwappiness": None, "OomKillDisable": False}
        config |= {"PidsLimit": None, "Ulimits": None}
        config |= dict.fromkeys(("CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth"), 0)
        config["MaskedPaths"] = [*(f"/proc/{name}" for name in _MASKED), "/sys/firmware"]
        config["ReadonlyPaths"] = [f"/proc/{name}" for name in _READ_ONLY]
        return config

    def _graph(self, one: Container) -> dict[str, Any]:
        layer = f"{ROOT}/overlay2/{digest('layer', one.id)}"
        base = f"{ROOT}/overlay2/{digest('layer', one.facts.image)}"
        data = {
            "LowerDir": f"{layer}-init/diff:{base}/diff",
            "MergedDir": f"{layer}/merged",
            "UpperDir": f"{layer}/diff",
            "WorkDir": f"{layer}/work",
        }
        return {"Data": data, "Name": "overlay2"}

    def _config(self, one: Container) -> dict[str, Any]:
        check = {
            "Test": ["CMD-SHELL", one.facts.health],
            "Interval": 30_000_000_000,
            "Timeout": 10_000_000_000,
            "Retries": 3,
        }
        return {
            "Hostname": one.id[:12],
            "Domainname": "",
            "User": "",
            "AttachStdin": False,
            "AttachStdout": True,
            "AttachStderr": True,
            "ExposedPorts": {f"{one.facts.port}/tcp": {}},
            "Tty": False,
            "OpenStdin": False,
            "StdinOnce": False,
            "Env": list(one.facts.environment),
            "Cmd": list(one.facts.command),
            **({"Healthcheck": check} if one.facts.health else {}),
            "Image": one.facts.image,
            "Volumes": None,
            "WorkingDir": "",
            "Entrypoint": None,
            "OnBuild": None,
            "Labels": dict(one.facts.labels),
        }

    def _network_settings(self, one: Container, api: str) -> dict[str, Any]:
        networks = self._networks(one)
        key = f"{one.facts.port}/tcp"
        ports = {key: [{"HostIp": "127.0.0.1", "HostPort": str(self._public(one))}]} if one.running else {}
        settings: dict[str, Any] = {
            "Bridge": "",
            "SandboxID": digest("sandbox", one.id),
            "HairpinMode": False,
            "LinkLocalIPv6Address": "",
            "LinkLocalIPv6PrefixLen": 0,
            "Ports": ports,
            "SandboxKey": f"/var/run/docker/netns/{digest('sandbox', one.id)[:12]}",
            "SecondaryIPAddresses": None,
            "SecondaryIPv6Addresses": None,
        }
        if number(api) < (1, 52):
            settings |= {"EndpointID": "", "Gateway": "", "GlobalIPv6Address": "", "GlobalIPv6PrefixLen": 0}
            settings |= {"IPAddress": "", "IPPrefixLen": 0, "IPv6Gateway": "", "MacAddress": ""}
        return settings | {"Networks": networks}

    def _networks(self, one: Container) -> dict[str, Any]:
        last = int(one.id[:4], 16) % 250 + 2
        up = one.running
        return {
            network_name(self.fleet): {
                "IPAMConfig": None,
                "Links": None,
                "Aliases": [one.facts.name, one.id[:12]],
                "NetworkID": network_id(self.host, self.fleet),
                "EndpointID": digest("endpoint", one.id) if up else "",
                "Gateway": "172.18.0.1" if up else "",
                "IPAddress": f"172.18.{int(one.id[4:6], 16)}.{last}" if up else "",
                "IPPrefixLen": 16 if up else 0,
                "IPv6Gateway": "",
                "GlobalIPv6Address": "",
                "GlobalIPv6PrefixLen": 0,
                "MacAddress": f"02:42:ac:12:{one.id[4:6]}:{last:02x}" if up else "",
                "DriverOpts": None,
            }
        }

    def _public(self, one: Container) -> int:
        return self.published.get(one.facts.process, one.facts.port)

    def happening(self, one: Happening, api: str) -> dict[str, Any]:
        """Return a line of /events; before API 1.52 with the fields of old."""
        old: dict[str, Any] = {}
        if number(api) < (1, 52) and one.type == "container":
            old = {"status": one.action, "id": one.id, "from": one.attributes["image"]}
        wall = one.time + self.offset
        return old | {
            "Type": one.type,
            "Action": one.action,
            "Actor": {"ID": one.id, "Attributes": one.attributes},
            "scope": "local",
            "time": int(wall),
            "timeNano": round(wall * 1e6) * 1000,
        }


def image_bytes(one: Container) -> int:
    """Return the size of a container's image."""
    return int(IMAGE_BYTES.get(one.facts.kind, SMALL_IMAGE_BYTES))


def version(spoken: Dialect) -> dict[str, Any]:
    """Return /version."""
    captured = spoken.version.startswith("20.")
    built, kernel = "2026-05-07T21:09:36.000000000+00:00", "6.1.0-28-amd64"
    go, commit = ("go1.19.8", "5d6db84") if captured else ("go1.24.9", "e9ff10b")
    details = {"ApiVersion": spoken.api, "Arch": "amd64", "BuildTime": built, "Experimental": "false"}
    details |= {"GitCommit": commit, "GoVersion": go, "KernelVersion": kernel}
    details |= {"MinAPIVersion": spoken.oldest, "Os": "linux"}
    parts = (
        [("containerd", "1.6.20~ds1"), ("runc", "1.1.5+ds1")]
        if captured
        else [("containerd", "v2.1.5"), ("runc", "1.3.3")]
    )
    components: list[dict[str, Any]] = [{"Name": "Engine", "Version": spoken.version, "Details": details}]
    components += [{"Name": name, "Version": text, "Details": {"GitCommit": ""}} for name, text in parts]
    components.append({"Name": "docker-init", "Version": "0.19.0", "Details": {"GitCommit": ""}})
    return {
        "Platform": {"Name": "" if captured else "Docker Engine - Community"},
        "Components": components,
        "Version": spoken.version,
        "ApiVersion": spoken.api,
        "MinAPIVersion": spoken.oldest,
        "GitCommit": commit,
        "GoVersion": go,
        "Os": "linux",
        "Arch": "amd64",
        "KernelVersion": kernel,
        "BuildTime": built,
    }
