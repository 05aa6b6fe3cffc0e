"""How the client is set while hubkit pushes: its log lines name signed links, so they are told in hubkit's words instead."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from hubkit.engine.events import Event, Progress, silent

LOGGERS = ("huggingface_hub.utils._http", "huggingface_hub.hf_api", "huggingface_hub.lfs")
PAUSE = re.compile(r"(?:Waiting|Retrying in) ([\d.]+)s")


class _Told(logging.Filter):
    """Lets no line of the client through; a pause becomes an event. A signed link in a log is as good as a token for as long as it lives."""

    def __init__(self, report: Progress) -> None:
        super().__init__()
        self._report = report

    def filter(self, record: logging.LogRecord) -> bool:
        pause = PAUSE.search(record.getMessage())
        if pause and float(pause[1]) >= 2:
            self._report(
                Event("waiting", 0, round(float(pause[1])), f"the Hub is asked again in {pause[1]} s")
            )
        return record.levelno >= logging.ERROR


@contextmanager
def upload_mode(endpoint: str, report: Progress = silent) -> Iterator[None]:
    """Plain LFS and no telemetry towards a Hub that speaks plain HTTP: a local one, which has no Xet; else as the client is set. No bars of the
    client's, and no links in its log.

    The client reads these constants when it uploads, and takes Xet wherever hf_xet can be imported, without asking the Hub.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    names = ("HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_TELEMETRY") if endpoint.startswith("http://") else ()
    before = {name: getattr(constants, name) for name in names}
    bars = not are_progress_bars_disabled()
    told = _Told(report)
    disable_progress_bars()
    for name in names:
        setattr(constants, name, True)
    for logger in LOGGERS:
        logging.getLogger(logger).addFilter(told)
    try:
        yield
    finally:
        for logger in LOGGERS:
            logging.getLogger(logger).removeFilter(told)
        for name, value in before.items():
            setattr(constants, name, value)
        if bars:
            enable_progress_bars()
