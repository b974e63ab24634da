"""Where panels lead."""

from __future__ import annotations

from inferdeck.dashboards.loader import shipped
from inferdeck.faces.terminal import places
from inferdeck.faces.terminal.views.links import MOST, Destination, destinations, titled
from inferdeck.model.dashboard import ALL, Column, Link, Panel, PanelKind
from inferdeck.model.dashboard_answers import PanelData, QueryData, Series


def panel(*links: Link, columns: tuple[Column, ...] = ()) -> Panel:
    return Panel("p", "P", PanelKind.TABLE, links=links, columns=columns)


def data(*labels: dict[str, str]) -> PanelData:
    series = tuple(Series(one, "", (1.0,)) for one in labels)
    return PanelData("p", "ok", 0.0, "measured", queries=(QueryData("A", False, series),))


def test_a_link_with_labels_leads_to_each_series_once() -> None:
    one = panel(Link("The model", view="models", variables={"model": "{{model}}"}))
    found = destinations(one, data({"model": "gpt"}, {"model": "claude"}, {"model": "gpt"}), {})
    assert found == [
        Destination("The model: gpt", "model gpt"),
        Destination("The model: claude", "model claude"),
    ]


def test_variables_go_along_unless_all_are_chosen() -> None:
    one = panel(
        Link("Gateway", dashboard="gateway", variables={"gateway": "$gateway", "environment": "${environment}"})
    )
    assert destinations(one, None, {"gateway": ("litellm",), "team": (ALL,)}) == [
        Destination("Gateway", "dashboard gateway gateway=litellm")
    ]


def test_a_label_is_never_read_as_a_variable() -> None:
    one = panel(Link("The model", view="models", variables={"model": "{{model}}"}))
    assert destinations(one, data({"model": "$gateway"}), {"gateway": ("secret",)})[0].place == "model $gateway"


def test_a_series_without_the_label_leads_nowhere() -> None:
    one = panel(Link("The container", view="containers", variables={"container": "{{name}}"}))
    assert destinations(one, data({"other": "x"}), {}) == []


def test_single_requests_say_what_they_need() -> None:
    one = panel(
        Link("Slow", view="requests", variables={"gateway": "$gateway", "sort": "-duration", "model": "$model"})
    )
    assert destinations(one, None, {"gateway": ("g",), "model": ("gpt",)}) == [
        Destination("Slow (needs: records)", "requests gpt")
    ]


def test_links_of_columns_count_and_a_moment_opens_logs() -> None:
    column = Column("A", links=(Link("Card", view="gpus", variables={"gpu": "{{gpu}}", "host": "{{Hostname}}"}),))
    found = destinations(panel(columns=(column,)), data({"gpu": "3", "Hostname": "h"}), {}, 1_700_000_000.5)
    assert [one.place for one in found] == ["card h 3", "logs @1700000000.500"]


def test_headings_say_what_is_chosen() -> None:
    chosen = {"window": ("1h",), "model": (ALL,), "team": ("a", "b")}
    assert titled("Over $window, ${model}, $team of $other", chosen) == "Over 1h, all, 2 of …"


def test_a_url_is_no_place() -> None:
    one = panel(Link("Hub", url="https://huggingface.co/{{repository}}"))
    (found,) = destinations(one, data({"repository": "a/b"}), {})
    assert (found.place, found.url) == ("", "https://huggingface.co/a/b")


def test_there_is_an_end_to_what_can_be_chosen_from() -> None:
    one = panel(Link("The model", view="models", variables={"model": "{{model}}"}))
    assert len(destinations(one, data(*({"model": str(number)} for number in range(999))), {})) == MOST


def test_every_link_of_a_shipped_dashboard_leads_to_a_place() -> None:
    for dashboard in (loaded.dashboard for loaded in shipped()):
        for one in dashboard.panels():
            names = {name for link in one.links for name in ("model", "name", "gpu", "Hostname", "provider")}
            labels = dict.fromkeys((*names, "instance", "gateway", "container"), "x")
            for found in destinations(one, data(labels), {}):
                assert found.url or places.make(found.place, None) is not None, (dashboard.uid, one.id, found)
