"""Usage examples mean the model's name exactly, whatever it is, in each language, and never hold a key."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferdeck.model.model_catalog import Example
from inferdeck.query.catalog.examples import examples

BASE = "http://127.0.0.1:4000/v1"
KINDS = ("LLM", "Embedding", "Reranker")
NAMES = st.one_of(
    st.text(st.characters(codec="utf-8")),
    st.sampled_from(
        [
            "'; rm -rf / #",
            '"; import os; os.system("x") #',
            "$(touch /tmp/x)`x`$HOME\\",
            "</script><script>alert(1)</script>",
            "a\nb\r\tc\x00\x1b[2J",
            "\u2028\u2029\u202e",
            "😀 名前",
            "${KEY}",
            "meta-llama/Llama-3.3-70B-Instruct",
        ]
    ),
)


def by_name(name: str, kind: str, key: str = "LITELLM_API_KEY") -> dict[str, Example]:
    return {one.name: one for one in examples(name, kind, BASE, key)}


@given(NAMES, st.sampled_from(KINDS))
def test_the_shell_hands_curl_the_name_itself(name: str, kind: str) -> None:
    words = shlex.split(by_name(name, kind)["curl"].text.replace("\\\n", " "))
    assert words[0] == "curl"
    assert words[1].startswith(BASE)
    assert json.loads(words[words.index("-d") + 1])["model"] == name
    assert words[words.index("-H") + 1] == "Authorization: Bearer $LITELLM_API_KEY"
    assert len(words) == 8


@given(NAMES, st.sampled_from(KINDS))
def test_python_reads_the_name_itself_and_nothing_else(name: str, kind: str) -> None:
    text = by_name(name, kind)["python"].text
    assert text.isascii()
    tree = ast.parse(text)
    assert len(tree.body) == 5
    constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert name in constants
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert called <= {
        "OpenAI",
        "client.chat.completions.create",
        "client.embeddings.create",
        "client.post",
        "print",
        "len",
    }


@given(NAMES, st.sampled_from(KINDS))
def test_javascript_holds_the_name_as_a_literal_that_ends_no_page(name: str, kind: str) -> None:
    text = by_name(name, kind)["javascript"].text
    assert text.isascii()
    assert "</" not in text
    literal = re.search(r'"model": ("(?:[^"\\]|\\.)*")', text)
    assert literal is not None
    assert json.loads(literal.group(1)) == name
    assert len(text.splitlines()) == 5


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_node_reads_the_name_itself(tmp_path: Path) -> None:
    names = ["'; process.exit(1) //", 'a"b\\', "\u2028", "😀", "${1+1}", "</script>", "a\nb\x00"]
    (tmp_path / "node_modules" / "openai").mkdir(parents=True)
    (tmp_path / "node_modules" / "openai" / "index.js").write_text(
        "export default class { constructor() { const create = (body) => { process.stdout.write("
        "JSON.stringify(body.model)); return { choices: [{ message: { content: '' } }] }; };"
        " this.chat = { completions: { create } }; } }"
    )
    (tmp_path / "node_modules" / "openai" / "package.json").write_text('{"type": "module", "main": "index.js"}')
    for name in names:
        (tmp_path / "ask.mjs").write_text(by_name(name, "LLM")["javascript"].text)
        done = subprocess.run(["node", "ask.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout.strip()) == name


@given(NAMES, st.sampled_from(KINDS))
def test_without_a_key_none_is_named(name: str, kind: str) -> None:
    for one in examples(name, kind, BASE, ""):
        assert one.key_variable == ""
        assert "environ" not in one.text.replace(ascii(name), "")
        assert one.name == "curl" or "none" in one.text


def test_kinds_with_ways_of_their_own_have_no_examples() -> None:
    assert examples("m", "Image", BASE, "K") == ()
    assert examples("m", "LLM", "", "K") == ()
    assert [one.name for one in examples("m", "", BASE, "K")] == ["curl", "python", "javascript"]
