"""The form of the definition files, checked by pydantic; loader.py turns them into values."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from inferdeck.query.promql.literals import duration_ms


class Entry(BaseModel):
    """Base of all mappings: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ValueEntry(Entry):
    """A named value and what it means."""

    value: float | str
    help: str


class StepEntry(Entry):
    """One step of a runbook."""

    text: str
    command: str = ""


class BurnEntry(Entry):
    """An objective from which burn-rate alerts are made, one per pair of windows.

    bad: the share of what went wrong over `${range}`, on the canonical vocabulary; gateway_bad the same on the
    family llm_gateway_llm_gateway_*. slo: the name of the shared value that holds the objective.
    """

    slo: str
    bad: str
    gateway_bad: str = ""


class AlertEntry(Entry):
    """One alert rule, or with `burn` one per pair of windows."""

    alert: str = Field(pattern=r"^[A-Z][A-Za-z0-9]*$")
    severity: Literal["critical", "warning", "info"] = "warning"
    hold: str = Field(default="5m", alias="for")
    keep: str = Field(default="", alias="keep_firing_for")
    values: dict[str, ValueEntry] = Field(default_factory=dict)
    expr: str = ""
    gateway_expr: str = ""
    burn: BurnEntry | None = None
    summary: str
    description: str
    runbook: tuple[StepEntry, ...] = Field(min_length=1)
    absence: bool = False

    @field_validator("hold", "keep")
    @classmethod
    def _is_duration(cls, value: str) -> str:
        if value:
            duration_ms(value)
        return value

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        if bool(self.burn) == bool(self.expr):
            raise ValueError("give expr or burn")
        return self


class GroupFile(Entry):
    """A whole file: the rules of one topic."""

    group: str = Field(pattern=r"^[a-z_]+$")
    title: str
    of_gateway: bool = False
    slo: bool = False
    alerts: tuple[AlertEntry, ...] = Field(min_length=1)


class WindowEntry(Entry):
    """A pair of windows of burn-rate alerts (Google's SRE workbook, chapter 5)."""

    name: str
    factor: float = Field(gt=0)
    long: str
    short: str
    severity: Literal["critical", "warning", "info"]
    hold: str = Field(alias="for")
    means: str


class SharedFile(Entry):
    """shared.yaml: the order of the groups, values that several rules use, and the windows of burn rates."""

    groups: tuple[str, ...] = Field(min_length=1)
    values: dict[str, ValueEntry]
    burn_windows: tuple[WindowEntry, ...]
