"""tmux and screen: a second status line, and sessions laid out for development, production and an incident.

Sources: tmux(1), "STATUS LINE" and "FORMATS" (status-format[1] is the second line; what #() prints is expanded again,
so the tmux host doubles every #); screen(1), "split", "focus", "screen", "zombie".
"""

from __future__ import annotations

from inferdeck.faces.hosts.wanted import File, Wanted, Written

SESSIONS: dict[str, tuple[str, tuple[tuple[str, ...], ...]]] = {
    "development": ("ai-backend", (("status", "--watch"), ("board",))),
    "production": ("monitoring", (("board",),)),
    "incident": (
        "incident",
        (
            ("status", "--watch"),
            ("logs", "--follow", "--level", "warning"),
            ("events",),
            ("board",),
        ),
    ),
}
"""The name of each session, and what runs in its panes."""
_ARRANGED = {"development": "even-horizontal", "production": "even-horizontal", "incident": "tiled"}
TMUX_FILE = "inferdeck.tmux.conf"


def tmux(wanted: Wanted) -> Written:
    """Return the second status line, and a script that opens the session."""
    shown = " | ".join(f"#({wanted.widget(name, 'tmux')})" for name in wanted.line)
    conf = (
        f"# {wanted.origin('tmux')}\n"
        "# A second status line; yours stays as it is. Read it with: tmux source-file FILE\n"
        f"set -g status-interval {wanted.seconds}\n"
        "set -g status 2\n"
        f'set -g status-format[1] "#[align=left] {shown}"\n'
    )
    session = f"inferdeck-tmux-{wanted.layout}.sh"
    return Written(
        (File(TMUX_FILE, conf), File(session, tmux_session(wanted), program=True)),
        (f"the status line: tmux source-file {{folder}}/{TMUX_FILE}", f"the session: {{folder}}/{session}"),
    )


def tmux_session(wanted: Wanted) -> str:
    """Return a script that opens the layout's session, or the one that is open already."""
    name, panes = SESSIONS[wanted.layout]
    first, *others = [_kept(wanted, words) for words in panes]
    lines = [
        "#!/bin/sh",
        f"# {wanted.origin('tmux')}",
        f"# Opens the session {name}: $0 [-d]; with -d it is not attached to.",
        "set -eu",
        f"if ! tmux has-session -t ={name} 2>/dev/null; then",
        f"  pane=$(tmux new-session -d -P -F '#{{pane_id}}' -s {name} -x 200 -y 50 {_quoted(first)})",
    ]
    for command in others:
        lines.append(f'  tmux split-window -t "$pane" {_quoted(command)}')
        lines.append(f'  tmux select-layout -t "$pane" {_ARRANGED[wanted.layout]}')
    lines += [
        '  tmux select-pane -t "$pane"',
        "fi",
        'if [ "${1:-}" != -d ]; then',
        '  if [ -n "${TMUX:-}" ]; then',
        f"    exec tmux switch-client -t ={name}",
        "  fi",
        f"  exec tmux attach-session -t ={name}",
        "fi",
    ]
    return "\n".join(lines) + "\n"


def screen(wanted: Wanted) -> Written:
    """Return a screenrc that opens the session."""
    name, panes = SESSIONS[wanted.layout]
    lines = [
        f"# {wanted.origin('screen')}",
        "startup_message off",
        "defutf8 on",
        "# A window stays when its program ends: q closes it, r starts it again.",
        "zombie qr",
        f"sessionname {name}",
    ]
    for number, words in enumerate(panes):
        if number:
            lines += [f"split{' -v' if number % 2 else ''}", "focus next"]
        lines.append(f"screen -t {words[0]} {number} {wanted.shell(*words)}")
    lines.append("focus top")
    file = f"inferdeck-{wanted.layout}.screenrc"
    return Written((File(file, "\n".join(lines) + "\n"),), (f"the session: screen -c {{folder}}/{file}",))


def _kept(wanted: Wanted, words: tuple[str, ...]) -> str:
    """Return a command that leaves a shell behind, so that a pane tells why its program ended."""
    return f"{wanted.shell(*words)}; exec ${{SHELL:-sh}}"


def _quoted(command: str) -> str:
    # In double quotes, so that a path with a space keeps its single ones; $ is for the shell in the pane.
    return '"' + command.replace("$", "\\$") + '"'
