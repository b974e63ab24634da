"""What is joined has evidence, what could be several things is named and not guessed, what nothing tells is unknown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inferdeck.errors import UsageError
from inferdeck.model.scrape import STALE
from inferdeck.model.stack import Chain, Link, RouteFallback, RouteSource, RouteTarget, Socket
from inferdeck.model.target import Fact, Health
from inferdeck.query.stack.interface import Wanted
from inferdeck.query.stack.joins import Joins
from inferdeck.query.stack.local import LocalStackQuestions
from inferdeck.store.metrics.memory import MemoryStore
from tests.unit.query.stack import NOW_MS, around, counter, series, state
from tests.unit.query.stack_facts import (
    HERE,
    asked,
    container,
    docker,
    engine,
    gateway,
    joined,
    listening,
    nvidia,
    on_card,
)


def chain(found: Joins, deployment: str = "d") -> Chain:
    (one,) = [one for one in found.chains() if one.deployment == deployment]
    return one


def said(link: Link) -> str:
    return "; ".join(link.evidence)


def test_the_same_address_is_the_same_engine() -> None:
    found = chain(joined(gateway("10.0.0.9:4000", ("d", "http://10.0.0.7:8000/v1")), engine("10.0.0.7:8000", "m")))
    assert (found.engine.state, found.engine.id) == ("known", "default/vllm/10.0.0.7:8000")
    assert "api_base http://10.0.0.7:8000/v1 is the address at which" in said(found.engine)
    assert found.container.state == found.process.state == found.gpus[0].state == "unknown"


def test_loopback_of_a_gateway_on_the_machine_is_the_machine() -> None:
    machine = replace(
        HERE,
        sockets=(Socket("127.0.0.1", 4000, 10, "litellm"), Socket("127.0.0.1", 8000, 20, "vllm", unit="v.service")),
    )
    cards = nvidia("box", 2, on_card("U1", 25), on_card("U0", 99))
    machine = replace(machine, ancestors={25: (21, 20), 99: (98,)})
    states = (gateway("127.0.0.1:4000", ("d", "http://localhost:8000")), engine("127.0.0.1:8000", "m"), cards)
    found = chain(joined(*states, machine=machine))
    assert (found.engine.id, found.container.state) == ("default/vllm/127.0.0.1:8000", "none")
    assert (found.process.id, [card.id for card in found.gpus]) == ("20", ["U1"])
    assert said(found.gpus[0]) == "U1 lists PID 25 (python3), which PID 20 started"
    (service,) = asked(*states, machine=machine).services(Wanted({"kind": "vllm"})).items
    assert (service.unit, service.pid) == ("v.service", 20)


def test_loopback_of_a_gateway_in_a_container_is_that_container() -> None:
    inside = docker("box", container("litellm", ports="4000->4000/tcp", networks="n"), container("vllm", networks="n"))
    states = (inside, gateway("127.0.0.1:4000", ("d", "http://127.0.0.1:8000")), engine("127.0.0.1:8000", "m"))
    found = chain(joined(*states))
    assert found.engine.state == "unknown"
    assert "127.0.0.1 inside container litellm is that container itself" in said(found.address)


@pytest.mark.parametrize("name", ["host.docker.internal", "10.0.0.5", "172.17.0.1", "box"])
def test_a_gateway_in_a_container_reaches_the_machine_by_its_names(name: str) -> None:
    inside = docker("box", container("litellm", ports="4000->4000/tcp", networks="n"))
    states = (
        inside,
        gateway("127.0.0.1:4000", ("d", f"http://{name}:8080")),
        engine("127.0.0.1:8080", kind="llamacpp"),
    )
    found = chain(joined(*states, machine=listening(8080, 77, "llama-server")))
    assert (found.engine.id, found.process.id) == ("default/llamacpp/127.0.0.1:8080", "77")
    assert found.container.state == "none"


def test_a_published_port_leads_into_its_container_and_on_to_the_cards() -> None:
    inside = docker(
        "box",
        container("litellm", ports="4000->4000/tcp", networks="n"),
        container("c1", ports="8001->8000/tcp", networks="n", service="vllm", pid="50", gpus="0,1", engine="vllm"),
    )
    states = (
        inside,
        gateway("127.0.0.1:4000", ("d", "http://vllm:8000/v1")),
        engine("127.0.0.1:8001"),
        nvidia("box", 3),
    )
    found = chain(joined(*states))
    assert (found.engine.state, found.container.name, found.process.id) == ("known", "c1", "50")
    assert [card.id for card in found.gpus] == ["U0", "U1"]
    assert said(found.gpus[0]) == "inspect of c1 asks for devices 0, 1 on box"
    assert "docker on box publishes port 8001 -> container c1 port 8000/tcp" in said(found.engine)


def test_a_process_on_a_card_says_more_than_a_request_for_all() -> None:
    one = container("c1", ports="8000->8000/tcp", gpus="all")
    process = on_card("U2", 500, container=str(one.facts["id"]))
    found = joined(docker("box", one), engine("127.0.0.1:8000", "m"), nvidia("box", 4, process))
    (alone,) = found.chains()
    assert [card.id for card in alone.gpus] == ["U2"]
    assert "U2 lists PID 500 (python3), whose cgroup is container c1" in said(alone.gpus[0])
    without = joined(docker("box", one), engine("127.0.0.1:8000", "m"), nvidia("box", 4))
    assert len(without.chains()[0].gpus) == 4


def test_a_number_of_cards_is_counted_from_the_first() -> None:
    one = container("c1", ports="8000->8000/tcp", gpu_count="2")
    (alone,) = joined(docker("box", one), engine("127.0.0.1:8000", "m"), nvidia("box", 4)).chains()
    assert [card.id for card in alone.gpus] == ["U0", "U1"]


def test_a_name_of_several_containers_is_none_of_them() -> None:
    twins = (container("v-1", service="vllm", networks="n"), container("v-2", service="vllm", networks="n"))
    inside = docker("box", container("litellm", ports="4000->4000/tcp", networks="n"), *twins)
    found = chain(joined(inside, gateway("127.0.0.1:4000", ("d", "http://vllm:8000"))))
    assert found.address.state == "unknown"
    assert found.address.candidates == ("v-1 on box", "v-2 on box")


def test_the_container_in_the_gateways_own_network_is_meant_and_not_one_elsewhere() -> None:
    near = docker("box", container("litellm", ports="4000->4000/tcp", networks="n"), container("vllm", networks="n"))
    far = docker("other", container("vllm", networks="n", pid="9"), url="tcp://10.0.0.8:2375")
    found = chain(joined(near, far, gateway("127.0.0.1:4000", ("d", "http://vllm:8000"))))
    assert (found.container.name, found.container.host) == ("vllm", "box")


def test_one_name_on_two_other_machines_is_ambiguous() -> None:
    near = docker("box", container("litellm", ports="4000->4000/tcp", networks="n"))
    far = [docker(name, container("vllm"), url=f"tcp://{name}:2375") for name in ("a", "b")]
    found = chain(joined(near, *far, gateway("127.0.0.1:4000", ("d", "http://vllm:8000"))))
    assert found.address.state == "unknown"
    assert found.address.candidates == ("vllm on a", "vllm on b")


def test_containers_of_other_networks_are_not_reached_by_name() -> None:
    apart = container("vllm", networks="other")
    twin = container("v2", service="vllm", networks="n")
    inside = docker("box", container("litellm", ports="4000->4000/tcp", networks="n"), apart, twin)
    assert chain(joined(inside, gateway("127.0.0.1:4000", ("d", "http://vllm:8000")))).container.name == "v2"


def test_bridge_addresses_are_those_of_ones_own_machine() -> None:
    near = docker("box", container("litellm", ports="4000->4000/tcp"), container("near", addresses="172.18.0.4"))
    far = docker("other", container("far", addresses="172.18.0.4"), url="tcp://10.0.0.8:2375")
    found = chain(joined(near, far, gateway("127.0.0.1:4000", ("d", "http://172.18.0.4:8000"))))
    assert found.container.name == "near"


def test_the_machines_own_network_needs_a_port_or_a_model_to_tell_which() -> None:
    plain = container("a", network_mode="host", engine="vllm")
    told = container("b", network_mode="host", engine="vllm", listens="8000", pid="44")
    states = (engine("10.0.0.8:8000", "m"),)
    at = {"url": "tcp://10.0.0.8:2375"}
    (found,) = joined(docker("other", plain, told, **at), *states).chains()
    assert (found.container.name, found.process.id) == ("b", "44")
    (unclear,) = joined(docker("other", plain, container("c", network_mode="host"), **at), *states).chains()
    assert (unclear.container.state, unclear.container.candidates) == ("unknown", ("a", "c"))
    same = container("c", network_mode="host", engine="vllm", model="m")
    (model,) = joined(docker("other", plain, same, **at), *states).chains()
    assert model.container.name == "c"


def test_a_shared_network_is_its_owners() -> None:
    owner = container("vpn", ports="8000->8000/tcp")
    sharer = container("vllm", network_mode="container:vpn", engine="vllm", pid="70")
    (found,) = joined(docker("box", owner, sharer), engine("127.0.0.1:8000", "m")).chains()
    assert (found.container.name, found.process.id) == ("vllm", "70")


def test_a_proxys_socket_is_not_the_engine() -> None:
    machine = listening(8000, 30, "docker-proxy")
    (found,) = joined(engine("127.0.0.1:8000", "m"), machine=machine).chains()
    assert found.container.state == found.process.state == "unknown"
    assert "docker-proxy listens" in said(found.container)


def test_a_gateway_behind_a_proxy_has_a_loopback_of_its_own() -> None:
    machine = listening(4000, 30, "docker-proxy")
    states = (gateway("127.0.0.1:4000", ("d", "http://127.0.0.1:8000")), engine("127.0.0.1:8000", "m"))
    assert chain(joined(*states, machine=machine)).engine.state == "unknown"


def test_a_cloud_is_outside_and_no_api_base_is_the_providers_own() -> None:
    states = (gateway("10.0.0.9:4000", ("d", "https://api.openai.com/v1"), ("own", "")),)
    found = chain(joined(*states))
    assert found.engine.state == "unknown"
    assert "nothing that is watched is at api.openai.com:443" in said(found.engine)
    assert chain(joined(*states), "own").engine.state == "none"


def test_what_does_not_run_is_still_what_is_meant() -> None:
    stopped = container("vllm", state="exited", networks="n", ports="8001->8000/tcp")
    inside = docker("box", container("litellm", ports="4000->4000/tcp", networks="n"), stopped)
    down = replace(engine("127.0.0.1:8001", "m"), health=Health.DOWN)
    states = (inside, gateway("127.0.0.1:4000", ("d", "http://vllm:8000")), down)
    found = chain(joined(*states))
    assert (found.engine.state, found.container.name, found.process.state) == ("known", "vllm", "none")
    assert "container vllm is exited" in said(found.container)
    (route,) = asked(*states).routes().items
    assert (route.state, route.deployments[0].state) == ("inactive", "down")


def test_names_of_a_machine_are_one_machine() -> None:
    far = docker("gpu-1.example.com", container("c", ports="8000->8000/tcp", gpus="0"), url="tcp://10.0.0.8:2375")
    cards = replace(nvidia("gpu-1", 1), url="http://10.0.0.8:9400")
    (found,) = joined(far, cards, engine("10.0.0.8:8000", "m")).chains()
    assert (found.container.name, found.gpus[0].id) == ("c", "U0")


def test_an_exporter_that_calls_itself_by_its_containers_id_is_on_that_containers_machine() -> None:
    exporter = container("dcgm-exporter", id="0123456789ab", hostname="0123456789ab")
    one = container("c", ports="8000->8000/tcp", gpus="1")
    labels = {"UUID": "U9", "gpu": "1", "Hostname": "0123456789ab", "job": "dcgm", "instance": "x:9400"}
    found = Joins([docker("box", exporter, one), engine("127.0.0.1:8000", "m")], HERE, [labels])
    assert found.chains()[0].gpus[0].id == "U9"


def test_addresses_that_are_none_lead_nowhere() -> None:
    for base in ("http://[", "http://x:99999", "nonsense", "http://$(id):8000/v1", "http://a\nb"):
        found = chain(joined(gateway("10.0.0.9:4000", ("d", base)), engine("10.0.0.7:8000")))
        assert found.engine.state == "unknown", base
        assert found.engine.evidence


def test_the_graph_has_states_loads_and_fallbacks_with_what_they_are_on() -> None:
    one = gateway("10.0.0.9:4000", ("a", "http://10.0.0.7:8000"), ("b", "https://elsewhere.example"), name="gw")
    facts = (Fact("fallback", "a", {"to": "b, c", "on": "context window"}), Fact("routing", "least-busy", {}))
    one = replace(one, inventory=(*one.inventory, *facts), gateway="gw")
    own = {"gateway": "gw", "job": "litellm", "instance": "10.0.0.9:4000"}
    requests = series("llm_requests_total", **own, model="a", deployment="a", status="success")
    failed = series("llm_requests_total", **own, model="a", deployment="a", status="error")
    fell = series("llm_fallbacks_total", **own, from_model="a", to_model="b", status="success")
    cooled = series("llm_model_status", **own, model="x", deployment="b", status="error")
    put_aside = series("litellm_deployment_cooled_down_total", job="litellm", instance=own["instance"], model_id="b")
    values = {requests: counter(3.0), failed: counter(1.0), fell: counter(0.5), cooled: [1.0] * 21}
    values[put_aside] = counter(0.1)
    a, b = asked(one, engine("10.0.0.7:8000", "m"), values=values).routes().items
    assert a.load.value == pytest.approx(4.0)
    assert a.errors.value == pytest.approx(0.25)
    assert (a.strategy, a.state, b.state) == ("least-busy", "degraded", "inactive")
    assert [(edge.to, edge.on, edge.exists, edge.position) for edge in a.fallbacks] == [
        ("b", "context window", True, 1),
        ("c", "context window", False, 2),
    ]
    assert a.fallbacks[0].used.value == pytest.approx(0.5)
    assert a.fallbacks[1].used.value is None
    assert (b.deployments[0].state, b.load.value, b.reached_from) == ("cooldown", None, ("a",))


def test_routes_of_a_file_stand_beside_those_of_the_gateway() -> None:
    target = RouteTarget("a", "a", api_base="http://10.0.0.7:8000")
    file = RouteSource("config.yaml", "10.0.0.9:4000", "default", [target], [RouteFallback("a", ("z",))])
    surroundings = around(gateway("10.0.0.9:4000", ("a", "http://10.0.0.7:8000")), engine("10.0.0.7:8000", "m"))
    found = LocalStackQuestions(MemoryStore(), lambda: surroundings, lambda: [file]).routes()
    assert [one.origin for one in found.items] == ["config.yaml", "gateway"]
    assert {one.deployments[0].chain.engine.state for one in found.items} == {"known"}


def test_cards_say_in_words_what_the_wire_has_in_bits() -> None:
    labels = {"UUID": "U0", "gpu": "0", "job": "nvidia", "instance": "nvidia.box"}
    wire = {
        "DCGM_FI_DEV_GPU_UTIL": 87.0,
        "DCGM_FI_DEV_FB_USED": 1024.0,
        "DCGM_FI_DEV_GPU_TEMP": 88.0,
        "DCGM_FI_DEV_MEMORY_TEMP": 9223372036854775794.0,
        "DCGM_FI_DEV_POWER_USAGE": 312.5,
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": 5000.0,
        "DCGM_FI_DEV_SM_CLOCK": 1200.0,
        "DCGM_FI_DEV_CLOCKS_EVENT_REASONS": float(0x20 | 0x4 | 0x1),
        "DCGM_FI_DEV_XID_ERRORS": 79.0,
        "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": 2.0,
    }
    values = {series(name, **labels): [value] * 3 for name, value in wire.items()}
    one = container("c", pid="9")
    process = on_card("U0", 500, container=str(one.facts["id"]), memory_bytes="4096")
    (card,) = asked(docker("box", one), nvidia("box", 1, process), values=values).gpus().items
    assert (card.utilisation.value, card.memory_used.value, card.temperature.value) == (0.87, 2.0**30, 88.0)
    assert (card.memory_temperature.value, card.power.value, card.energy.value) == (None, 312.5, 5.0)
    assert (card.sm_clock.value, card.ecc.value, card.memory_total.value) == (1.2e9, 2.0, None)
    assert card.throttled == ("power limit", "temperature, held back by the driver")
    assert (card.xid, card.xid_text) == (79, "the card has fallen off the bus")
    (held,) = card.processes
    assert (held.pid, held.memory.value, held.container.name, held.service.state) == (500, 4096.0, "c", "unknown")
    assert [user.name for user in card.used_by] == ["c"]


def test_nobody_telling_is_not_nothing_held_back() -> None:
    (card,) = asked(nvidia("box", 1)).gpus().items
    assert (card.throttled, card.throttle_known, card.xid, card.utilisation.value) == ((), False, None, None)


def test_services_have_the_figures_of_what_is_behind_them() -> None:
    one = container("c", ports="8000->8000/tcp", pid="50", started="1799999000", restarts="3")
    own = {"job": "docker", "instance": "docker.box", "name": "c"}
    values = {
        series("container_cpu_usage_seconds_total", **own, cpu="total"): counter(1.5),
        series("container_memory_working_set_bytes", **own): [7.0] * 21,
    }
    vllm = engine("127.0.0.1:8000", "m", name="mine")
    found = asked(docker("box", one), vllm, values=values).services(Wanted({"kind": "vllm"}))
    (service,) = found.items
    assert service.cpu.value == pytest.approx(1.5)
    assert service.memory.value == 7.0
    assert (service.pid, service.restarts.value, service.uptime.value) == (50, 3.0, 1000.0)
    assert (service.status, service.host, service.models, service.config_hash) == ("available", "box", ("m",), "")


def test_units_tell_what_they_know_of_their_service() -> None:
    facts = {"state": "active", "pid": "20", "restarts": "2", "config_hash": "abcd", "config_changed": "1799990000"}
    units = state("systemd", "systemd.box", url="", inventory=(Fact("unit", "v.service", facts),))
    facts["processes"] = "20,21"
    units = replace(units, inventory=(Fact("unit", "v.service", {**facts, "manager": "system"}),))
    machine = listening(8000, 21, "vllm")
    named = {"job": "systemd", "instance": "systemd.box", "name": "v.service"}
    system = series("inferdeck_unit_connections", **named, manager="system")
    user = series("inferdeck_unit_connections", **named, manager="user")
    values = {system: [5.0] * 3, user: [9.0] * 3}
    both = (units, engine("127.0.0.1:8000", "m"))
    (connected,) = asked(*both, machine=machine, values=values).services(Wanted({"kind": "vllm"})).items
    assert (connected.unit, connected.connections.value) == ("v.service", 5.0)
    (service,) = asked(units, engine("127.0.0.1:8000", "m"), machine=machine).services(Wanted({"kind": "vllm"})).items
    assert (service.unit, service.config_hash, service.restarts.value) == ("v.service", "abcd", 2.0)
    assert service.config_changed.value == 1799990000.0
    assert service.memory.value is None


def test_values_that_are_there_but_nowhere_together_are_no_mistake() -> None:
    one, other = docker("box", container("a", project="p")), docker("far", container("b", project="q"))
    questions = asked(one, other)
    assert questions.containers(Wanted({"host": "box", "project": "q"})).items == ()
    assert questions.containers(Wanted({"project": "q", "host": "box"})).total == 0
    with pytest.raises(UsageError, match=r'project: there is no "r"; there are p, q'):
        questions.containers(Wanted({"host": "box", "project": "r"}))
    assert questions.containers(Wanted({"state": "exited"})).total == 0
    assert questions.containers(Wanted({"health": "unhealthy"})).total == 0
    with pytest.raises(UsageError, match=r"state: there is no .* created, dead, exited, paused, .*, running"):
        questions.containers(Wanted({"state": "ended"}))


def test_what_a_docker_told_is_as_old_as_its_last_answer() -> None:
    one = container("c1", ports="8001->8000/tcp", pid="50", started="1799990000", restarts="2", memory_limit_bytes="8")
    ended = container("c2", ports="8002->8000/tcp", state="exited")
    name = {"job": "docker", "instance": "docker.box", "name": "c1"}
    values = {series("container_cpu_usage_seconds_total", **name): [*counter(0.0)[:-4], *[STALE] * 4]}
    up = docker("box", one, ended)
    seen_ms = NOW_MS - 45_000
    gone = replace(up, health=Health.DOWN, last_success_ms=seen_ms)
    down = replace(engine("127.0.0.1:8001", "m"), health=Health.DOWN, last_success_ms=seen_ms)
    other = replace(engine("127.0.0.1:8002", "m"), health=Health.DOWN, last_success_ms=seen_ms)
    questions = asked(gone, down, other, values=values)
    first, _ = questions.containers().items
    assert (first.state, first.age.value, first.age.quality) == ("running", 45.0, "stale")
    figures = (first.started, first.uptime, first.restarts, first.memory_limit, first.cpu)
    assert {one.quality for one in figures} == {"stale"}
    assert first.uptime.value == seen_ms / 1000 - 1_799_990_000
    services = {one.service.instance: one for one in questions.services().items}
    service = services["127.0.0.1:8001"]
    assert (service.status, service.age.quality, service.uptime.quality) == ("down", "stale", "stale")
    assert service.uptime.value == first.uptime.value
    assert services["127.0.0.1:8002"].status == "down"
    now = asked(up, down, other)
    (fresh, _), late = now.containers().items, NOW_MS / 1000 - 1_799_990_000
    assert (fresh.age.quality, fresh.uptime.quality, fresh.uptime.value) == ("measured", "measured", late)
    assert {one.status for one in now.services(Wanted({"kind": "vllm"})).items} == {"down", "exited"}


def test_a_card_that_nobody_reads_is_not_said_to_be_free() -> None:
    label = {"UUID": "U0", "gpu": "0", "job": "dcgm", "instance": "d:9400", "Hostname": "box"}
    ended = {
        series("DCGM_FI_DEV_GPU_TEMP", **label): [*[50.0] * 17, *[STALE] * 4],
        series("DCGM_FI_DEV_POWER_VIOLATION", **label): [*[0.0] * 17, *[STALE] * 4],
    }
    (card,) = asked(state("dcgm", "d:9400"), values=ended).gpus().items
    assert (card.temperature.value, card.throttle_known, card.throttled) == (None, False, ())
    assert (card.age.value, card.age.quality) == (60.0, "stale")
    (held,) = asked(state("dcgm", "d:9400"), values={name: [1.0] * 21 for name in ended}).gpus().items
    assert (held.throttle_known, held.age.value, held.age.quality) == (True, 0.0, "measured")
    facts = replace(nvidia("box", 1, on_card("U0", 5, memory_bytes="7")), last_success_ms=NOW_MS - 45_000)
    (told,) = asked(facts).gpus().items
    assert (told.age.value, told.age.quality, told.processes[0].memory.quality) == (45.0, "stale", "stale")


def test_lists_are_filtered_and_paged_and_say_what_there_is() -> None:
    questions = asked(*(engine(f"10.0.0.7:{port}", f"m{port}") for port in (8000, 8001, 8002)))
    found = questions.services(Wanted({"kind": "vllm"}, q="8001"))
    assert [one.service.instance for one in found.items] == ["10.0.0.7:8001"]
    paged = questions.services(Wanted(offset=1, limit=1))
    assert (paged.total, len(paged.items), paged.offset) == (3, 1, 1)
    with pytest.raises(UsageError, match=r'kind: there is no "vlm"; there are vllm'):
        questions.services(Wanted({"kind": "vlm"}))
    with pytest.raises(UsageError, match=r'health: there is no "fine"; there are down, unknown, up'):
        questions.services(Wanted({"health": "fine"}))
    assert questions.services(Wanted({"health": "down"})).total == 0
    assert asked().containers(Wanted({"state": "running"})).total == 0


def test_joins_are_made_once_for_the_same_inventory() -> None:
    now = [engine("10.0.0.7:8000", "m")]
    questions = LocalStackQuestions(MemoryStore(), lambda: replace(around(*now), machine=HERE))
    first = questions.joins()
    now[0] = replace(now[0], last_success_ms=1, collections_total=99)
    assert questions.joins() is first
    now[0] = replace(now[0], inventory=())
    assert questions.joins() is not first
