"""Whose key an environment variable holds: a study file names both the variable and the server, and whoever wrote it may be a stranger.

Source: the services' own documentation of their OpenAI-compatible addresses, and of the variables that their clients read.
"""

from __future__ import annotations

from urllib.parse import urlsplit

HOSTS = {
    "OPENAI": ("openai.com",), "ANTHROPIC": ("anthropic.com",), "GEMINI": ("googleapis.com",), "GOOGLE": ("googleapis.com",), "MISTRAL": ("mistral.ai",), "GROQ": ("groq.com",),
    "TOGETHER": ("together.xyz", "together.ai"), "OPENROUTER": ("openrouter.ai",), "DEEPSEEK": ("deepseek.com",), "FIREWORKS": ("fireworks.ai",), "COHERE": ("cohere.com", "cohere.ai"),
    "PERPLEXITY": ("perplexity.ai",), "XAI": ("x.ai",), "CEREBRAS": ("cerebras.ai",), "NVIDIA": ("nvidia.com",), "SAMBANOVA": ("sambanova.ai",), "AZURE_OPENAI": ("azure.com", "windows.net"),
    "NEURONPEDIA": ("neuronpedia.org",),
}  # fmt: skip
"""A service's name, as its variables begin, and whose servers may have its key."""
KEYS = ("_API_KEY", "_KEY", "_TOKEN", "_API_TOKEN")
OF_NO_JUDGE = (
    "AWS_",
    "GITHUB_",
    "GH_",
    "GITLAB_",
    "AZURE_CLIENT_",
    "GOOGLE_APPLICATION_",
    "WANDB_",
    "PYPI_",
    "TWINE_",
    "NPM_",
    "DOCKER_",
    "SLACK_",
    "DATABASE_",
    "PG",
    "SSH_",
    "KUBE",
)
"""How variables begin that hold secrets of other things than language models."""
HERE = frozenset(["localhost", "127.0.0.1", "::1"])


def misplaced(variable: str, base_url: str | None) -> str | None:
    """Why the value of `variable` is not sent to `base_url`; None where it may be. A server on this machine may have the key of any service."""
    name, address = variable.upper(), urlsplit(base_url or "")
    host = (address.hostname or "").rstrip(".").lower()
    if name.startswith(OF_NO_JUDGE):
        return f"{variable} holds no key of a language model; expected a variable with the key of that server"
    hosts = next((hosts for service, hosts in HOSTS.items() if name in {service + key for key in KEYS}), None)
    if base_url is None or hosts is None or host in HERE:
        return None
    if address.scheme == "https" and any(host == own or host.endswith(f".{own}") for own in hosts):
        return None
    return f"{variable} goes to https://{hosts[0]} and its servers alone, and to this machine; expected a variable with the key of that server, under a name of its own"
