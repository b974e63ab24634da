"""What a dashboard's variables can be and are: options from labels' values, defaults where nothing is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inferdeck.dashboards.interpolation import Chosen, Window, selector, whole
from inferdeck.errors import InferdeckError, UsageError
from inferdeck.model.dashboard import ALL, Dashboard, Variable, VariableKind
from inferdeck.model.dashboard_answers import VariableOptions
from inferdeck.query.interface import QueryService

MOST_OPTIONS = 1000
MOST_VALUES = 100
LONGEST_VALUE = 500
NONE = ""
"""What a variable is whose label has no values: it matches nothing but series without the label."""


def checked(dashboard: Dashboard, given: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return what a request chose; raises UsageError for names and values that are not possible."""
    chosen: dict[str, tuple[str, ...]] = {}
    for name, values in given.items():
        if len(values) > MOST_VALUES or any(len(value) > LONGEST_VALUE for value in values):
            raise UsageError(f"var-{name[:50]}: too many or too long values")
        kept = tuple(dict.fromkeys("$__all" if value == "All" else value for value in values))
        chosen[name] = (ALL,) if ALL in kept else kept
    problems = whole(dashboard, chosen)
    if problems:
        raise UsageError(problems[0])
    for variable in dashboard.variables:
        if variable.kind is VariableKind.LABEL_VALUES or variable.name not in chosen:
            continue
        known = [option.value for option in variable.options]
        for value in chosen[variable.name]:
            if value not in known and value != ALL:
                raise UsageError(f"var-{variable.name}: {value!r} is no option; there are {', '.join(known)}")
    return chosen


async def chosen(
    service: QueryService, dashboard: Dashboard, given: Mapping[str, tuple[str, ...]], window: Window
) -> dict[str, tuple[str, ...]]:
    """Return a value for every variable: what was given, its default, All where offered, else its first option."""
    found: dict[str, tuple[str, ...]] = {}
    for variable in dashboard.variables:
        found[variable.name] = given.get(variable.name) or await _usual(service, dashboard, variable, found, window)
    return found


async def _usual(
    service: QueryService, dashboard: Dashboard, variable: Variable, before: Chosen, window: Window
) -> tuple[str, ...]:
    if variable.default:
        return variable.default
    if variable.include_all:
        return (ALL,)
    options = await values(service, dashboard, variable, before, window)
    return (options[0],) if options else (NONE,)


async def values(
    service: QueryService, dashboard: Dashboard, variable: Variable, before: Chosen, window: Window
) -> tuple[str, ...]:
    """Return the options of a variable where those before it are chosen."""
    if variable.kind is not VariableKind.LABEL_VALUES:
        return tuple(option.value for option in variable.options)
    text = selector(variable, dashboard.variables, before, window)
    found = await service.label_values(variable.source, [text], window.start_ms, window.end_ms, MOST_OPTIONS)
    return found.items


async def described(
    service: QueryService, dashboard: Dashboard, given: Mapping[str, tuple[str, ...]], window: Window
) -> tuple[VariableOptions, ...]:
    """Return every variable with its options and what is chosen; one that cannot be asked for says why."""
    picked = await chosen(service, dashboard, given, window)
    described = []
    for variable in dashboard.variables:
        error = ""
        options: tuple[str, ...] = ()
        try:
            options = await values(service, dashboard, variable, picked, window)
        except InferdeckError as problem:
            error = str(problem).splitlines()[0]
        described.append(
            VariableOptions(
                variable.name,
                variable.label,
                options,
                picked[variable.name],
                variable.multi,
                variable.include_all,
                error,
            )
        )
    return tuple(described)
