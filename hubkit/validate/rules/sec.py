"""SEC: what must never be published."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.rule import repo_rule

SECRETS = {
    "a Hugging Face token": re.compile(r"\bhf_[A-Za-z0-9]{30,}\b"),
    "a Hugging Face OAuth or organisation token": re.compile(r"\b(?:api_org|hf_oauth)_[A-Za-z0-9]{30,}\b"),
    "an OpenAI or Anthropic key": re.compile(r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,}"),
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})\b"),
    "an AWS access key": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a Google API key": re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b"),
    "a wandb key": re.compile(r"(?i)wandb[a-z_]{0,12}key[\"'\s:=]{1,6}([0-9a-f]{40})\b"),
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
}


@repo_rule("SEC002", Severity.ERROR, "C D E")
def secret(repo: RepoFacts) -> Iterator[Found]:
    """A secret is about to be, or was, published: Hub token, API key, private key.

    Looked for in every configuration, the card and evaluation.json. The report shows its kind, place and length, never its text.
    """
    texts = [(sae.cfg_path, sae.cfg_text) for sae in repo.saes if sae.cfg_path]
    texts += [("README.md", repo.readme.text)] if repo.readme else []
    texts += [("evaluation.json", repo.evaluation_text)] if repo.evaluation_text else []
    for path, text in texts:
        for kind, pattern in SECRETS.items():
            for match in pattern.finditer(text):
                yield Found(
                    f"{kind} ({len(match.group())} characters)",
                    "revoke it now, then remove it from the file and from the history",
                    path=path,
                    line=text.count("\n", 0, match.start()) + 1,
                    identity=hashlib.sha256(f"hubkit SEC002 {path} {match.group()}".encode()).hexdigest(),
                )
