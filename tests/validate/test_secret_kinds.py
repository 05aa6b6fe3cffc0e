"""What secrets look like, and what only looks like them; and every way in which a text with one may lie in a file."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import pickle
import random
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from builders import FOLDER, cfg, tensors, view
from safetensors.numpy import save

from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.validate.run import Selection, validate
from hubkit.validate.secret_kinds import OF_SETTINGS, find_secrets, masked

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
        "glpat-xxxxxxxxxxxxxxxxxxxx", "AccountKey=<key>", "https://hooks.slack.com/services/T000/B000/XXXX", "ssh://git@github.com:openai/x",
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
    "kaggle.json": [f'{{"username": "me", "key": "{'0a1b' * 8}"}}'],
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


def test_only_in_files_of_settings_does_a_name_make_a_secret() -> None:
    assert find_secrets("password = hunter2", "train.py") == []


def packed(name: str, data: bytes, kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        archive.writestr("notes.txt", "x")
        archive.writestr(name, data)
    return file.getvalue()


def tarred(name: str, data: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


ESCAPED = json.dumps({"t": TOKEN}).replace("hf_", "\\u0068f_")
WAYS: dict[str, bytes] = {
    "escaped.json": ESCAPED.encode(),
    "escaped twice.ipynb": json.dumps(ESCAPED).encode(),
    "hexadecimal.py": b't = "' + TOKEN.replace("h", "\\x68", 1).encode() + b'"',
    "url.txt": TOKEN.replace("_", "%5F").encode(),
    "page.html": TOKEN.replace("h", "&#104;", 1).encode(),
    ".env": LINE.encode("utf-16-le"),
    "a/.env": LINE.encode("utf-16-be"),
    "b/.env": LINE.encode("utf-32-le"),
    "c/.env": LINE.encode("utf-32"),
    "d/.env": LINE.encode("utf-32-be"),
    "e/.env": LINE.encode("utf-16"),
    "train.log": b"step 1\0\n" + b"loss 0.1\n" * 40 + LINE.encode(),
    ".env.bin": LINE.encode(),
    "UTF16.env.bin": LINE.encode("utf-16-le"),
    "token.dat": LINE.encode(),
    "training_args.bin": pickle.dumps({"hub_token": TOKEN, "seed": 1}),
    "photo.png": LINE.encode(),
    "log.txt.gz": gzip.compress(LINE.encode()),
    "log": gzip.compress(LINE.encode()),
    "log.txt.bz2": bz2.compress(LINE.encode()),
    "log.txt.xz": lzma.compress(LINE.encode()),
    "run.zip": packed("a/.env", LINE.encode()),
    "stored.zip": packed("a/.env", LINE.encode(), zipfile.ZIP_STORED),
    "run.tar": tarred("a/.env", LINE.encode()),
    "run.tar.gz": gzip.compress(tarred("a/.env", LINE.encode())),
    "deep.zip": packed("in.tgz", gzip.compress(tarred("a/.env", LINE.encode()))),
    "README.md": LINE.encode("utf-16"),
    f"{FOLDER}/notes.safetensors": save({"a": np.zeros(2, np.float32)}, {"format": "pt", "token": TOKEN}),
    f"{FOLDER}/other/cfg.json": ESCAPED.encode(),
    "evaluation.json": ESCAPED.encode(),
}  # fmt: skip


@pytest.mark.parametrize("name", WAYS)
def test_however_it_is_written_it_is_named_once_and_never_shown(name: str, tmp_path: Path) -> None:
    there = view()
    there.files[name] = WAYS[name]
    for path, data in there.files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    for one in (there, open_folder(tmp_path)):
        report = validate(one, Selection(select=("SEC002",)))
        assert [(f.path, f.message.split(" (")[0]) for f in report.findings] == [
            (name, "a Hugging Face token")
        ]
        assert report.remarks == ()
        assert TOKEN[3:] not in json.dumps(report.to_json())


def test_a_setting_in_a_member_is_one_too() -> None:
    (one,) = validate(
        view(files={"x.zip": packed("a/.env", b"DB_PASSWORD=hunter2")}), Selection(select=("SEC002",))
    ).findings
    assert "in a/.env, line 1" in one.message


@pytest.mark.parametrize("name", [f"{TOKEN}.txt", f"runs/{TOKEN}/metrics.csv", f"{FOLDER}/{TOKEN}.png"])
@pytest.mark.parametrize("repository", [None, "o/r"])
def test_a_name_that_is_a_secret_is_told_masked(name: str, repository: str | None) -> None:
    there = view(files={name: b"x"})
    there.repository = repository
    (one,) = validate(there, Selection(select=("SEC002",))).findings
    assert "in the name of" in one.message
    assert "hf_a..." in one.message
    assert "rename" in one.hint
    assert TOKEN not in json.dumps(one.to_json())


def test_a_member_s_name_is_masked() -> None:
    (one,) = validate(
        view(files={"x.zip": packed(f"{TOKEN}.txt", b"x")}), Selection(select=("SEC002",))
    ).findings
    assert "in the name of its member hf_a....txt" in one.message
    assert masked("a/b.txt") == "a/b.txt"


def test_the_metadata_of_weights_is_read_on_the_hub_too() -> None:
    there = view()
    there.files[f"{FOLDER}/sae_weights.safetensors"] = save(tensors(), {"format": "pt", "token": TOKEN})
    for repository in (None, "o/r"):
        there.repository = repository
        report = validate(there)
        assert [f.path for f in report.findings if f.code == "SEC002"] == [
            f"{FOLDER}/sae_weights.safetensors"
        ]


def bomb() -> bytes:
    return gzip.compress(b"a" * 30_000_000)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"x.txt.gz": bomb()}, "not all that is packed in it"),
        ({"x.zip": packed("a.txt", b"a" * 30_000_000)}, "not all that is packed in it"),
        ({"x.txt.gz": gzip.compress(b"a" * 99)[:-9]}, ""),
        ({"x.txt.gz": b"\x1f\x8b\x08 no gzip"}, ""),
        ({"x.zip": b"PK\x03\x04 no zip"}, ""),
    ],
)
def test_what_is_packed_is_bounded_and_damage_is_none_of_its_business(
    files: dict[str, bytes], said: str
) -> None:
    report = validate(view(files=files), Selection(select=("SEC002",)))
    assert report.complete
    assert said in "".join(report.remarks)
    assert bool(report.remarks) is bool(said)


def test_a_healthy_folder_with_everything_in_it_is_silent() -> None:
    noise = random.Random(1)
    there = view(
        cfg(metadata={"wandb_run": HEX, "sha256": HEX + HEX[:24]}),
        files={
            "tokenizer.json": json.dumps({"vocab": {f"hf_{n}": n for n in range(999)}}).encode(),
            "train.ipynb": json.dumps({"png": base64.b64encode(noise.randbytes(200_000)).decode()}).encode(),
            "raw.dat": noise.randbytes(300_000),
            "data.npz": packed("a.npy", noise.randbytes(300_000)),
            "rows.jsonl.gz": gzip.compress(b'{"text": "the password is: swordfish"}\n' * 99),
            ".env.example": b"HF_TOKEN=hf_your_token\nDB_PASSWORD=changeme\nWANDB_API_KEY=\n",
            "setup.cfg": b"[metadata]\nname = x\n[tool]\ntoken = os.environ['X']\n",
        },
    )  # fmt: skip
    report = validate(there, Selection(select=("SEC002",)))
    assert (list(report.findings), report.remarks) == ([], ())


def test_far_packed_logs_are_read_where_they_are_small() -> None:
    there = MemoryView(
        name="o/r", repository="o/r", files=view(files={"train.log.gz": WAYS["log.txt.gz"]}).files
    )
    assert [f.path for f in validate(there, Selection(select=("SEC002",))).findings] == ["train.log.gz"]
