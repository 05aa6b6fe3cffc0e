"""What secrets look like, and what only looks like them."""

from __future__ import annotations

import base64
import json
import random

import pytest

from hubkit.validate.secret_kinds import OF_SETTINGS, find_secrets

TOKEN = "hf_" + "aB3" * 12
HEX = "0123456789" * 4
LETTERS = "aB3dE6gH9k"
LINE = f"HF_TOKEN={TOKEN}\n"

FORMS: dict[str, tuple[str, str]] = {
    "hf": (TOKEN, "a Hugging Face token"),
    "openai": ("sk-" + LETTERS * 5, "an OpenAI or Anthropic key"),
    "openai project": ("sk-proj-" + LETTERS * 10 + "_-", "an OpenAI or Anthropic key"),
    "anthropic": ("sk-ant-api03-" + LETTERS * 9 + "-AA", "an OpenAI or Anthropic key"),
    "openrouter": ("sk-or-v1-" + HEX, "an OpenAI or Anthropic key"),
    "github": ("ghp_" + "a1B2" * 9, "a GitHub token"),
    "github fine": ("github_pat_" + LETTERS * 6, "a GitHub token"),
    "gitlab": ("glpat-" + LETTERS * 2, "a GitLab token"),
    "slack bot": (f"xoxb-{'1' * 5}23456-{LETTERS * 2}", "a Slack token"),
    "slack user": (f"xoxp-{'1' * 5}23456-{LETTERS * 2}", "a Slack token"),
    "slack app": (f"xapp-1-A012-{LETTERS * 2}", "a Slack token"),
    "slack hook": (f"https://hooks.slack.com/services/T0123ABCD/B0123ABCD/{LETTERS * 2}", "a webhook, which lets anybody post"),
    "discord hook": (f"https://discord.com/api/webhooks/{'123' * 6}/{LETTERS * 6}", "a webhook, which lets anybody post"),
    "aws": ("AKIA" + "ABCDEFGHIJKLMNOP", "an AWS access key"),
    "aws secret": ("aws_secret_access_key = " + "abcdEFGH12" * 4, "an AWS secret key"),
    "aws secret in json": ('"SecretAccessKey": "' + "abcd\\/FGH12" * 3 + "abcdEFG\\/12" + '"', "an AWS secret key"),
    "google": ("AIza" + LETTERS * 3 + "aB3dE", "a Google key"),
    "google secret": ("GOCSPX-" + "aB3dE6g" * 4, "a Google key"),
    "azure": ("AccountName=x;AccountKey=" + "aB3dE6gH" * 10 + "aB3dE6==;EndpointSuffix=core", "an Azure key"),
    "azure bus": ("SharedAccessKey=" + "aB3dE6gH" * 5 + "aB3=", "an Azure key"),
    "azure sas": ("?sv=2022&sig=" + "aB3dE6gH" * 5 + "a%2F3%3D&se=1", "an Azure key"),
    "wandb old": (f"WANDB_API_KEY={HEX}", "a wandb key"),
    "wandb new": (f"WANDB_API_KEY=wandb_v1_{LETTERS * 7}", "a wandb key"),
    "wandb login": (f"wandb.login(key='{HEX}')", "a wandb key"),
    "wandb relogin": (f'wandb.login(relogin=True, key="{HEX}")', "a wandb key"),
    "wandb command": (f"wandb login --relogin {HEX}", "a wandb key"),
    "wandb netrc": (f"machine api.wandb.ai\n  login user\n  account me\n  password {HEX}", "a wandb key"),
    "npm": ("npm_" + "aB3dE6" * 6, "a key of another service"),
    "neptune": ("eyJhcGlfYWRkcmVzcyI6" + LETTERS * 8 + "==", "a key of another service"),
    "rsa": ("-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIB", "a private key"),
    "ec": ("-----BEGIN EC PRIVATE KEY-----\nMIIEpAIB", "a private key"),
    "openssh": ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNza", "a private key"),
    "encrypted": ("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", "a private key"),
    "pkcs8": ("-----BEGIN ENCRYPTED PRIVATE KEY-----\r\nMIIFHDBO", "a private key"),
    "pgp": ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBGJ", "a private key"),
    "service account": ('"private_key": "-----BEGIN PRIVATE KEY-----\\nMIIEvQIB', "a private key"),
    "in code": ('"-----BEGIN PRIVATE KEY-----\\n"\n    "MIIEvQIBADANBg"', "a private key"),
    "putty": ("PuTTY-User-Key-File-3: ssh-ed25519", "a private key"),
    "jwt": (f"token: eyJhbGciOiJIUzI1NiJ9.eyJ{LETTERS}.{LETTERS * 2}", "a signed token (JWT)"),
    "bearer": (f'"Authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.eyJ{LETTERS}.{LETTERS * 2}"', "a signed token (JWT)"),
    "database": ("postgresql://sae:hunter2@db.lab.org:5432/runs", "a URL with a password"),
    "redis": ("redis://:s3cr3tpw@cache:6379/0", "a URL with a password"),
    "remote": ("url = https://me:s3cr3tpw@git.lab.org/x.git", "a URL with a password"),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "around", ["{}", "x = '{}'\n", "\x1b[32m{}\x1b[0m", "\\u001b[1m{}", "a\\n{}\\n", "hello\n\n{}\n"]
)
def test_every_form_is_one_secret(form: str, around: str) -> None:
    text, kind = FORMS[form]
    assert [hit.kind for hit in find_secrets(around.format(text))] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "from huggingface_hub import hf_hub_download",
        "hf_hub_download(repo_id='a/b', filename='sae_weights.safetensors')",
        "export HF_TOKEN=hf_your_token", "HF_TOKEN=hf_xxx", "hf_" + "x" * 34, "hf_YourTokenHere" + "abcDEF1234" * 2, "hf_...", "hf_" + "0af3" * 10,
        "pip install sk-learn", "sk-learn-style-logistic-regression-probes-for-layers", "sk-proj-some-long-name-of-a-project-page", "sk-ant-...",
        "sk-" + "x" * 48, "task-" + "a1b2c3d4" * 5, "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        f"sha256: {HEX}{HEX[:24]}", f"commit {HEX}", f"wandb: run {HEX}", f"wandb_run_id: {HEX}", f"md5 {HEX[:32]}", "WANDB_API_KEY=<your key>",
        "wandb.login(key=os.environ['WANDB_API_KEY'])", "if '-----BEGIN PRIVATE KEY-----' in text:", "-----BEGIN PUBLIC KEY-----\nMIIB",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----", "-----BEGIN CERTIFICATE-----\nMIID", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ",
        f"example: eyJhbGciOiJIUzI1NiJ9.eyJ{LETTERS}.{LETTERS * 2}", "postgresql://user:password@localhost/db", "postgres://{user}:{password}@host/db",
        "https://oauth2:${TOKEN}@gitlab.com/x", "https://user:TOKEN@huggingface.co/x", "http://localhost:8080/@me", "https://hf.co/@a:b", "xoxb-your-token-goes-in-here",
        "glpat-xxxxxxxxxxxxxxxxxxxx", "AccountKey=<key>", "https://hooks.slack.com/services/T000/B000/XXXX", "ssh://git@github.com:openai/x", "github://org:repo1@sha/path",
        '{"format": "pt"}', "", "%",
    ],
)  # fmt: skip
def test_what_only_looks_like_one(text: str) -> None:
    assert find_secrets(text, "README.md") == []


