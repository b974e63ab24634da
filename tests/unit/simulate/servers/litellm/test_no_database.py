"""What a proxy without a database answers, body by body."""

from __future__ import annotations

import json

import pytest

from inferdeck.sources.litellm.inventory import without_database
from tests.unit.simulate.servers.litellm.scene import MASTER, captured, samples, scene, served, total

CONNECT = "Connect a database to your proxy - https://docs.litellm.ai/docs/simple_proxy#managing-auth---virtual-keys"
NEEDS = (
    "DB not connected. This endpoint needs a database; set DATABASE_URL to a PostgreSQL connection string "
    "(postgresql://...) to enable it. See https://docs.litellm.ai/docs/proxy/virtual_keys"
)
BODIES = {
    "/spend/logs": (
        500,
        '{"error":{"message":"/spend/logs ErrorDatabase not connected. '
        f'{CONNECT}","type":"internal_error","param":"None","code":"500"}}}}',
    ),
    "/spend/logs/v2": (
        401,
        '{"error":{"message":"Prisma Client is not initialized","type":"internal_error","param":"None","code":"401"}}',
    ),
    "/global/spend": (
        500,
        '{"error":{"message":"{\'error\': \'No db connected\'}","type":"internal_error","param":"None","code":"500"}}',
    ),
    "/global/spend/logs": (
        500,
        '{"error":{"message":"Prisma Client is not initialized","type":"internal_error","param":"None","code":"500"}}',
    ),
    "/global/spend/models": (500, '{"detail":{"error":"No db connected"}}'),
    "/global/activity": (400, f'{{"detail":{{"error":"Database not connected. {CONNECT}"}}}}'),
    "/user/daily/activity": (500, f'{{"detail":{{"error":"{NEEDS}"}}}}'),
    "/key/list": (
        500,
        '{"error":{"message":"Authentication Error, Database not connected","type":"internal_server_error",'
        '"param":"None","code":"500"}}',
    ),
    "/team/list": (400, f'{{"detail":{{"error":"{NEEDS}"}}}}'),
    "/budget/list": (400, f'{{"detail":{{"error":"{NEEDS}"}}}}'),
    "/user/list": (500, '{"detail":{"error":"No db connected. prisma client=None"}}'),
    "/v2/model/info": (500, f'{{"detail":{{"error":"{NEEDS}"}}}}'),
    "/health/latest": (500, '{"detail":{"error":"Database not initialized"}}'),
    "/health/history": (500, '{"detail":{"error":"Database not initialized"}}'),
}


async def test_bodies_are_as_inconsistent_as_captured() -> None:
    async with served(scene(10.0)) as (session, url):
        for path, (status, body) in BODIES.items():
            async with session.get(url + path, headers=MASTER) as answer:
                assert (path, answer.status, await answer.text()) == (path, status, body)
                assert without_database(body.encode())


async def test_keys() -> None:
    async with served(scene(10.0)) as (session, url):
        async with session.get(f"{url}/v1/models") as answer:
            body = await answer.json()
            assert (answer.status, body["error"]["type"]) == (401, "auth_error")
        async with session.get(f"{url}/v1/models", headers={"Authorization": "Bearer sk-wrong"}) as answer:
            assert answer.status == 400
            assert await answer.json() == json.loads(captured("wrong_key_1.106.2.json"))


