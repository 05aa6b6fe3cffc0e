"""The pages for people: all repositories, one, and one of its pull requests. Everything that comes out of a repository is shown as text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hubkit.localhub.card_html import card_html
from hubkit.localhub.frontmatter import card_data, check
from hubkit.texts import printable, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hubkit.localhub.discussions import Discussion
    from hubkit.localhub.entries import Commit, Entry, Repo

CHIPS = ("pipeline_tag", "library_name", "license", "base_model", "datasets", "language", "tags")
NAMES = {
    "pipeline_tag": "task",
    "library_name": "library",
    "base_model": "base model",
    "datasets": "data set",
}
LONGEST_CHIP = 80
MOST_CHIPS = 60
MOST_RESULTS = 200
PAGE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-DNS-Prefetch-Control": "off",
}


def page_policy(*images: str, scripts: str = "'none'", connections: str = "'none'") -> str:
    """Nothing runs and nothing is fetched, from this machine neither, but pictures from the addresses `images` and what is in the page itself."""
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; script-src {scripts}; "
        f"connect-src {connections}; img-src {' '.join(['data:', *images])}"
    )


def page_headers(*images: str) -> dict[str, str]:
    """Of a page without scripts; `images` as for `page_policy`."""
    return {**PAGE_HEADERS, "Content-Security-Policy": page_policy(*images)}


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


@dataclass(frozen=True)
class FileRow:
    """One line of the list of files."""

    path: str
    size: int
    """Bytes."""
    lfs: bool = False


@dataclass(frozen=True)
class CardPage:
    """What the page of a repository shows."""

    name: str
    """OWNER/REPO."""
    base: str
    """The address below which its files are."""
    files: Sequence[FileRow]
    readme: str | None
    about: Sequence[str] = ()
    """What is said under the name."""
    crumb: str = '<a href="/">Local Hub</a>'
    """HTML over the name."""
    head: str = ""
    """HTML for the end of the head."""

    def place(self, path: str) -> str:
        """Where a file of the repository is."""
        return self.base + path

    def html(self) -> str:
        """The whole page."""
        body = card_html(self.readme, self.place) if self.readme is not None else _quiet("No README.md.")
        total = human(sum(file.size for file in self.files))
        about = " · ".join(escape(one) for one in self.about)
        return _page(
            self.name,
            f'<p class="crumb">{self.crumb}</p><h1 class="name">{escape(self.name)}</h1>{_chips(self.readme or "")}{_quiet(about, escaped=True)}'
            f'{_verdict(self.readme)}<div class="columns"><article>{body}</article>'
            f'<section>{_results(self.readme or "")}<h2>Files <span class="quiet">{len(self.files)}, {total}</span></h2>'
            f'<div class="wide"><table class="files"><tbody>{"".join(map(self._row, self.files))}</tbody></table></div></section></div>',
            self.head,
        )

    def _row(self, file: FileRow) -> str:
        lfs = ' <span class="chip">LFS</span>' if file.lfs else ""
        link = escape(self.base + quote(file.path, errors="surrogateescape"))  # a name may be no UTF-8
        return f'<tr><td><a href="{link}">{escape(printable(file.path))}</a>{lfs}</td><td class="n">{human(file.size)}</td></tr>'


def repo_page(repo: Repo, head: Commit, files: Mapping[str, Entry], readme: str | None) -> str:
    """One repository: its metadata as chips, its README, its files, its head commit."""
    rows = [FileRow(path, entry.size, entry.sha256 is not None) for path, entry in sorted(files.items())]
    about = (head.title, head.id[:12], _day(head), head.author)
    return CardPage(str(repo.id), f"/{repo.id}/resolve/{head.id}/", rows, readme, about).html()


def discussion_page(repo: Repo, one: Discussion, diff: str) -> str:
    """A discussion or a pull request: what was said, and what it changes; its card is a link away."""
    said = "".join(
        f"{_quiet(f'{happened.author} · {happened.created[:16]}')}<article>{card_html(happened.data['latest']['raw'], lambda path: f'/{repo.id}/resolve/main/{path}')}</article>"
        for happened in one.events
        if happened.type == "comment"
    )
    name, link = escape(str(repo.id)), f"/{escape(str(repo.id))}"
    changes = (
        f'<h2>Changes</h2><p><a href="{link}/tree/{quote(one.ref, safe="")}">The repository as it would be</a></p><pre>{escape(visible(diff), quote=False)}</pre>'
        if one.start is not None
        else ""
    )
    return _page(
        f"{one.title} · {repo.id}",
        f'<p class="crumb"><a href="/">Local Hub</a> / <a href="{link}">{name}</a></p><h1>{escape(one.title)} <span class="quiet">#{one.num}, {one.status}</span></h1>{said}{changes}',
    )


def _quiet(text: str, *, escaped: bool = False) -> str:
    return f'<p class="quiet">{text if escaped else escape(text)}</p>' if text else ""


def _verdict(readme: str | None) -> str:
    """What the Hub would say of the front matter, where it would say something."""
    verdict = check(readme or "")
    notes = [
        ("error", "The Hub would refuse this card", verdict.errors),
        ("warning", "The Hub would warn", verdict.warnings),
    ]
    return "".join(
        f'<div class="note {kind}"><b>{title}</b><ul>{"".join(f"<li>{escape(one)}</li>" for one in said[:20])}</ul></div>'
        for kind, title, said in notes
        if said and readme is not None
    )


def _chips(readme: str) -> str:
    data = card_data(readme)
    chips: list[str] = []
    for key in CHIPS:
        value = data.get(key)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str | int | float) and len(chips) < MOST_CHIPS:
                text = str(one) if len(str(one)) <= LONGEST_CHIP else str(one)[:LONGEST_CHIP] + "…"
                label = "" if key == "tags" else f"<b>{escape(NAMES.get(key, key))}</b> "
                chips.append(f'<span class="chip {key}">{label}{escape(text)}</span>')
    return f'<p class="chips">{"".join(chips)}</p>' if chips else ""


def _results(readme: str) -> str:
    """The model-index, as the Hub shows it beside the card."""
    rows = []
    for model in _listed(card_data(readme).get("model-index")):
        for result in _listed(model.get("results")):
            task, dataset = _mapping(result.get("task")), _mapping(result.get("dataset"))
            where = dataset.get("name") or task.get("name") or task.get("type") or ""
            for metric in _listed(result.get("metrics")):
                value = metric.get("value")
                shown = f"{value:.4g}" if isinstance(value, float) else str(value)[:LONGEST_CHIP]
                name = str(metric.get("name") or metric.get("type"))
                rows.append(
                    f'<tr><td>{escape(name)}<br><span class="quiet">{escape(str(where))}</span></td><td class="n">{escape(shown)}</td></tr>'
                )
    table = f'<div class="wide"><table><tbody>{"".join(rows[:MOST_RESULTS])}</tbody></table></div>'
    return f"<h2>Evaluation results</h2>{table}" if rows else ""


def _listed(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


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


def _page(title: str, body: str, head: str = "") -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{_style()}</style>{head}</head><body><main>{body}</main></body></html>"
    )