def test_pictures_and_vocabularies_hold_none() -> None:
    noise = random.Random(0)
    picture = base64.b64encode(noise.randbytes(1_500_000)).decode()
    url_safe = base64.urlsafe_b64encode(noise.randbytes(1_500_000)).decode()
    words = json.dumps({f"Ġ{url_safe[n : n + n % 9]}": n for n in range(60_000)})
    raw = noise.randbytes(1_500_000).decode("latin-1")
    for text in (json.dumps({"image/png": picture}), url_safe, words, raw):
        assert find_secrets(text, "a.env") == []


SET: dict[str, list[str]] = {
    ".env": ["DB_PASSWORD=hunter2", "export MY_API_KEY='abc123def456'", 'CLIENT_SECRET: "a1b2c3d4e5"', "smtp_pass=s3cr3t", "$env:X_TOKEN = 'abc123def456'"],
    "prod.env": ["A=1\n\nSOME_TOKEN=abc123def456\n"],
    "run.sh": ["export DB_PASSWORD=hunter2", "set -e; export PGPASSWORD=hunter2"],
    ".pypirc": ["[pypi]\nusername = me\npassword = hunter2"],
    ".npmrc": ["//registry.npmjs.org/:_authToken=abc123def456"],
    ".netrc": ["machine a.org login me password hunter2", "machine a.org\n login me\n account you\n password hunter2"],
    "_netrc": ["machine a.org login me password hunter2"],
    ".pgpass": ["db.lab.org:5432:runs:me:hunter2"],
    "kaggle.json": ['{"username": "me", "key": "' + "0a1b" * 8 + '"}'],
    "config.json": ['{"auths": {"ghcr.io": {"auth": "bWU6aHVudGVyMg=="}}}'],
    "secrets.toml": ['password = "hunter2"'],
    "credentials.json": ['{"client_id": "x", "refresh_token": "1a2b3c4d5e"}'],
}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in SET for text in SET[name]])
def test_a_file_of_settings_names_its_secrets(name: str, text: str) -> None:
    assert [hit.kind for hit in find_secrets(text, name)] == [OF_SETTINGS]
    assert [hit.kind for hit in find_secrets(LINE, name)] == ["a Hugging Face token"]  # and never twice


