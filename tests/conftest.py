"""For every test: generated examples have no time limit of their own. What must be quick is timed where it is asked, and not by whoever else is busy."""

from hypothesis import settings

settings.register_profile("hubkit", deadline=None)
settings.load_profile("hubkit")
