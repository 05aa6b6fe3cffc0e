"""The census: `python -m pages.census targets` names what is audited, `python -m pages.census table AUDIT.json` writes docs/census.json and docs/census.md.

Repositories are counted and not named: what is found in one is for its author first (`hubkit fix OWNER/NAME --pr`). Named is what is public: defects of SAELens that its own
threads describe, and the entries of its registry that docs/upstream.md describes.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hubkit import __version__
from hubkit.release.writing import write_json, write_text
from hubkit.validate.catalogue import all_rules
from hubkit.validate.rules.errata import ERRATA
from hubkit.words import many

ROOT = Path(__file__).resolve().parents[1]
HUB = "hub"
"""An audit of the Hub itself."""
CORPUS = "corpus"
"""A trial on a Hub on this machine: configurations and cards of public repositories, without their weights."""
SEVERITIES = ("error", "warning", "note")
THREAD = "https://github.com/decoderesearch/SAELens/issues/"


def registry() -> list[str]:
    """The repositories that the installed SAELens's registry names, each once. Its file is read, SAELens is not imported."""
    import yaml

    found = importlib.util.find_spec("sae_lens")
    if found is None or found.origin is None:
        raise SystemExit("sae-lens is not installed: pip install --no-deps sae-lens")
    text = (Path(found.origin).parent / "pretrained_saes.yaml").read_text(encoding="utf-8")
    entries = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return sorted({entry["repo_id"] for entry in entries.values()})


def counted(rows: Iterable[dict[str, Any]], source: str, day: str) -> dict[str, Any]:
    """What an audit's rows (`hubkit audit --format json --reports`) come to; no repository is named in it."""
    by_rule: dict[tuple[str, str], Counter[str]] = {}
    families: dict[str, Counter[str]] = {}
    errata: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    for row in rows:
        report = row.get("report") or {"saes": [], "findings": []}
        sums.update(repositories=1, with_saes=bool(report["saes"]), saes=len(report["saes"]))
        sums.update(unread=not row["complete"], with_errors=row["error"] > 0)
        sums.update({name: row[name] for name in SEVERITIES})
        wrong = {one["sae_id"] for one in report["findings"] if one["severity"] == "error"}
        findings = Counter((one["severity"], one["code"]) for one in report["findings"])
        for rule, count in findings.items():
            by_rule.setdefault(rule, Counter()).update(repositories=1, findings=count)
        for family in {sae["format"] for sae in report["saes"]}:
            families.setdefault(family, Counter()).update(repositories=1)
        for sae in report["saes"]:
            families[sae["format"]].update(saes=1, with_errors=sae["sae_id"] in wrong)
        for one in report["findings"]:
            if one["code"] == "CFG018":
                errata.update(
                    known.key for known in ERRATA if f"{known.until}: {known.defect} (" in one["message"]
                )
    return {
        "schema_version": "1",
        "source": source,
        "day": day,
        "hubkit": __version__,
        "totals": dict(sums),
        "rules": [
            {"code": code, "severity": severity, **by_rule[severity, code]}
            for severity, code in sorted(by_rule, key=lambda rule: (SEVERITIES.index(rule[0]), rule[1]))
        ],
        "families": [{"family": name, **families[name]} for name in sorted(families)],
        "errata": [{"key": one.key, "saes": errata[one.key]} for one in ERRATA if errata[one.key]],
    }


def page(census: dict[str, Any]) -> str:
    """docs/census.md."""
    sums = census["totals"]
    titles = {rule.code: rule.title for rule in all_rules()}
    lines = ["# Census", "", INTRODUCTION, "", "## What was audited", ""]
    lines += [WHAT[census["source"]].format(**census), ""]
    found = ", ".join(many(sums[name], name) for name in SEVERITIES)
    lines += [
        f"{sums['repositories']:,} repositories, {sums['with_saes']:,} of them with SAEs, {many(sums['saes'], 'SAE')}: {found}.",
        f"{sums['with_errors']:,} have an error; {sums['unread']:,} could not be read, or not whole, and are counted as far as they were.",
        "",
        "## By rule",
        "",
        "A finding counts once for each place. How often each rule fires on the public corpus, and which rules stayed silent, is in the [rules](rules.md).",
        "",
    ]
    lines += ["| rule | severity | what is wrong | repositories | findings |", "|---|---|---|---:|---:|"]
    lines += [
        f"| {one['code']} | {one['severity']} | {titles.get(one['code'], '').replace('|', '&#124;')} | {one['repositories']:,} | {one['findings']:,} |"
        for one in census["rules"]
    ]
    lines += ["", "## By family", "", "Who wrote the folder, as [formats](formats.md) tells them apart.", ""]
    lines += ["| family | repositories | SAEs | with an error |", "|---|---:|---:|---:|"]
    lines += [
        f"| {one['family']} | {one['repositories']:,} | {one['saes']:,} | {one['with_errors']:,} |"
        for one in census["families"]
    ]
    lines += ["", "## Trophy case", "", TROPHIES, ""]
    lines += ["| defect of SAELens | repaired in | told in | SAEs in its window |", "|---|---|---|---:|"]
    known = {one["key"]: one["saes"] for one in census["errata"]}
    lines += [
        f"| {one.defect} | {one.until} | {', '.join(f'[#{number}]({THREAD}{number})' for number in one.threads)} | {known[one.key]:,} |"
        for one in ERRATA
        if one.key in known
    ]
    return "\n".join([*lines, "", MADE, ""])


