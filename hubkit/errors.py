"""The errors hubkit raises on purpose, and the exit codes of its commands.

    HubkitError            what was found, where, what was expected; the command that helps
    ├── UsageError         2: the command cannot mean anything (no such folder, a bad option)
    ├── NothingFound       3: there is nothing to check here
    ├── OutputError        4: stdout is full or closed (141: its reader has gone)
    └── IncompleteError    4: something could not be read (network, rate limit, a damaged file)

An OSError that reaches the top is the machine's (a full disk, a folder that may not be written): 4. Any other exception there is a defect of
hubkit: 70.
"""

from __future__ import annotations

from enum import IntEnum

INSTALL_TRAIN = 'pip install "sae-hubkit[train]"'
"""What a command that needs torch says when it is not there. The distribution is not called as the package is: `hubkit` on PyPI is another's."""
INSTALL_QUANT = 'pip install "sae-hubkit[quant]"'
"""The same for quantized weights: bitsandbytes and gguf."""


class ExitCode(IntEnum):
    """The contract of every command. When several hold: USAGE, then CRASHED, then INCOMPLETE, then FINDINGS, then NOTHING_FOUND."""

    CLEAN = 0
    FINDINGS = 1
    USAGE = 2
    NOTHING_FOUND = 3
    INCOMPLETE = 4
    CRASHED = 70
    """The program itself failed (EX_SOFTWARE of sysexits.h). A rule that crashes is INCOMPLETE: the others were asked."""
    INTERRUPTED = 130
    NO_READER = 141
    """Whoever reads stdout has gone (`| head`): 128 + SIGPIPE, as every filter ends."""


class HubkitError(Exception):
    """An expected failure: `message` says what was found, where and what was expected; `hint` what to type next."""

    exit_code: ExitCode = ExitCode.FINDINGS

    def __init__(self, message: str, hint: str | None = None, exit_code: ExitCode | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if exit_code is not None:
            self.exit_code = exit_code


class UsageError(HubkitError):
    """The command cannot be carried out as it was given."""

    exit_code = ExitCode.USAGE


class NothingFound(HubkitError):  # noqa: N818 - the name of the exit code in the contract
    """There is nothing here that hubkit could check."""

    exit_code = ExitCode.NOTHING_FOUND


class OutputError(HubkitError):
    """stdout cannot be written; `gone` where whoever read it has gone."""

    exit_code = ExitCode.INCOMPLETE

    def __init__(self, message: str, hint: str | None = None, *, gone: bool = False) -> None:
        super().__init__(message, hint, ExitCode.NO_READER if gone else None)
        self.gone = gone


class IncompleteError(HubkitError):
    """Something that was needed could not be read."""

    exit_code = ExitCode.INCOMPLETE
