"""The routes about configuration files of the stack; contents are masked before they come here."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from inferdeck.api import any_text
from inferdeck.api.native import FAILURES
from inferdeck.api.stack import PAGING, Free, Limit, Offset, Text, refuse_unknown
from inferdeck.model.config_files import ConfigFile, ConfigFilePage
from inferdeck.model.json_form import dumps
from inferdeck.model.page import USUAL_LIMIT, Page
from inferdeck.query.config_files import ConfigFiles
from inferdeck.query.stack.interface import Wanted


def routes(questions: ConfigFiles) -> APIRouter:
    """Return the routes; answers are the values of model/config_files.py."""
    router = APIRouter(prefix="/api", responses=FAILURES)

    @router.get(
        "/config-files",
        response_model=Page[ConfigFile],
        summary="Configuration files of the stack: changes, mistakes, and whether what runs agrees",
    )
    async def files(
        request: Request,
        kind: Text = "",
        gateway: Text = "",
        environment: Text = "",
        state: Text = "",
        drift: Text = "",
        q: Free = "",
        offset: Offset = 0,
        limit: Limit = USUAL_LIMIT,
    ) -> Response:
        filters = {"kind": kind, "gateway": gateway, "environment": environment, "state": state, "drift": drift}
        refuse_unknown(request, (*filters, *PAGING))
        wanted = Wanted(filters, q, offset, limit)
        answer = await run_in_threadpool(lambda: dumps(questions.files(wanted)))
        return Response(answer, media_type="application/json")

    @router.get(
        f"/config-files/{{identity:{any_text.KIND}}}",
        response_model=ConfigFilePage,
        summary="One file with its content, secrets masked, and its last change",
    )
    async def file(identity: str) -> Response:
        answer = await run_in_threadpool(lambda: dumps(questions.file(identity)))
        return Response(answer, media_type="application/json")

    return router
