"""For pre-commit, which passes the names of changed files: `python -I -m hubkit.validate.pre_commit [OPTIONS] FILES...`.

Validates each release that one of the files belongs to, as `hubkit validate -` does with a list on stdin. Files of no release are no fault.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hubkit.errors import ExitCode, HubkitError, NothingFound
from hubkit.validate.finding import Severity
from hubkit.validate.reporters import text
from hubkit.validate.request import STDIN, Request, answer


def main(arguments: Sequence[str]) -> int:
    """Validate; the exit code, with 0 where no file belongs to a release."""
    options = _parser().parse_args(arguments)
    request = Request(
        STDIN,
        select=_codes(options.select),
        ignore=_codes(options.ignore),
        deep=options.deep,
        base_model=options.base_model,
        fail_on=Severity[options.fail_on.upper()] if options.fail_on else None,
        notes=options.notes,
        baseline=options.baseline,
        config=options.config,
    )
    try:
        found = answer(request, options.files)
    except NothingFound:
        return int(ExitCode.CLEAN)
    except HubkitError as error:
        hint = f"\nTry: {error.hint}" if error.hint else ""
        _say(f"hubkit: {error.message}{hint}\n")
        return int(error.exit_code)
    code = found.report.exit_code(found.fail_on)
    if code is not ExitCode.CLEAN:
        _say(text.without_markup(text.render(found.report, notes=found.notes)))
    return int(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hubkit-validate", description="Validate the releases that FILES belong to."
    )
    parser.add_argument("files", nargs="*", metavar="FILES")
    for name in ("--select", "--ignore"):
        parser.add_argument(name, default="", metavar="CODES")
    for name in ("--deep", "--notes"):
        parser.add_argument(name, action="store_true")
    parser.add_argument("--fail-on", choices=("error", "warning", "note"))
    parser.add_argument("--base-model", metavar="auto|ID|FOLDER")
    for name in ("--baseline", "--config"):
        parser.add_argument(name, type=Path, metavar="FILE")
    return parser


def _codes(text_: str) -> tuple[str, ...]:
    return tuple(code.strip().upper() for code in text_.split(",") if code.strip())


def _say(line: str) -> None:
    sys.stdout.buffer.write(line.encode("utf-8", "backslashreplace"))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
