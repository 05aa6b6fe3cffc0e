"""Takes the pictures of a terminal in docs/pictures/: `python -m pages.pictures`. Each is what a real command printed; a test holds that it still is.

The seconds of a run are set to one number, since they are another each time. No font is fetched: a terminal's own is named, and each run of letters says how wide it is.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "pictures"
COLUMNS = 118
TAKEN = {
    "validate": ("hubkit validate examples/broken",),
    "explain": ("hubkit explain THR001",),
    "fix": ("hubkit fix examples/broken --diff --unsafe-fixes",),
}
"""Commands by the name of the picture."""
THEME = TerminalTheme(
    (30, 33, 41), (230, 232, 238),
    [(30, 33, 41), (255, 123, 114), (126, 211, 133), (240, 190, 90), (122, 170, 255), (210, 150, 255), (100, 210, 220), (230, 232, 238)],
    [(150, 155, 168), (255, 150, 140), (150, 230, 160), (255, 210, 120), (150, 190, 255), (225, 180, 255), (130, 230, 240), (255, 255, 255)],
)  # fmt: skip
FRAME = """<svg viewBox="-12 -4 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<style>.m{{font-family:ui-monospace,"Cascadia Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:{char_height}px;line-height:{line_height}px;font-variant-east-asian:full-width}}
{styles}</style>
<rect fill="#1e2129" x="-12" y="-4" width="{width}" height="{height}" rx="8"/>
<defs>{lines}</defs>
<g transform="translate({terminal_x},{terminal_y})">{backgrounds}<g class="m">{matrix}</g></g>
</svg>
"""
"""What rich fills in; its own frame fetches a font."""


def taken(name: str) -> str:
    """The picture as SVG."""
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), color_system="truecolor", force_terminal=True
    )
    for command in TAKEN[name]:
        console.print(Text.assemble(("$ ", "bright_black"), command))
        console.print(Text.from_ansi(_printed(command)), soft_wrap=True)
    made = console.export_svg(title=name, theme=THEME, unique_id=f"t-{name}", code_format=FRAME)
    return "\n".join(line.rstrip() for line in made.splitlines()) + "\n"


def _printed(command: str) -> str:
    """What it writes to stdout, in colour, as the tree's own hubkit has it."""
    words = command.split()[1:]
    surroundings = {
        **{key: value for key, value in os.environ.items() if key != "NO_COLOR"},
        "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS), "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "hubkit", *words],
        cwd=ROOT,
        env=surroundings,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode not in {0, 1}:
        raise RuntimeError(f"`{command}` ended with {done.returncode}: {done.stderr}")
    return re.sub(
        r"\d+\.\d+ s\b",
        "0.2 s",
        done.stdout.rstrip().replace("\\", "/") if os.name == "nt" else done.stdout.rstrip(),
    )


if __name__ == "__main__":
    for each in TAKEN:
        (FOLDER / f"{each}.svg").write_text(taken(each), encoding="utf-8", newline="\n")