INTRODUCTION = """\
What `hubkit audit` says of the SAEs that people load: the repositories that SAELens's registry names, and those on the Hub with the tag `saelens`. Repositories are counted and not named here.
What is found in one goes to its author, as a pull request that can be checked (`hubkit fix OWNER/NAME --pr`)."""
WHAT = {
    HUB: "On {day}, with hubkit {hubkit}: the registry of SAELens and the tag `saelens`, on the Hub.",
    CORPUS: """\
**A census of the Hub has not been run yet.** The workflow below is there and has not run; the figures of this page are a trial of it. On {day}, with hubkit {hubkit}, a Hub on this machine was filled with what the
project's corpus has of public repositories: the configurations of some, *without their weights*, and the cards of others, as they were seen, most cut at about 2,000 characters. So the
rules that look at weights and evaluations, at a repository as a whole, or for a card were not asked (`--ignore WTS,THR,REL,EVL,CARD001,CFG001,CFG022`), and a repository has here the few files that the corpus has of it.
The figures say that the census works, and what rules find in real configurations and cards; they are no estimate for the Hub.""",
}
TROPHIES = """\
Findings that are public already, so that they can be named.

- **Three entries of SAELens's registry** are not what they say: `gpt2-small-res_scefr-ajt` (an SAE that holds a second release), `gemma-scope-9b-pt-res` (the dashboard of another layer), and
  `gemma-scope-9b-pt-res-canonical` (an L0 of another path). The text for a pull request and its test are in [upstream](upstream.md#three-entries-of-saelenss-registry).
- **Defects of SAELens whose window an SAE was trained in** (CFG018): from SAELens's changelog and the threads named; hubkit has not re-run them. That an SAE is in the window says that it may be touched, not
  that it is."""
MADE = """\
## How it is made

`.github/workflows/census.yml` runs once a week, and by hand. It may read this repository and nothing else: it opens no pull request and needs no token.

1. `python -m pages.census targets` lists the repositories of the registry of the SAELens that constraints.txt names (89 repositories and 13,857 SAEs in 6.54.12), from its file.
2. `hubkit audit --from targets.txt --filter tag=saelens --store census.sqlite` reads them by ranges: a few requests and some kilobytes an SAE. The Hub counts requests
   in windows of five minutes; `audit` goes by the headers that it sends, and waits for the next window. The store is kept from week to week, so that only what changed is read, and a run that was cut off goes on.
3. `python -m pages.census table` makes this page and `census.json` of it. Both are the workflow's artifact; a person reads them, and commits them.

What it does not say: whether an SAE is any good. A repository without a finding is one in which nothing contradicts itself."""


def main(arguments: list[str]) -> None:
    """As the module says."""
    parser = argparse.ArgumentParser(prog="python -m pages.census", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("targets", help="the registry's repositories, one a line")
    table = verbs.add_parser("table", help="census.json and census.md from an audit")
    table.add_argument("audit", type=Path, help="hubkit audit --format json --reports --output FILE")
    table.add_argument("--source", choices=list(WHAT), default=HUB)
    table.add_argument("--folder", type=Path, default=ROOT / "docs")
    given = parser.parse_args(arguments)
    if given.verb == "targets":
        sys.stdout.write("".join(f"{one}\n" for one in registry()))
        return
    rows = json.loads(given.audit.read_text(encoding="utf-8"))
    census = counted(rows, given.source, datetime.now(UTC).date().isoformat())
    write_json(given.folder / "census.json", census)
    write_text(given.folder / "census.md", page(census))


if __name__ == "__main__":
    main(sys.argv[1:])
