"""The health routes; /health really sends a call per deployment, which is billed and counted as such."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from aiohttp import web

from inferdeck.simulate.events import Answered, Fault
from inferdeck.simulate.fleet import Deployment
from inferdeck.simulate.servers.litellm import errors
from inferdeck.simulate.servers.litellm.completions import answered
from inferdeck.simulate.servers.litellm.http import Asked, Refused, error, reply, template
from inferdeck.simulate.servers.litellm.identity import HEALTH
from inferdeck.simulate.servers.litellm.times import offset_text
from inferdeck.simulate.servers.program import Question

_PROMPT_TOKENS, _MAX_TOKENS = 8, 16
_CHECK = 0x48EA17


async def liveliness(asked: Asked) -> web.Response:
    """GET /health/liveliness."""
    return reply("I'm alive!")


async def readiness(asked: Asked) -> web.Response:
    """GET /health/readiness: two words since 1.88, all of it before."""
    if not asked.program.dialect.new:
        return reply(_state(asked) | _details(asked))
    return reply(_state(asked))


async def details(asked: Asked) -> web.Response:
    """GET /health/readiness/details."""
    found = _state(asked) | _details(asked)
    last = {"show_no_redis_warning": False, "show_env_credential_login_warning": True}
    return reply(found | last)


def _state(asked: Asked) -> dict[str, Any]:
    return {"status": "healthy", "db": "connected" if asked.program.gateway.database else "Not connected"}


def _details(asked: Asked) -> dict[str, Any]:
    program = asked.program
    return {
        "cache": "redis" if program.gateway.cache else None,
        "litellm_version": program.dialect.version,
        "success_callbacks": template("callbacks")["success_callbacks"],
        "use_aiohttp_transport": True,
        "log_level": "WARNING",
        "is_detailed_debug": False,
    }


async def backlog(asked: Asked) -> web.Response:
    """GET /health/backlog; it counts itself."""
    asked.program.meter()
    flying = 1 + asked.program.flying()
    return reply({"in_flight_requests": flying, "admitted_requests": 0, "queued_requests": 0, "rejected_requests": 0})


async def services(asked: Asked) -> web.Response:
    """GET /health/services: nothing of what it tests is configured."""
    name = asked.query.get("service", "")
    why = f"{{'error': '\"{name}\" not in proxy config: general_settings. Unable to test this.'}}"
    raise Refused(422, error(why, "auth_error", 422, "None"))


async def latest(asked: Asked) -> web.Response:
    """GET /health/latest: the last check of each model."""
    checks = _checks(asked)
    found = {one["model_name"]: one for one in checks}
    return reply({"latest_health_checks": found, "total_models": len(found)})


async def history(asked: Asked) -> web.Response:
    """GET /health/history: the newest first."""
    checks = _checks(asked)[::-1]
    return reply({"health_checks": checks[:100], "total_records": len(checks), "limit": 100, "offset": 0})


def _checks(asked: Asked) -> list[dict[str, Any]]:
    if not asked.program.gateway.database:
        raise Refused(500, {"detail": {"error": "Database not initialized"}})
    return list(asked.program.checks)


async def health(asked: Asked) -> web.Response:
    """GET /health: a call of every deployment, or of those of `model` or `model_id`."""
    program, query = asked.program, asked.query
    wanted = [
        one
        for one in program.gateway.deployments
        if query.get("model") in (None, program.groups[one.id], program.places[one.id].full)
        and query.get("model_id") in (None, one.id)
    ]
    ended = await asyncio.gather(*(_call(asked, one) for one in wanted))
    good = [_healthy(asked, one) for one, end in zip(wanted, ended, strict=True) if end.fault is None]
    bad = [_unhealthy(asked, one, end.fault) for one, end in zip(wanted, ended, strict=True) if end.fault is not None]
    return reply(
        {
            "healthy_endpoints": good,
            "unhealthy_endpoints": bad,
            "healthy_count": len(good),
            "unhealthy_count": len(bad),
        }
    )


async def _call(asked: Asked, one: Deployment) -> Answered:
    program = asked.program
    question = Question(program.groups[one.id], _PROMPT_TOKENS, _MAX_TOKENS, _CHECK, user=HEALTH)
    with program.world.ask_gateway(program.process, question) as pending:
        end = answered(await pending.done)
    if program.gateway.database:
        program.checks.append(_record(asked, one, end))
    return end


def _record(asked: Asked, one: Deployment, end: Answered) -> dict[str, Any]:
    at = offset_text(asked.program.clock(end.time))
    return {
        "health_check_id": str(uuid4()),
        "model_name": asked.program.groups[one.id],
        "model_id": one.id,
        "status": "unhealthy" if end.fault else "healthy",
        "healthy_count": int(end.fault is None),
        "unhealthy_count": int(end.fault is not None),
        "error_message": end.fault.value if end.fault else None,
        "response_time_ms": (end.time - end.request.time) * 1000,
        "details": None,
        "checked_by": "default_user_id",
        "checked_at": at,
        "created_at": at,
    }


def _healthy(asked: Asked, one: Deployment) -> dict[str, Any]:
    place = asked.program.places[one.id]
    limits = {"tpm": one.tokens_per_minute, "rpm": one.requests_per_minute}
    found: dict[str, Any] = {"api_base": place.base} if place.base else {}
    found |= {key: value for key, value in limits.items() if value is not None}
    return found | {"model": place.full, "model_id": one.id}


def _unhealthy(asked: Asked, one: Deployment, fault: Fault) -> dict[str, Any]:
    program, place = asked.program, asked.program.places[one.id]
    provider = "" if fault in (Fault.BUDGET, Fault.NO_DEPLOYMENT) else place.provider
    failure = errors.of(fault, provider, program.dialect)
    text = f"litellm.{failure.name.rpartition('.')[2]}: {fault.value}\nstack trace: Traceback (most recent call last)"
    sent: dict[str, Any] = {
        "raw_request_api_base": place.base,
        "raw_request_body": {},
        "raw_request_headers": {},
        "error": None,
    }
    found = _healthy(asked, one) | {"error": text, "exception_status": failure.answer}
    return found | {"raw_request_typed_dict": sent}