async def test_metrics_want_a_key_since_1_88() -> None:
    found = scene(10.0)
    async with served(found) as (session, url):
        async with session.get(f"{url}/metrics/") as answer:
            assert answer.status == 401
            assert (await answer.json()).startswith("Unauthorized access to metrics endpoint: ")
        async with session.get(f"{url}/metrics", headers=MASTER, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (307, f"{url}/metrics/")
        async with session.get(f"{url}/metrics/", headers=MASTER) as answer:
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            text = await answer.text()
    refused = "litellm_proxy_failed_requests_metric_total"
    assert total(text, refused, route="/metrics/", exception_status="401", hashed_api_key="None") == 1.0
    async with served(scene(10.0, version="1.80.5")) as (session, url), session.get(f"{url}/metrics/") as answer:
        assert answer.status == 200


async def test_workers_answer_in_turn() -> None:
    found, name = scene(120.0, workers=2), "litellm_requests_metric_total"
    async with served(found) as (session, url):
        seen = []
        for _ in range(4):
            async with session.get(f"{url}/metrics/?name[]={name}", headers=MASTER) as answer:
                seen.append(await answer.text())
    assert set(samples(seen[0])) == {name, "litellm_requests_metric_created"}
    counts = [total(text, name) for text in seen]
    assert counts[0] == counts[2] != counts[1] == counts[3]
    assert counts[0] + counts[1] == sum(answer.fault is None for answer in found.answers)


@pytest.mark.parametrize(("version", "rich"), [("1.80.0", True), ("1.109.1", False)])
async def test_readiness(version: str, rich: bool) -> None:
    async with served(scene(10.0, version=version)) as (session, url):
        async with session.get(f"{url}/health/liveliness") as answer:
            assert await answer.json() == "I'm alive!"
        async with session.get(f"{url}/health/readiness") as answer:
            body = await answer.json()
            assert (body["status"], body["db"]) == ("healthy", "Not connected")
            assert (body.get("litellm_version") == version) is rich
        async with session.get(f"{url}/health/readiness/details", headers=MASTER) as answer:
            if rich:
                assert answer.status == 404
            else:
                real = json.loads(captured("health_readiness_details_1.109.1.json"))
                assert (await answer.json()).keys() == real.keys()
        async with session.get(f"{url}/health/backlog", headers=MASTER) as answer:
            real = json.loads(captured("health_backlog_1.106.2.json"))
            assert (await answer.json()).keys() == real.keys()


async def test_inventory_has_the_fields_of_the_captures() -> None:
    pairs = {
        "/model/info": "model_info_1.106.2.json.gz",
        "/model_group/info": "model_group_info_1.106.2.json.gz",
        "/v1/models": "v1_models_1.106.2.json",
    }
    async with served(scene(10.0)) as (session, url):
        for path, name in pairs.items():
            real = json.loads(captured(name))["data"][-1]
            async with session.get(url + path, headers=MASTER) as answer:
                data = (await answer.json())["data"]
            assert len(data) == (4 if path == "/model/info" else 3)
            assert real.keys() - data[0].keys() <= {"mode", "max_input_tokens", "max_output_tokens"}
        async with session.get(f"{url}/get/config/callbacks", headers=MASTER) as answer:
            body = await answer.json()
            real = json.loads(captured("get_config_callbacks_1.106.2.json.gz"))
            assert body.keys() == real.keys()
            assert body["router_settings"]["fallbacks"] == [{"llama": ["gpt"]}, {"gpt": ["llama"]}]
        async with session.get(f"{url}/router/settings", headers=MASTER) as answer:
            assert (await answer.json())["current_values"]["num_retries"] == 1
        async with session.get(f"{url}/public/litellm_model_cost_map") as answer:
            assert (await answer.json())["openai/gpt-4.1"]["cache_read_input_token_cost"] == 0.5e-6
        async with session.get(f"{url}/routes") as answer:
            assert "/spend/logs/v2" in {one["path"] for one in (await answer.json())["routes"]}
        async with session.get(f"{url}/provider/budgets", headers=MASTER) as answer:
            assert answer.status == 500


async def test_health_sends_and_bills_a_call_per_deployment() -> None:
    found = scene(60.0, requests_per_minute=1.0)
    async with served(found, live=True) as (session, url), session.get(f"{url}/health", headers=MASTER) as answer:
        body = await answer.json()
    assert body["healthy_count"] + body["unhealthy_count"] == 4
    assert {one["model_id"] for one in body["healthy_endpoints"]} <= {"llama-a", "llama-b", "gpt", "qwen"}
    text, checks = found.text(), {"api_key_alias": "litellm-internal-health-check"}
    assert total(text, "litellm_requests_metric_total", **checks) == body["healthy_count"]
    assert total(text, "litellm_spend_metric_total", **checks) > 0.0
    assert total(text, "litellm_requests_metric_total", model_id="", requested_model="", **checks) == 4.0
