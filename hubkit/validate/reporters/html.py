"""For a person with a browser: one self-contained page in which findings and SAEs are sorted, filtered and opened. `page.py` has the shell, `page_data.py` what it shows."""

from __future__ import annotations

from hubkit.validate.report import Report
from hubkit.validate.reporters import page_data
from hubkit.validate.reporters.page import block, document
from hubkit.validate.reporters.page import text as escaped
from hubkit.validate.reporters.text import render as as_text
from hubkit.validate.reporters.text import without_markup


def render(report: Report, *, notes: bool = False) -> str:
    """The whole page. All notes are in it; `notes` says whether they show at first."""
    data = page_data.of_report(report)
    docs = page_data.of_rules(finding.code for finding in report.findings)
    blocks = [block("page", {"notes": notes}), block("rules", docs), block("report", data)]
    plain = without_markup(as_text(report, notes=notes))
    return "".join(
        document(f"{report.target}: {data['counted']}", data["state"], head(data, report), [plain], blocks)
    )


def head(data: dict[str, object], report: Report) -> str:
    """What stands first, with the script and without it: the target, the verdict, whether it is one."""
    at = f"commit {escaped(report.revision)}" if report.revision else ""
    of = escaped(str(data["kinds"]))
    saes = f"{len(report.saes):,} SAE{'' if len(report.saes) == 1 else 's'}{': ' if of else ''}{of}"
    said = f'<p class="said">{escaped(str(data["said"]))}</p>' if data["said"] else ""
    short = f"<p>{escaped(report.shortfall)}.</p>" if report.shortfall else ""
    return (
        f'<h1>{escaped(report.target)}</h1>\n<p class="quiet">{" · ".join(filter(None, (at, saes)))}</p>\n'
        f'<div class="verdict {data["state"]}"><p class="counted">{escaped(str(data["counted"]))}</p>{said}{short}</div>'
    )
