"""What mkdocs.yml calls while the site is built: pages that are made of the catalogues, so that nothing is committed twice.

`docs/rules.md` is the rules' contract on one page; on the site its list stays, and each rule has a page of its own.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from hubkit.validate.areas import AREAS, area_of  # noqa: E402 - the tree that is built is the one that is documented
from hubkit.validate.catalogue import all_rules  # noqa: E402
from pages import measure_page, rule_pages  # noqa: E402

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

RULES = "rules.md"
MEASURES = "measures.md"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """A rule's page stands in the navigation below its area."""
    areas = {area: [rule.code for rule in all_rules() if area_of(rule.code) == area] for area in AREAS}
    for section in config.nav or []:
        if RULES in section.get("Rules", []):
            section["Rules"] += [
                {area: [{code: f"rules/{code}.md"} for code in codes]} for area, codes in areas.items()
            ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are made."""
    from mkdocs.structure.files import File

    made = {MEASURES: measure_page.as_markdown()}
    made |= {f"rules/{code}.md": text for code, text in rule_pages.made(ROOT).items()}
    for path, text in made.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - as mkdocs calls it
    """The rules' one long page is a list here, and leads to their pages."""
    return rule_pages.listed(markdown) if page.file.src_uri == RULES else markdown
