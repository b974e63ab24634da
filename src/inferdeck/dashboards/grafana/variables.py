"""The choices above a dashboard, as Grafana's variables."""

from __future__ import annotations

from inferdeck.dashboards.grafana.references import DATASOURCE, source
from inferdeck.dashboards.grafana.sdk import dashboard
from inferdeck.model.dashboard import ALL, Dashboard, Variable, VariableKind

CLUSTER = "cluster"
ALL_SHOWN = "All"


def models(one: Dashboard, *, cluster: bool) -> list[dashboard.VariableModel]:
    """Return the data source's variable, the cluster's where it is wanted, and the dashboard's own, in this order."""
    extra = [_cluster(one)] if cluster and one.variable(CLUSTER) is None else []
    return [_datasource(), *extra, *(_model(variable, cluster=bool(extra)) for variable in one.variables)]


def _datasource() -> dashboard.VariableModel:
    return _trimmed(
        dashboard.VariableModel(
            type_val=dashboard.VariableType.DATASOURCE,
            name=DATASOURCE,
            label="Data source",
            query="prometheus",
            refresh=dashboard.VariableRefresh.ON_DASHBOARD_LOAD,
        )
    )


def _cluster(one: Dashboard) -> dashboard.VariableModel:
    asked = (variable.metric for variable in one.variables if variable.kind is VariableKind.LABEL_VALUES)
    variable = Variable(
        CLUSTER,
        "Cluster",
        VariableKind.LABEL_VALUES,
        metric=next(asked, "up"),
        source=CLUSTER,
        multi=True,
        include_all=True,
        help="Label that your Prometheus puts on everything of one cluster.",
    )
    return _model(variable, cluster=False)


def _model(variable: Variable, *, cluster: bool) -> dashboard.VariableModel:
    made = dashboard.VariableModel(
        type_val=dashboard.VariableType.CUSTOM,
        name=variable.name,
        label=variable.label or variable.name,
        description=variable.help or None,
        multi=variable.multi,
        include_all=variable.include_all,
        all_value=variable.all_value if variable.include_all else None,
        current=_current(variable),
    )
    if variable.kind is VariableKind.LABEL_VALUES:
        _ask(made, variable, cluster=cluster)
    else:
        _offer(made, variable)
    return _trimmed(made)


def _ask(made: dashboard.VariableModel, variable: Variable, *, cluster: bool) -> None:
    within = ", ".join(part for part in (f'{CLUSTER}=~"${CLUSTER}"' if cluster else "", variable.selector) if part)
    made.type_val = dashboard.VariableType.QUERY
    made.datasource = source()
    made.query = f"label_values({variable.metric}{f'{{{within}}}' if within else ''}, {variable.source})"
    made.definition = made.query
    made.refresh = dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED
    made.sort = dashboard.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC


def _offer(made: dashboard.VariableModel, variable: Variable) -> None:
    interval = variable.kind is VariableKind.INTERVAL
    made.type_val = dashboard.VariableType.INTERVAL if interval else dashboard.VariableType.CUSTOM
    made.query = ",".join(
        option.value if interval else _choice(option.title, option.value) for option in variable.options
    )
    made.options = [
        dashboard.VariableOption(text=option.title or option.value, value=option.value) for option in variable.options
    ]


def _choice(title: str, value: str) -> str:
    """Return one choice as Grafana reads a custom variable's list: comma between, `title : value`."""
    text = f"{title} : {value}" if title and title != value else value
    return text.replace(",", "\\,")


def _current(variable: Variable) -> dashboard.VariableOption | None:
    """Return what is chosen at first; None lets Grafana take the first one that there is."""
    values = list(variable.default) or ([ALL] if variable.include_all else [])
    if not values:
        if variable.kind is VariableKind.LABEL_VALUES or not variable.options:
            return None
        values = [variable.options[0].value]
    titles = {ALL: ALL_SHOWN, **{option.value: option.title or option.value for option in variable.options}}
    texts = [titles.get(value, value) for value in values]
    if variable.multi:
        return dashboard.VariableOption(selected=True, text=texts, value=values)
    return dashboard.VariableOption(selected=True, text=texts[0], value=values[0])


def _trimmed(made: dashboard.VariableModel) -> dashboard.VariableModel:
    """Leave out what the SDK writes of intervals into every variable; @grafana/schema has it for intervals alone."""
    if made.type_val is not dashboard.VariableType.INTERVAL:
        made.auto = made.auto_min = made.auto_count = None
    return made
