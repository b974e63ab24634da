"""`{name:any_text}` in a route: what others named may hold anything, newlines too, which `path` leaves out."""

from __future__ import annotations

from starlette.convertors import PathConvertor, register_url_convertor

KIND = "any_text"


class _AnyText(PathConvertor):
    regex = r"[\s\S]*"


register_url_convertor(KIND, _AnyText())
