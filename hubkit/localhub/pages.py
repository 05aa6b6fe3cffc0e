"""The two pages for people: all repositories, and one. Everything that comes out of a repository is shown as text."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from markdown_it import MarkdownIt

from hubkit.localhub.frontmatter import card_data, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from markdown_it.token import Token

    from hubkit.localhub.entries import Commit, Entry, Repo

CHIPS = ("pipeline_tag", "library_name", "license", "base_model", "datasets", "language", "tags")
LONGEST_CHIP = 80
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "img-src 'self' data: http://127.0.0.1:* http://localhost:*",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def repos_page(rows: Iterable[tuple[Repo, Commit, int, int]]) -> str:
    """The list of repositories: each with its head commit, number of files and bytes."""
    items = "".join(_repo_row(*row) for row in rows)
    table = (
        f'<div class="wide"><table><thead><tr><th>Repository</th><th class="n">Files</th><th class="n">Size</th>'
        f"<th>Last commit</th></tr></thead><tbody>{items}</tbody></table></div>"
    )
    empty = '<p class="quiet">Nothing here yet. A client with this address as HF_ENDPOINT can create a repository.</p>'
    return _page("Local Hub", f"<h1>Local Hub</h1>{table if items else empty}")


def _repo_row(repo: Repo, head: Commit, files: int, size: int) -> str:
    lock = ' <span class="chip">private</span>' if repo.private else ""
    return (
        f'<tr><td><a href="/{escape(str(repo.id))}">{escape(str(repo.id))}</a>{lock}</td><td class="n">{files}</td>'
        f'<td class="n">{human(size)}</td><td>{escape(head.title)} <span class="quiet">{_day(head)}</span></td></tr>'
    )


def repo_page(repo: Repo, head: Commit, files: Mapping[str, Entry], readme: str | None) -> str:
    """One repository: its metadata as chips, its README, its files, its head commit."""
    base = f"/{repo.id}/resolve/{head.id}/"
    body = _markdown(readme, base) if readme is not None else '<p class="quiet">No README.md.</p>'
    chips = "".join(
        f'<span class="chip"><b>{escape(key)}</b> {escape(text)}</span>' for key, text in _chips(readme or "")
    )
    rows = "".join(_file_row(path, entry, base) for path, entry in sorted(files.items()))
    total = human(sum(entry.size for entry in files.values()))
    return _page(
        str(repo.id),
        f'<p><a href="/">Local Hub</a></p><h1>{escape(str(repo.id))}</h1><p class="chips">{chips}</p>'
        f'<p class="quiet">{escape(head.title)} · <code>{head.id[:12]}</code> · {_day(head)} · {escape(head.author)}</p>'
        f'<div class="columns"><article>{body}</article>'
        f'<section><h2>Files <span class="quiet">{len(files)}, {total}</span></h2><div class="wide"><table><tbody>{rows}'
        "</tbody></table></div></section></div>",
    )


def _file_row(path: str, entry: Entry, base: str) -> str:
    lfs = ' <span class="chip">LFS</span>' if entry.sha256 else ""
    link = escape(base + quote(path))
    return f'<tr><td><a href="{link}">{escape(path)}</a>{lfs}</td><td class="n">{human(entry.size)}</td></tr>'


def _chips(readme: str) -> list[tuple[str, str]]:
    data = card_data(readme)
    chips = []
    for key in CHIPS:
        value = data.get(key)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str | int | float):
                text = str(one)
                chips.append((key, text if len(text) <= LONGEST_CHIP else text[:LONGEST_CHIP] + "…"))
    return chips


def _markdown(readme: str, base: str) -> str:
    _, text = split(readme)
    parser = _parser()
    tokens = parser.parse(text)
    for token in tokens:
        for inner in token.children or []:
            _point_into(inner, base)
    rendered: Any = parser.renderer.render(tokens, parser.options, {})
    return str(rendered)


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    # html off: a tag in a README is shown, not made; the parser refuses javascript:, file: and most data: links itself
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def _point_into(token: Token, base: str) -> None:
    """Make relative links and images those of the commit shown."""
    name = {"image": "src", "link_open": "href"}.get(token.type)
    if name is None:
        return
    target = str(token.attrs.get(name, ""))
    try:
        parsed = urlsplit(target)
    except ValueError:
        token.attrs[name] = ""
        return
    if parsed.scheme or parsed.netloc:
        token.attrs["rel"] = "noopener noreferrer nofollow"
    elif parsed.path and not parsed.path.startswith("/"):
        token.attrs[name] = base + target.removeprefix("./")


def human(size: int) -> str:
    """Bytes as people read them, decimal: `12.3 MB`."""
    if size < 1000:
        return f"{size} B"
    value = float(size)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.5:
            return f"{value:.3g} {unit}"
    return f"{value / 1000:.3g} TB"


def _day(commit: Commit) -> str:
    return escape(commit.date[:16].replace("T", " ") + " UTC")


@lru_cache(maxsize=1)
def _style() -> str:
    return Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{_style()}</style></head><body><main>{body}</main></body></html>"
    )
