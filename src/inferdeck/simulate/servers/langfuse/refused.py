"""Langfuse's error answers: their statuses and bodies, as its `withMiddlewares` writes them."""

from __future__ import annotations

from typing import Any

EVENTS_ONLY = (
    "This endpoint is not available on deployments running in Langfuse v4 events_only mode. "
    "Learn more about Langfuse v4 at: https://langfuse.com/docs/v4"
)
HOST = ". Confirm that you've configured the correct host."


class RefusedError(Exception):
    """An answer that is an error: its status, body and further headers."""

    def __init__(self, status: int, body: dict[str, Any] | str, headers: dict[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body
        self.headers = headers or {}


def invalid(name: str, message: str) -> RefusedError:
    """Return the 400 of a request whose parameters do not fit their schema."""
    issue = {"code": "custom", "path": [name], "message": message}
    return RefusedError(400, {"message": "Invalid request data", "error": [issue]})


def not_allowed(message: str) -> RefusedError:
    """Return the 400 of a request that fits its schema and cannot be answered."""
    return RefusedError(400, {"message": message, "error": "InvalidRequestError"})


def not_found(message: str) -> RefusedError:
    """Return the 404 of a thing that does not exist."""
    return RefusedError(404, {"message": message, "error": "LangfuseNotFoundError"})


def no_page() -> RefusedError:
    """Return the 404 of a route that this version does not have: Next.js' page."""
    page = "<!DOCTYPE html><html><head><title>404: This page could not be found</title></head><body></body></html>"
    return RefusedError(404, page, {"Content-Type": "text/html; charset=utf-8"})
