"""The command line: one module per command group, imported when its command runs."""

from __future__ import annotations

import os
import sys


def main(argv: list[str] | None = None) -> int:
    """Run a command and return its exit code (errors.py has the table); never a traceback on the screen."""
    given = sys.argv[1:] if argv is None else argv
    if given in (["--version"], ["-V"]):
        from inferdeck import __version__

        print(f"inferdeck {__version__}")
        return 0
    try:
        code = _widget(given[1:]) if given[:1] == ["widget"] else None
        if code is None:
            return _run(given)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read us has gone.
        _leave_output()
        return 0
    if argv is None:
        # What only wrote some bytes has nothing to take down, which would be a tenth of its time.
        os._exit(code)
    return code


def _widget(words: list[str]) -> int | None:
    """Asked all the time, by bars and prompts; None: argparse is to read the words, or to say what is wrong."""
    from inferdeck.faces.widgets.command import run_words

    return run_words(words)


def _run(given: list[str]) -> int:
    from inferdeck.cli import arguments
    from inferdeck.errors import InferdeckError, exit_code

    try:
        options = arguments.parse(given)
        code = arguments.command(options.command)(options)
        sys.stdout.flush()
    except InferdeckError as error:
        from inferdeck.cli.text import safe

        print(f"inferdeck: {safe(str(error), lines=True)}", file=sys.stderr)
        return exit_code(error)
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:
        return _unwritten(error) if _of_output(error) else _bug(error)
    return code


def _of_output(error: Exception) -> bool:
    """Whether standard output could not be written: what is raised for a file of ours names it."""
    import errno

    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
    return isinstance(error, OSError) and error.filename is None and error.errno in full


def _unwritten(error: Exception) -> int:
    _leave_output()
    reason = getattr(error, "strerror", "") or type(error).__name__
    print(f"inferdeck: the output cannot be written: {reason.lower()}", file=sys.stderr)
    return 1


def _leave_output() -> None:
    # Without this Python complains once more while it shuts down.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _bug(error: Exception) -> int:
    """One line instead of a traceback; INFERDECK_DEBUG=1 shows the whole of it."""
    if os.environ.get("INFERDECK_DEBUG"):
        raise error
    from inferdeck.cli.text import safe

    text = safe(f"{type(error).__name__}: {error}"[:500])
    print(f"inferdeck: a bug in inferdeck: {text}", file=sys.stderr)
    print("  run it again with INFERDECK_DEBUG=1 for the details, and report them", file=sys.stderr)
    return 1
