"""The bodies about the daemon and its store: /info, /images/json, /networks, /volumes, /system/df."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from inferdeck.simulate.servers.docker.containers import Container, network_id, network_name
from inferdeck.simulate.servers.docker.dialect import Dialect
from inferdeck.simulate.servers.docker.facts import digest
from inferdeck.simulate.servers.docker.shapes import ROOT, Shapes, image_bytes
from inferdeck.simulate.servers.docker.times import rfc3339

_LIMITS = ("MemoryLimit", "SwapLimit", "KernelMemory", "KernelMemoryTCP", "CpuCfsPeriod", "CpuCfsQuota", "CPUShares")
_LOGS = "awslogs fluentd gcplogs gelf journald json-file local logentries splunk syslog"


def info(shapes: Shapes, spoken: Dialect, every: Sequence[Container], cards: bool) -> dict[str, Any]:
    """Return /info."""
    states = [one.status for one in every]
    name, unified = shapes.host.name, spoken.unified
    runc = {"path": "runc"}
    runtimes = {"io.containerd.runc.v2": runc, "runc": runc} | (
        {"nvidia": {"path": "nvidia-container-runtime"}} if cards else {}
    )
    letters = digest("daemon", name)[:48].upper()
    body: dict[str, Any] = {
        "ID": ":".join(letters[place : place + 4] for place in range(0, 48, 4)),
        "Containers": len(every),
        "ContainersRunning": states.count("running") + states.count("restarting"),
        "ContainersPaused": 0,
        "ContainersStopped": states.count("exited") + states.count("created"),
        "Images": len(_images(every)),
        "Driver": "overlay2",
        "DriverStatus": [["Backing Filesystem", "extfs"], ["Supports d_type", "true"], ["userxattr", "false"]],
        "Plugins": {
            "Volume": ["local"],
            "Network": ["bridge", "host", "ipvlan", "macvlan", "null", "overlay"],
            "Authorization": None,
            "Log": _LOGS.split(),
        },
    }
    body |= dict.fromkeys((*_LIMITS, "CPUSet", "PidsLimit", "IPv4Forwarding"), True)
    body |= {"BridgeNfIptables": True, "BridgeNfIp6tables": True, "Debug": False, "NFd": 30 + 2 * len(every)}
    body |= {"OomKillDisable": not unified, "NGoroutines": 40 + 4 * len(every), "SystemTime": shapes.wall(shapes.now)}
    body |= {"LoggingDriver": "json-file", "CgroupDriver": "systemd" if unified else "cgroupfs"}
    body |= {"CgroupVersion": "2" if unified else "1", "NEventsListener": 0, "KernelVersion": "6.1.0-28-amd64"}
    body |= {"OperatingSystem": "Debian GNU/Linux 12 (bookworm)", "OSVersion": "12", "OSType": "linux"}
    body |= {"Architecture": "x86_64", "IndexServerAddress": "https://index.docker.io/v1/"}
    body |= {"NCPU": shapes.host.cores, "MemTotal": int(shapes.host.memory_bytes), "GenericResources": None}
    body |= {"DockerRootDir": ROOT, "HttpProxy": "", "HttpsProxy": "", "NoProxy": "", "Name": name, "Labels": []}
    body |= {
        "ExperimentalBuild": False,
        "ServerVersion": spoken.version,
        "Runtimes": runtimes,
        "DefaultRuntime": "runc",
    }
    swarm = {"NodeID": "", "NodeAddr": "", "LocalNodeState": "inactive", "ControlAvailable": False, "Error": ""}
    body |= {"Swarm": swarm | {"RemoteManagers": None}, "LiveRestoreEnabled": False, "Isolation": ""}
    body |= {"InitBinary": "docker-init", "SecurityOptions": ["name=seccomp,profile=default"], "Warnings": None}
    return body


def images(every: Iterable[Container], shapes: Shapes) -> list[dict[str, Any]]:
    """Return /images/json."""
    return [
        {
            "Containers": -1,
            "Created": int(one.created + shapes.offset) - 86_400,
            "Id": one.image_id,
            "Labels": None,
            "ParentId": "",
            "RepoDigests": [f"{one.facts.image.rpartition(':')[0]}@sha256:{digest('manifest', one.facts.image)}"],
            "RepoTags": [one.facts.image],
            "SharedSize": -1,
            "Size": image_bytes(one),
            "VirtualSize": image_bytes(one),
        }
        for one in _images(every)
    ]


def image(every: Iterable[Container], name: str, shapes: Shapes) -> dict[str, Any] | None:
    """Return /images/{name}/json; None where there is no such image."""
    wanted = name.removeprefix("sha256:")
    for one in _images(every):
        tags = (one.facts.image, one.facts.image.rpartition(":")[0])
        if name in tags or (len(wanted) >= 12 and one.image_id.removeprefix("sha256:").startswith(wanted)):
            return _image(one, shapes)
    return None


def _image(one: Container, shapes: Shapes) -> dict[str, Any]:
    config = shapes.inspect(one, "1.41")["Config"] | {"Hostname": "", "Labels": None}
    layer = f"{ROOT}/overlay2/{digest('layer', one.facts.image)}"
    return {
        "Id": one.image_id,
        "RepoTags": [one.facts.image],
        "RepoDigests": [f"{one.facts.image.rpartition(':')[0]}@sha256:{digest('manifest', one.facts.image)}"],
        "Parent": "",
        "Comment": "buildkit.dockerfile.v0",
        "Created": shapes.wall(one.created - 86_400),
        "Container": "",
        "ContainerConfig": {},
        "DockerVersion": "",
        "Author": "",
        "Config": config,
        "Architecture": "amd64",
        "Os": "linux",
        "Size": image_bytes(one),
        "VirtualSize": image_bytes(one),
        "GraphDriver": {"Data": {"MergedDir": f"{layer}/merged", "UpperDir": f"{layer}/diff"}, "Name": "overlay2"},
        "RootFS": {"Type": "layers", "Layers": [f"sha256:{digest('layer', one.facts.image)}"]},
        "Metadata": {"LastTagTime": shapes.wall(one.created - 3600)},
    }


def networks(every: Sequence[Container], shapes: Shapes) -> list[dict[str, Any]]:
    """Return /networks."""
    began = min((one.created for one in every), default=shapes.now) + shapes.offset
    own = [(network_name(shapes.fleet), network_id(shapes.host, shapes.fleet), "bridge", "172.18.0.0/16")]
    usual = [("bridge", "bridge", "172.17.0.0/16"), ("host", "host", ""), ("none", "null", "")]
    own += [(name, digest("network", shapes.host.name, name), driver, net) for name, driver, net in usual]
    return [
        {
            "Name": name,
            "Id": number,
            "Created": rfc3339(began),
            "Scope": "local",
            "Driver": driver,
            "EnableIPv6": False,
            "IPAM": {"Driver": "default", "Options": None, "Config": [{"Subnet": net}] if net else []},
            "Internal": False,
            "Attachable": False,
            "Ingress": False,
            "ConfigFrom": {"Network": ""},
            "ConfigOnly": False,
            "Containers": {},
            "Options": {},
            "Labels": {},
        }
        for name, number, driver, net in own
    ]


def disk(every: Sequence[Container], shapes: Shapes) -> dict[str, Any]:
    """Return /system/df."""
    counts = {one.image_id: 0 for one in every}
    for one in every:
        counts[one.image_id] += 1
    found = [image | {"Containers": counts[image["Id"]], "SharedSize": 0} for image in images(every, shapes)]
    return {
        "LayersSize": sum(image["Size"] for image in found),
        "Images": found,
        "Containers": [shapes.entry(one, size=True) for one in every],
        "Volumes": [],
        "BuildCache": None,
        "BuilderSize": 0,
    }


def _images(every: Iterable[Container]) -> list[Container]:
    return list({one.image_id: one for one in every}.values())