@pytest.mark.parametrize(
    "value",
    ["", "<your password>", "xxx", "xxxxxxxx", "changeme", "${DB_PASSWORD}", "$DB_PASSWORD", "os.environ['X']", "hf_...", "your-password", "password", "None",
     "$(cat /run/secrets/x)", "`pass show x`", "/run/secrets/db", "%PASSWORD%", "{{ vault }}", "...", "********", "hf_your_token", "# none", "<|endoftext|>", "[MASK]"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["DB_PASSWORD", "HF_TOKEN", "CLIENT_SECRET", "OPENAI_API_KEY"])
def test_a_stand_in_is_no_secret(name: str, value: str) -> None:
    for text in (f"{name}={value}\n", f'export {name}="{value}"\nOTHER=1\n', f"{name}: {value}\n"):
        assert find_secrets(text, ".env") == []


@pytest.mark.parametrize(
    "text",
    ["MAX_TOKEN=4096", "BOS_TOKEN=endoftext", "USE_AUTH_TOKEN=true", "TOKENIZER=gpt2", "PWD=/home/x", "HF_TOKEN_PATH=/x/abc123def", "API_KEY_NAME=abc123def456",
     "tokens = 300000000", "read -p 'Password: ' PW", 'if [ "$PASSWORD" = "" ]; then'],
)  # fmt: skip
def test_a_setting_that_is_none(text: str) -> None:
    assert find_secrets(text, "run.sh") == []


@pytest.mark.parametrize(
    "text",
    ["eos_token = endoftext50256", "token = layer12_resid", "pad_token = pad_token_1", "special_token=im_start_001", "access_key = model2weights", "BOS_TOKEN=bos50256x",
     "eosToken: endoftext50256", "tokenizer.unk_token=reserved_250", "end_of_turn_token = turn_end_107", 'export IMAGE_TOKEN="image_soft_262144"', "decoder_start_token=start50257",
     "additional_special_token: reserved_special_250", "stop_token = eot_id_128009"],
)  # fmt: skip
def test_a_token_of_a_tokenizer_is_no_secret(text: str) -> None:
    assert find_secrets(text, "setup.cfg") == []
    name = text.replace(":", "=").partition("=")[0]
    assert [hit.kind for hit in find_secrets(f"{name}={TOKEN}", "setup.cfg")] == ["a Hugging Face token"]


@pytest.mark.parametrize(
    "name",
    ["token", "TOKEN", "access_key", "backend_token", "BOT_TOKEN", "bearer_token", "send_token", "stepad_token", "weekend_token"],
)  # fmt: skip
def test_a_long_token_and_one_of_a_service_are(name: str) -> None:
    assert [hit.kind for hit in find_secrets(f"{name} = {LETTERS * 3}", "setup.cfg")] == [OF_SETTINGS]


def test_only_in_files_of_settings_does_a_name_make_a_secret() -> None:
    assert find_secrets("password = hunter2", "train.py") == []
