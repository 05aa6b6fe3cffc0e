"""Whether the Hub takes a card: asked before anything else is sent, because the commit that carries the card comes last."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.errors import UsageError
from hubkit.publish.retry import with_retries
from hubkit.release.layout import README

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from hubkit.publish.plan import PushPlan

TIMEOUT = 30.0


def check_front_matter(plan: PushPlan, release: Path, api: HfApi) -> None:
    """Raise UsageError with the Hub's own words where it would refuse the README.md that the plan sends."""
    from huggingface_hub import get_session
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

    if not any(file.path == README for file in plan.sent):
        return
    content = (release / README).read_text(encoding="utf-8", errors="replace")
    headers = build_hf_headers(token=api.token, library_name="hubkit")

    def ask() -> Any:
        answer = get_session().post(
            f"{api.endpoint}/api/validate-yaml",
            json={"content": content, "repoType": "model"},
            headers=headers,
            timeout=TIMEOUT,
        )
        if answer.status_code != 400:
            hf_raise_for_status(answer)
        return answer.json()

    errors = with_retries(ask).get("errors") or []
    if errors:
        told = "; ".join(str(error.get("message", error)) for error in errors)
        raise UsageError(
            f"{release / README}: the Hub refuses the card's front matter: {told}; nothing was sent",
            hint="mend card.yaml and run hubkit build-cards, or README.md itself; --no-rehearse where the Hub takes it all the same",
        )
