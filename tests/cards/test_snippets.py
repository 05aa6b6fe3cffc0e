"""A card's code, run as printed: in order, in one namespace, with a limit, told where it failed."""

from __future__ import annotations

import pytest

from hubkit.cards.snippets import python_blocks, run_snippets
from hubkit.errors import IncompleteError


def card(*blocks: str) -> str:
    return (
        "# Card\n\n"
        + "\n\n".join(f"```python\n{block}\n```" for block in blocks)
        + "\n\n```bash\nexit 1\n```\n"
    )


def test_blocks_run_in_order_in_one_namespace() -> None:
    run = run_snippets(card("x = 20", "x += 1\nprint('x is', x * 2)"))
    assert (run.ok, run.blocks, run.output.strip()) == (True, 2, "x is 42")


def test_only_python_runs() -> None:
    assert [block.text for block in python_blocks(card("a = 1"))] == ["a = 1"]


@pytest.mark.parametrize(
    "code", ["y = 1 / 0", "import nothing_of_this_name", "x = (", "raise SystemExit(3)", "assert False, 'no'"]
)
def test_broken_code_fails_and_the_line_is_the_cards(code: str) -> None:
    text = card("ok = 1", code)
    run = run_snippets(text)
    assert not run.ok
    assert text.split("\n")[(run.failed_line or 0) - 1] == code
    assert run.error


def test_code_that_does_not_end_is_stopped() -> None:
    with pytest.raises(IncompleteError, match="did not end within 1 s"):
        run_snippets(card("while True: pass"), timeout=1.0)


def test_a_process_that_dies_gives_no_answer_and_says_so() -> None:
    with pytest.raises(IncompleteError, match="gave no answer"):
        run_snippets(card("import os\nos._exit(7)"))


def test_with_an_endpoint_no_token_and_no_cache_of_the_user_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    run = run_snippets(
        card("import os\nprint(os.environ.get('HF_TOKEN'), os.environ['HF_ENDPOINT'])"),
        endpoint="http://127.0.0.1:9",
    )
    assert run.output.split() == ["None", "http://127.0.0.1:9"]


def test_a_check_runs_after_the_blocks_in_their_process() -> None:
    run = run_snippets(card("import os\npid = os.getpid()"), check="os.path:basename", arguments={})
    assert not run.ok  # basename cannot take a namespace: told, not hidden
    assert "TypeError" in run.error
