"""For every test: generated examples have no time limit of their own. What must be quick is timed where it is asked, and not by whoever else is busy."""

import os

from hypothesis import settings

if (
    "PYTEST_XDIST_WORKER" in os.environ
):  # a process a core already: more threads would only wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("hubkit", deadline=None)
settings.load_profile("hubkit")
