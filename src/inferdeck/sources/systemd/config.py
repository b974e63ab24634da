"""What the user writes under `sources.systemd`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from inferdeck.config.schema import TargetConfig
from inferdeck.config.values import OneOrMany

KNOWN = (
    "litellm",
    "vllm",
    "sglang",
    "ollama",
    "llama",
    "text-generation",
    "redis",
    "valkey",
    "docker",
    "nvidia",
    "dcgm",
    "prometheus",
    "langfuse",
    "inferdeck",
)
"""Words in the name or the command line of a service that make it one of the stack."""


class SystemdConfig(TargetConfig):
    """The services of this machine, of the system's manager and of the own user's."""

    needs_url: ClassVar[bool] = False

    units: Annotated[tuple[str, ...], OneOrMany] = Field(
        default=(), description="Names of units, globs allowed; services of known engines and gateways where absent."
    )
    system: bool = Field(default=True, description="Look at the system's units.")
    user: bool = Field(default=True, description="Look at the units of the user that runs the daemon.")
    system_bus: str = Field(
        default="", description="Address of the system bus; $DBUS_SYSTEM_BUS_ADDRESS or its usual socket where absent."
    )
    user_bus: str = Field(
        default="", description="Address of the user's bus; $DBUS_SESSION_BUS_ADDRESS or its usual socket where absent."
    )

    @field_validator("units")
    @classmethod
    def _names(cls, units: tuple[str, ...]) -> tuple[str, ...]:
        for unit in units:
            if not unit or any(character.isspace() or not character.isprintable() for character in unit):
                raise ValueError(f"{unit!a} is not the name of a unit")
        # systemctl(1): a name without a type is a service.
        ends = (".service", ".socket", ".timer", ".target", ".scope", ".slice", ".mount", ".path", "*")
        return tuple(unit if unit.endswith(ends) else f"{unit}.service" for unit in units)
