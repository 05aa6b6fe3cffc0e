"""Fixes of README.md. Only the lines that are meant change; comments, order and line ends stay."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hubkit.fix.content import Text
from hubkit.fix.registry import Change, Refusal, repo_fix
from hubkit.readme.document import parse_readme
from hubkit.readme.mojibake import repair_all
from hubkit.release.layout import README
from hubkit.validate.facts import RepoFacts
from hubkit.validate.rules.card import one_base_model


@repo_fix("CARD003", "safe")
def library_and_base_model(repo: RepoFacts) -> Change | None:
    """`library_name: saelens`, and `base_model` where all configurations name one model whose id on the Hub is known.

    By the table of names: `gpt2-small` and `gpt2` are openai-community/gpt2. A name that is in no table, or a path, is not guessed from, and an
    existing base_model is never changed.
    """
    text = card_text(repo)
    if text is None or repo.card is None or not any(sae.is_saelens for sae in repo.saes):
        return None
    card = parse_readme(text)
    if card.fault:
        raise Refusal(card.fault)
    front = dict(card.front_matter or {})
    wanted: dict[str, str] = {}
    if front.get("library_name") != "saelens" and all(sae.is_saelens for sae in repo.saes):
        wanted["library_name"] = "saelens"
    if not front.get("base_model") and (model := one_base_model(repo)):
        wanted["base_model"] = model
    if not wanted:
        return None
    after = with_keys(text, wanted)
    again = parse_readme(after)
    if again.fault or dict(again.front_matter or {}) != front | wanted or not _same_body(text, after):
        raise Refusal("the front matter is laid out so that a single line cannot be changed safely")
    return Change({README: Text(after.encode("utf-8"))})


@repo_fix("CARD012", "safe")
def mojibake(repo: RepoFacts) -> Change | None:
    """Text that was decoded with the wrong code page, where only one reading is possible."""
    text = card_text(repo)
    after = repair_all(text) if text is not None else None
    return Change({README: Text(after.encode("utf-8"))}) if after is not None and after != text else None


def card_text(repo: RepoFacts) -> str | None:
    """The card as it is on disk, line ends and byte order mark included. Raises Refusal where it is not UTF-8."""
    if repo.view.entry(README) is None:
        return None
    try:
        return repo.view.read(README).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(f"not UTF-8: byte {error.start}") from error


def with_keys(text: str, wanted: Mapping[str, str]) -> str:
    """`text` with these top-level keys in its front matter: a line that is there gets the new value and keeps its comment, others come last."""
    end = "\r\n" if "\r\n" in text else "\n"
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    lines = text.removeprefix("\ufeff").split(end)
    if lines[0].rstrip() != "---":
        head = ["---", *(f"{key}: {value}" for key, value in wanted.items()), "---"]
        return mark + end.join([*head, *([""] if lines[0] else []), *lines])
    close = next(index for index, line in enumerate(lines[1:], 1) if line.rstrip() == "---")
    for key, value in wanted.items():
        at = next((i for i in range(1, close) if re.match(rf"{key}[ \t]*:", lines[i])), None)
        if at is None:
            lines.insert(close, f"{key}: {value}")
            close += 1
        else:
            comment = re.search(r"[ \t]+#.*$", lines[at])
            lines[at] = f"{key}: {value}" + (comment.group() if comment else "")
    return mark + end.join(lines)


def _same_body(before: str, after: str) -> bool:
    """Whether nothing but the front matter differs, and the empty line after one that was not there."""

    def body(text: str) -> str:
        card = parse_readme(text)
        lines = card.text.split("\n")
        return "\n".join(lines[card.body_line - 1 :]).removeprefix("\n")

    return body(before) == body(after)
