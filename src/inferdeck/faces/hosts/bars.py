"""Hosts with a line: waybar, conky, starship, SwiftBar and xbar.

Sources: waybar-custom(5); conky(1), texecpi; starship.rs/config, "Custom commands" (when is false unless said, 500 ms);
swiftbar/SwiftBar, README (name.INTERVAL.sh, metadata in comments).
"""

from __future__ import annotations

import json

from inferdeck.faces.hosts.wanted import TITLES, File, Wanted, Written

WAYBAR_FILE, WAYBAR_STYLE = "inferdeck-waybar.json", "inferdeck-waybar.css"
STARSHIP_FILE = "inferdeck-starship.toml"
_COLOURS = {"warning": "#e5a50a", "critical": "#e01b24"} | dict.fromkeys(("unknown", "old", "stale"), "#9a9996")
"""By class: the state, "old" where the daemon's figures are, "stale" where no daemon answered."""
STARSHIP_TIMEOUT_MS = 150
"""A prompt waits for it."""


def waybar(wanted: Wanted) -> Written:
    """Return a file of custom modules to include, and a style with a colour for each state."""
    modules = {
        f"custom/inferdeck-{name}": {
            "exec": wanted.widget(name, "waybar"),
            "return-type": "json",
            "interval": wanted.seconds,
            "format": "{}",
            "tooltip": True,
        }
        for name in wanted.line
    }
    names = ", ".join(f'"{name}"' for name in modules)
    rules = [f"/* {wanted.origin('waybar')} */"]
    for state, colour in _COLOURS.items():
        chosen = ", ".join(f"#{name.replace('/', '-')}.{state}" for name in modules)
        rules.append(f"{chosen} {{ color: {colour}; }}")
    then = (
        f'in waybar\'s config: "include": ["{{folder}}/{WAYBAR_FILE}"], and among its modules {names}',
        f'in its style.css: @import "{{folder}}/{WAYBAR_STYLE}";',
    )
    text = json.dumps(modules, indent=2) + "\n"
    return Written((File(WAYBAR_FILE, text), File(WAYBAR_STYLE, "\n".join(rules) + "\n")), then)


def conky(wanted: Wanted) -> Written:
    """Return a configuration of its own; texecpi runs commands in threads and reads conky's tags in their output."""
    lines = [
        f"-- {wanted.origin('conky')}",
        "conky.config = {",
        f"  update_interval = {wanted.seconds},",
        "  own_window = true, own_window_type = 'desktop', own_window_argb_visual = true,",
        "  alignment = 'top_right', gap_x = 20, gap_y = 40, minimum_width = 380,",
        "  use_xft = true, font = 'monospace:size=10', double_buffer = true,",
        "}",
        "conky.text = [[",
    ]
    for name in wanted.line:
        lines += [f"{TITLES[name]} ${{hr}}", f"${{texecpi {wanted.seconds} {wanted.widget(name, 'conky')}}}"]
    lines.append("]]")
    file = "inferdeck-conky.conf"
    return Written((File(file, "\n".join(lines) + "\n"),), (f"show it: conky -c {{folder}}/{file}",))


def starship(wanted: Wanted) -> Written:
    """Return the module for starship.toml."""
    text = f"# {wanted.origin('starship')}\n" + "".join(f"{line}\n" for line in starship_lines(wanted))
    return Written((File(STARSHIP_FILE, text),), ("append {folder}/" + STARSHIP_FILE + " to ~/.config/starship.toml",))


def starship_lines(wanted: Wanted) -> tuple[str, ...]:
    """Return one custom command: a prompt has room for one."""
    command = wanted.widget(wanted.line[0], "starship", "--timeout", str(STARSHIP_TIMEOUT_MS))
    return (
        "[custom.inferdeck]",
        'description = "The state of the LLM stack"',
        f"command = {json.dumps(command)}",
        "when = true",
        'shell = ["sh"]',
        'style = "bold"',
        'format = "[$output]($style) "',
    )


def swiftbar(wanted: Wanted) -> Written:
    """Return a plug-in per widget, for SwiftBar, xbar and Argos."""
    files = []
    for name in wanted.line:
        script = (
            "#!/bin/sh\n"
            f"# {wanted.origin('swiftbar')}\n"
            f"# <xbar.title>inferdeck {name}</xbar.title>\n"
            "# <xbar.desc>The state of an LLM serving stack</xbar.desc>\n"
            "# <swiftbar.hideAbout>true</swiftbar.hideAbout>\n"
            "# <swiftbar.hideDisablePlugin>true</swiftbar.hideDisablePlugin>\n"
            f"exec {wanted.widget(name, 'xbar')}\n"
        )
        files.append(File(f"inferdeck-{name}.{wanted.seconds}s.sh", script, program=True))
    return Written(tuple(files), ("put them into the plug-in folder of SwiftBar or xbar, or ~/.config/argos",))
