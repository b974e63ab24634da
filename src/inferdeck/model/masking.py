"""Takes secrets out of text from outside: log lines, command lines, environment entries, error messages.

What is replaced: the values of assignments whose name ends like a secret's (`OPENAI_API_KEY=…`, `"password": "…"`,
`--api-key …`, `x-api-key: …`), authorization schemes with their credentials, private key blocks, user and password of
URLs, and the shapes that providers give their keys (`sk-…`, `hf_…`, `AKIA…`, JSON Web Tokens, …). Kept: numbers behind
`token` and `key` (they count), null and booleans. It errs on the side of hiding.

Every pattern begins with literal text and repeats nothing that contains a repetition, so that time is linear in the
length of the text, also of one that was made to be slow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

MASK = "•••"
_STRONG = (
    r"pass(?:word|wd|phrase|code)|passw|secrets?|api[_-]?keys?|apikey|authorization|credentials?|private[_-]?key"
    r"|access[_-]?key(?:[_-]?id)?|master[_-]?key|encryption[_-]?key|salt[_-]?key|signing[_-]?key|signature|cookie"
    r"|requirepass|masterauth"
)
_WEAK = r"tokens?(?:_id)?|keys?|pwd|pass|auth|sig|dsn"
_WORD = rf"(?P<name>(?P<strong>{_STRONG})|{_WEAK})\d{{0,2}}"
_QUOTE = r"\\{0,3}[\"']"
_JOINT = rf"(?:{_QUOTE})?(?:[ \t]{{0,16}}(?::=|=>|[:=])[ \t]{{0,16}})"
# A flag of a command line may have its value behind a space, or as the next item of a printed list.
_FLAG_JOINT = rf"(?:{_QUOTE})?(?:[ \t]{{0,4}}[,=][ \t]{{0,4}}|[ \t]{{1,4}})"
_SCHEME = r"(?:(?:bearer|basic|token|digest|apikey|negotiate)[ \t]{1,4})?"
_QUOTED = r"\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|\\{1,3}[\"'][^\"'\\\n]*"
_VALUE = rf"(?P<value>{_QUOTED}|(?:b[\"'])?[^\s,;&\"'\\(){{}}\[\]<>|]+)"
_ASSIGNED = re.compile(rf"{_WORD}(?P<joint>{_JOINT}){_SCHEME}{_VALUE}", re.IGNORECASE)
_FLAG = re.compile(rf"(?<![\w-])--?(?P<name>[a-z0-9_-]{{1,64}})(?P<joint>{_FLAG_JOINT}){_VALUE}", re.IGNORECASE)
_FLAG_NAME = re.compile(rf"(?:{_STRONG}|token|key|pass|pwd|auth)$", re.IGNORECASE)
_NAMED = re.compile(r"(?P<name>-{0,2}[A-Za-z0-9_.-]{1,64})(?:=|:[ \t]*)")
_BEARER = re.compile(
    r"(?<![A-Za-z0-9])(bearer[ \t]{1,4})(?!authenti|credential|•)[A-Za-z0-9._~+/=|-]{6,}", re.IGNORECASE
)
_BLOCK = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
_SHAPE = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"(?:sk|pk|rk)[-_](?:[A-Za-z0-9_-]{6,})"
    r"|hf_[A-Za-z0-9]{4,}|gh[pousr]_[A-Za-z0-9]{8,}|github_pat_\w{8,}|glpat-[\w-]{8,}|xox[abeoprs]-[\w-]{8,}"
    r"|(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}|AIza[\w-]{16,}|ya29\.[\w.-]{10,}|eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?"
    r"|(?:nvapi|xai|pplx|tgp|voyage|jina|esecret|csk|fw|gsk|r8|npm|dckr_pat|lsv2_pt|pypi|dop_v1|shpat)[-_][\w-]{12,}"
    r"|SG\.[\w-]{8,}\.[\w-]{8,})"
)
_URL = re.compile(r"://(?P<user>[^\s/?#@:\"'<>\\]{0,256})(?P<password>:[^\s\"'<>]{0,256})?@")
_PORT = re.compile(r":\d{0,5}(?:[/?#]|$)")
_COUNT = re.compile(r"[\"']?[-+]?\d{1,15}(?:\.\d*)?(?:e[-+]?\d+)?[%a-z/]{0,4}[\"']?$", re.IGNORECASE)
_NOTHING = frozenset({"none", "null", "nil", "true", "false", "undefined", "-", "*"})
# LiteLLM's way to name an environment variable instead of writing a secret.
_REFERENCE = re.compile(r"os\.environ/[A-Z_][A-Z0-9_]*")
_NO_SECRET_BEFORE = ("cache", "primary", "foreign", "sort", "group", "partition", "routing", "dedup", "public_")
_HARMLESS_KEYS = frozenset({"key", "keys", "auth", "pass", "sig"})
_SHORTEST_BARE = 8
SHORTEST_REMEMBERED = 6
_COMMON = frozenset({"password", "secret", "postgres", "default", "litellm", "langfuse", "clickhouse", "changeme"})
"""Passwords of examples: they hide nothing, and would take words away that stand everywhere."""


def mask(text: str) -> str:
    """Return the text with what may be a secret replaced by MASK; takes time linear in its length."""
    if "-----BEGIN" in text:
        text = _BLOCK.sub(MASK, text)
    if "://" in text:
        text = _URL.sub(_url, text)
    text = _FLAG.sub(_flag, text)
    text = _ASSIGNED.sub(_assigned, text)
    text = _BEARER.sub(rf"\g<1>{MASK}", text)
    return _SHAPE.sub(MASK, text)


def mask_command(words: Sequence[str]) -> str:
    """Return a command as one line with what may be a secret masked, also where its name is the word before it."""
    shown: list[str] = []
    for before, word in zip(("", *words), words, strict=False):
        flagged = before.startswith("-") and "=" not in before and _FLAG_NAME.search(before)
        named = _NAMED.match(word)
        if (flagged or before.lower() == "bearer") and not word.startswith("-"):
            shown.append(word if _harmless(word) else MASK)
        elif named and _FLAG_NAME.search(named["name"]) and not _harmless(word[named.end() :]):
            shown.append(named[0] + MASK)
        else:
            shown.append(mask(word))
    # Once more as a whole: what one word begins may end in the next.
    return mask(" ".join(shown))


def secrets_in(text: str) -> frozenset[str]:
    """Return those values that `mask` replaces and that are surely secrets, to be found again elsewhere.

    Passwords of URLs that are no common word nor the user's or the host's name, bearer tokens, shapes of keys, and
    assigned values that hold a digit; none is shorter than SHORTEST_REMEMBERED.
    """
    found = {one[0] for one in _SHAPE.finditer(text)}
    found |= {one[0][len(one[1]) :] for one in _BEARER.finditer(text)}
    for one in _URL.finditer(text) if "://" in text else ():
        password = (one["password"] or "")[1:]
        host = text[one.end() : one.end() + len(password)]
        if not _PORT.match(f":{password}") and password not in (one["user"], host):
            found |= {password, unquote(password)}
    for pattern, shown in ((_FLAG, _flag), (_ASSIGNED, _assigned)):
        for one in pattern.finditer(text):
            value = one["value"].strip("\\\"'")
            if shown(one) != one[0] and any(letter.isdigit() for letter in value):
                found.add(value)
    return frozenset(one for one in found if len(one) >= SHORTEST_REMEMBERED and one.lower() not in _COMMON)


def _url(found: re.Match[str]) -> str:
    """Keep the user where a password follows; a user alone may be a token."""
    password = found["password"]
    if password is None:
        return f"://{MASK}@"
    if _PORT.match(password):
        # A host with a port, and an @ further on in the path.
        return found[0]
    return f"://{found['user']}:{MASK}@"


def _flag(found: re.Match[str]) -> str:
    if not _FLAG_NAME.search(found["name"]) or _harmless(found["value"]) or found["value"].startswith("-"):
        return found[0]
    return _replaced(found)


def _assigned(found: re.Match[str]) -> str:
    value, name = found["value"], found["name"].lower()
    if _harmless(value):
        return found[0]
    if not found["strong"] and _not_meant(found, name, value):
        return found[0]
    return _replaced(found)


def _not_meant(found: re.Match[str], name: str, value: str) -> bool:
    """Whether a word like key or token is no secret's name here."""
    before = found.string[max(0, found.start() - 16) : found.start()]
    camel = bool(before) and before[-1].islower() and found["name"][0].isupper()
    if before and before[-1].isalnum() and not camel:
        return True
    if _COUNT.match(value) or value.lstrip("\"'").startswith("<") or (name == "pwd" and value.startswith("/")):
        return True
    if before.rstrip("_- ").lower().endswith(_NO_SECRET_BEFORE):
        return True
    bare = not before or before[-1] not in "_-?&."
    return bare and not camel and name in _HARMLESS_KEYS and len(value.strip("\"'")) < _SHORTEST_BARE


def _harmless(value: str) -> bool:
    bare = value.strip("\\\"'")
    return bare.lower() in _NOTHING or bare in ("", MASK, "$") or bool(_REFERENCE.fullmatch(bare))


def _replaced(found: re.Match[str]) -> str:
    """Keep the quotes, so that JSON stays JSON."""
    value = found["value"]
    opening = value[: len(value) - len(value.lstrip("b\\\"'"))] if value[:1] in "\\\"'" else ""
    closing = opening[-1:] if len(value) > len(opening) and opening and value.endswith(opening[-1]) else ""
    start = found.start("value") - found.start()
    return f"{found[0][:start]}{opening}{MASK}{closing}"
