"""A card taken apart as its readers see it."""

from __future__ import annotations

import re


def section(text: str, title: str) -> str:
    """What stands under a title, whether it is open or opens on a click; empty where there is no such section."""
    found = re.search(
        rf"^(?:## {re.escape(title)}|<summary><b>{re.escape(title)}</b></summary>)\n(.*?)(?=^## |^<details>\n<summary><b>|\Z)",
        text,
        re.MULTILINE | re.DOTALL,
    )
    return found.group(1).removesuffix("</details>\n\n") if found else ""


def visible(text: str) -> list[str]:
    """The lines that are seen before anything is opened, without the front matter and blank ones."""
    depth, shown = 0, []
    for line in text.split("\n---\n", 1)[1].split("\n"):
        depth += line.startswith("<details>")
        title = line.startswith("<summary>") and depth == 1
        if line.strip() and (depth == 0 or title):
            shown.append(line)
        depth -= line.startswith("</details>")
    return [line for line in shown if line != "</details>"]
