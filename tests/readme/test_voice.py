"""What only hubkit may say of a release, in the ways that people say it; and what anybody may."""

from __future__ import annotations

import pytest

from hubkit.readme.voice import speaks_as_hubkit

SAID = [
    "**Checked** by `hubkit` 0.1.0.", "hubkit found no defect.", "The validator reports zero errors.", "hubkit 0.1.0 found no problem.", "All checks of hubkit pass.", "hubkit validate is clean.",
    "0 findings with hubkit 0.1.0", "Passes hubkit validate without errors.", "hubkit: no defect found", "Validated with hubkit.", "A hubkit-verified release.", "hubkit certifies this release.",
    "hubkit did not find anything wrong.", "No errors in hubkit validate.", "hubkit validate exits with code 0.", "Free of hubkit findings.", "Verified using hubkit.", "Clean under hubkit validate.",
]  # fmt: skip
FREE = [
    "Trained with hubkit.", "Made by hubkit 0.1.0.", "hubkit validate OWNER/REPO shows what is wrong.", "Not checked by hubkit.", "Nothing was verified with hubkit.", "We do not say that hubkit found no defect.",
    "hubkit found two defects.", "The validator of the Hub refuses it.", "Errors in hubkit go to its tracker.", "Load it with hubkit.",
]  # fmt: skip


@pytest.mark.parametrize("text", SAID)
def test_what_only_hubkit_says(text: str) -> None:
    assert speaks_as_hubkit(text)


@pytest.mark.parametrize("text", FREE)
def test_what_anybody_says(text: str) -> None:
    assert speaks_as_hubkit(text) is None
