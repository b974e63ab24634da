"""A random two-layer llama of half a megabyte as a GGUF file, so that a real llama-server has a model to serve.

    python tests/real/tiny_gguf.py OUT.gguf

Format: GGUF version 3 (ggml-org/ggml, docs/gguf.md): header, key-values, tensor table, aligned tensor data, all little
endian. numpy is all it needs. The weights come from one seed, so every run writes the same bytes.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CONTEXT = 2048
EMBEDDING = 64
FEED_FORWARD = 128
HEADS = 4
LAYERS = 2
ALIGNMENT = 32

_UINT32, _FLOAT32, _BOOL, _STRING, _ARRAY, _INT32 = 4, 6, 7, 8, 9, 5
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6
_SPECIAL = (("<unk>", _UNKNOWN), ("<s>", _CONTROL), ("</s>", _CONTROL))
_TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"

Tensors = list[tuple[str, NDArray[np.float32]]]


def write(path: Path, name: str = "tiny", seed: int = 7) -> Path:
    """Write the model to `path` and return it; `name` is the model name that /v1/models shows without --alias."""
    tokens = _tokens()
    tensors = _tensors(len(tokens), seed)
    pairs = _metadata(name, tokens)
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(pairs)) + b"".join(pairs)
    offset = 0
    data = []
    for tensor_name, values in tensors:
        shape = values.shape[::-1]
        head += _text(tensor_name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, offset)
        raw = _aligned(values.tobytes())
        data.append(raw)
        offset += len(raw)
    path.write_bytes(_aligned(head) + b"".join(data))
    return path


def _tokens() -> list[tuple[str, int]]:
    """Three special tokens, the 256 bytes that a SentencePiece vocabulary falls back to, printable ASCII."""
    letters = [("▁" if code == 32 else chr(code), _NORMAL) for code in range(32, 127)]
    return [*_SPECIAL, *((f"<0x{byte:02X}>", _BYTE) for byte in range(256)), *letters]


def _tensors(vocabulary: int, seed: int) -> Tensors:
    random = np.random.default_rng(seed)

    def matrix(*shape: int) -> NDArray[np.float32]:
        return random.normal(0.0, 0.1, shape).astype(np.float32)

    output = matrix(vocabulary, EMBEDDING)
    # A random byte is rarely valid UTF-8, and llama-server answers 500 to text that is not: bytes are never the best.
    output[: len(_SPECIAL) + 256] = 0.0
    found: Tensors = [("token_embd.weight", matrix(vocabulary, EMBEDDING))]
    for layer in range(LAYERS):
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            found.append((f"blk.{layer}.{part}.weight", matrix(EMBEDDING, EMBEDDING)))
        for part in ("ffn_gate", "ffn_up"):
            found.append((f"blk.{layer}.{part}.weight", matrix(FEED_FORWARD, EMBEDDING)))
        found.append((f"blk.{layer}.ffn_down.weight", matrix(EMBEDDING, FEED_FORWARD)))
        for part in ("attn_norm", "ffn_norm"):
            found.append((f"blk.{layer}.{part}.weight", np.ones(EMBEDDING, np.float32)))
    return [*found, ("output_norm.weight", np.ones(EMBEDDING, np.float32)), ("output.weight", output)]


def _metadata(name: str, tokens: Sequence[tuple[str, int]]) -> list[bytes]:
    numbers = {
        "llama.context_length": CONTEXT,
        "llama.embedding_length": EMBEDDING,
        "llama.block_count": LAYERS,
        "llama.feed_forward_length": FEED_FORWARD,
        "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": HEADS,
        "llama.rope.dimension_count": EMBEDDING // HEADS,
        "llama.vocab_size": len(tokens),
        "general.alignment": ALIGNMENT,
        "general.file_type": 0,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
    }
    texts = {
        "general.architecture": "llama",
        "general.name": name,
        "tokenizer.ggml.model": "llama",
        "tokenizer.chat_template": _TEMPLATE,
    }
    pieces = b"".join(_text(piece) for piece, _ in tokens)
    scores = np.zeros(len(tokens), np.float32).tobytes()
    kinds = np.array([kind for _, kind in tokens], np.int32).tobytes()
    return [
        *(_pair(key, _STRING, _text(value)) for key, value in texts.items()),
        *(_pair(key, _UINT32, struct.pack("<I", value)) for key, value in numbers.items()),
        _pair("llama.attention.layer_norm_rms_epsilon", _FLOAT32, struct.pack("<f", 1e-5)),
        _pair("tokenizer.ggml.add_bos_token", _BOOL, b"\x01"),
        _array("tokenizer.ggml.tokens", _STRING, len(tokens), pieces),
        _array("tokenizer.ggml.scores", _FLOAT32, len(tokens), scores),
        _array("tokenizer.ggml.token_type", _INT32, len(tokens), kinds),
    ]


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def _pair(key: str, kind: int, value: bytes) -> bytes:
    return _text(key) + struct.pack("<I", kind) + value


def _array(key: str, kind: int, count: int, values: bytes) -> bytes:
    return _pair(key, _ARRAY, struct.pack("<IQ", kind, count) + values)


def _aligned(raw: bytes) -> bytes:
    return raw + b"\0" * (-len(raw) % ALIGNMENT)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/real/tiny_gguf.py OUT.gguf")
    print(write(Path(sys.argv[1])))
