"""One file as it is read: what is a secret at one place is one at all places of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferdeck.model.masking import MASK, secrets_in
from inferdeck.routing.contents import Named, read
from inferdeck.routing.masked import masked

TEXT = """\
model_list:
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o, api_base: "http://ops:planted-pw@10.0.0.7:4000/v1"}
  - model_name: "again planted-pw"
    litellm_params: {model: ollama/planted-pw, api_base: http://127.0.0.1:11434/planted-pw, api_key: ollama}
    model_info: {id: planted-pw, note: planted-master}
router_settings: {fallbacks: [{gpt-4o: [planted-pw]}], routing_strategy: planted-pw}
general_settings: {master_key: planted-master} # planted-pw
"""


def test_the_password_of_a_url_is_hidden_at_every_other_key_and_in_routes(tmp_path: Path) -> None:
    path = tmp_path / "litellm.yaml"
    path.write_text(TEXT)
    found = read(Named(str(path), "litellm"), lambda text: text)
    assert found.state == "read"
    assert "planted" not in repr(found)
    assert "http://ops:•••@10.0.0.7:4000/v1" in found.text
    assert found.routes is not None
    first, second = found.routes.deployments
    assert (first.target.model, first.target.litellm_model) == ("gpt-4o", "openai/gpt-4o")
    assert (second.target.provider, second.target.litellm_model) == ("ollama", f"ollama/{MASK}")
    assert second.target.api_base == f"http://127.0.0.1:11434/{MASK}"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("a: http://u:pa55word%40x@h/", "pa55word@x"),
        ("command: serve --api-key zebra-7-crossing", "zebra-7-crossing"),
        ("args: 'Authorization: Bearer zebra7crossing'", "zebra7crossing"),
        ("a: redis://:zebra7crossing@h", "zebra7crossing"),
    ],
)
def test_what_its_form_tells_is_remembered(text: str, secret: str) -> None:
    for file in ("a.yaml", "x.service", "notes"):
        shown = masked(f"{text}\nother: {secret}\n# see {secret}, or x/{secret}.\n", file)
        assert secret not in shown


@pytest.mark.parametrize(
    "text",
    [
        "url: postgresql://postgres:postgres@postgres:5432/x\nimage: postgres",
        "url: redis://litellm:litellm@cache\ncallbacks: litellm\nlitellm_params: 1",
        "url: http://h:4000/a@b\nport: 4000",
        "url: http://a:redis-1@redis-1:80\nname: redis-1",
    ],
)
def test_words_that_hide_nothing_stay(text: str) -> None:
    assert secrets_in(text) == frozenset()
    assert masked(text, "x.yaml").split("\n")[1:] == text.split("\n")[1:]
