"""What secrets look like, and what only looks like them."""

from __future__ import annotations

import base64
import json
import random

import pytest

from hubkit.validate.secret_kinds import (
    BASIC,
    CONNECTION,
    CURL,
    DOCKER,
    HEADER,
    KEY_OPTION,
    MYSQL,
    OF_SETTINGS,
    OPTION,
    SSHPASS,
    find_secrets,
)
from hubkit.validate.secret_services import SERVICES

TOKEN = "hf_" + "aB3" * 12
HEX = "0123456789" * 4
LETTERS = "aB3dE6gH9k"
LINE = f"HF_TOKEN={TOKEN}\n"


def signed(
    said: object, head: object = {"alg": "HS256", "typ": "JWT"}, signature: str = "aB3-dE6_gH9" * 4
) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in (head, said)]
    return ".".join([*parts, signature])


SIGNED = signed({"sub": "u-1523", "exp": 1799999999})
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
    "npm": ("npm_" + "aB3dE6" * 6, "an npm token"),
    "neptune": ("eyJhcGlfYWRkcmVzcyI6" + LETTERS * 8 + "==", "a Neptune token"),
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
    "jwt, bare": (SIGNED, "a signed token (JWT)"),
    "vast": ("vastai set api-key " + "0a1b2c3d" * 8, "a Vast.ai key"),
    "vast, named": ("VAST_API_KEY=" + "0a1b2c3d" * 8, "a Vast.ai key"),
    "lambda": ("secret_my-key_" + "0a1b2c3d" * 4 + "." + LETTERS * 3 + "aB", "a Lambda Cloud key"),
    "database": ("postgresql://sae:hunter2@db.lab.org:5432/runs", "a URL with a password"),
    "jwk": ('{"kty": "EC", "crv": "P-256", "x": "' + LETTERS * 4 + '", "d": "' + LETTERS * 4 + 'aB3"}', "a private key in JSON (JWK)"),
    "jwk, sorted": ('{"d":"' + LETTERS * 30 + '","e":"AQAB","key_ops":["sign"],"kty":"RSA","n":"' + LETTERS * 30 + '"}', "a private key in JSON (JWK)"),
    "jwk, symmetric": ('{"kty":"oct","kid":"1","k":"' + LETTERS * 4 + '"}', "a private key in JSON (JWK)"),
    "sentry": ("dsn='https://" + "0a1b" * 8 + "@o123456.ingest.us.sentry.io/4501234567'", "a Sentry DSN"),
    "sentry of one's own": ("https://" + "0a1b" * 8 + "@sentry.lab.org:9000/12", "a Sentry DSN"),
    "telegram": ("bot1234567890:AA" + "aB3-dE6_gH9" * 3 + " ", "a Telegram bot's token"),
    "azure's client": ("client: aB38Q~" + "aB3-dE6~gH9" * 3 + "k ", "an Azure client secret"),
    "terraform": ("aB3dE6gH9kLmN0.atlasv1." + "aB3dE6gH9k" * 6 + " ", "a Terraform token"),
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
        "1234567890:AArgh", "1234567890:AA" + "x" * 33, "see FAQ~" + "a-b" * 11, "12Q~=" + "a" * 33, "module.atlasv1.variables", "at 12345678:AAAA, 9",
        "eyJhbGciOi...", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOi....abc", signed({"sub": "1234567890", "name": "John Doe"}), signed({"a": 1}, {"typ": "x"}), signed({"a": 1}, signature=LETTERS),
        "vastai set api-key $KEY", "vast_array_key = " + HEX, "secret_name_" + HEX[:32], '{"format": "pt"}', "", "%", '{"kty": "EC", "crv": "P-256", "x": "' + LETTERS * 4 + '", "y": "' + LETTERS * 4 + '"}', '{"d": "' + LETTERS * 4 + '", "e": 1}',
        "https://" + "0a1b" * 8 + "@o1.ingest.sentry.io/", "https://examplePublicKey@o0.ingest.sentry.io/0", "git+https://github.com/a/b@" + "0a1b" * 10 + "/1",
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


@pytest.mark.parametrize("row", SERVICES, ids=lambda row: row.mark)
def test_every_service_s_form_is_known(row: object) -> None:
    """Made from its row of the table; beside it what is too short, and what only stands for one."""
    kind, mark, _, example = row  # type: ignore[misc]
    for text in (example, f"KEY={example}\n", f'{{"key": "{example}"}}', f"see {example} here."):
        (hit,) = find_secrets(text)
        assert (hit.kind, hit.secret) == (kind, example)
    for text in (
        example[: len(mark) + 6],
        f"{mark}your-key-goes-here",
        mark + "x" * (len(example) - len(mark)),
        f"a1{example}",
        mark,
    ):
        assert find_secrets(text) == []


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
    "secrets.toml": ['password = "hunter2"'],
    "Dockerfile": ["FROM python:3.12\nENV DB_PASSWORD=hunter2", "ENV DB_PASSWORD hunter2", "ARG API_KEY=abc123def456"],
    "docker-compose.yml": ["services:\n  db:\n    environment:\n      - POSTGRES_PASSWORD=hunter2", "services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: hunter2"],
    "compose.prod.yaml": ["      MYSQL_ROOT_PASSWORD: 'hunter2'"],
    ".Renviron": ["DB_PASSWORD=hunter2"],
    "app.plist": ["<dict><key>dbPassword</key>\n  <string>s3cr3tPw</string></dict>"], "beans.xml": ['<property name="db.password" value="s3cr3tPw"/>', '<user login="me" password="s3cr3tPw"/>',
     '<add key="ApiKey" value="9f86d081884c7d659a2feaa0"/>', "<smtp:adminPassword>s3cr3tPw</smtp:adminPassword>", "<clientSecret>9f86d081884c7d659a2feaa0</clientSecret>"],
    "login.py": ['pwd = "hunter22"', "pwd='s3cr3t!'", 'credentials = "' + "aB3dE6gH" * 3 + '"', 'api_key = "k3y9XQ7z"', "client_secret='s3cr3t!x'", 'auth_token: str = "aB3dE6gH9k"'], "login.yaml": ["pwd: s3cr3t!Pw", "credential: " + "aB3dE6gH" * 3],
    "settings.xml": ["<server><id>a</id><password>hunter2</password></server>"],
    "web.config": ["<smtp><password>\n hunter2\n</password></smtp>"],
    "train.py": ['password = "hunter2"', "connect(host, password='s3cr3t!')", 'config["db_password"] = "hunter2"', 'api_key="abc123def456ghi789"', 'PASSWORD: str = "hunter2"'],
    "run.ipynb": ['{"source": ["password = \\"hunter2\\"\\n"]}'],
    "conf.yaml": ['db:\n  password: "hunter2"', "password: pLIix6qT9w", "db:\n  db_password: pLIix6qT9w  # theirs\n", "api_key: a8f5f167f44f4964e6c998dee827110c", "- token: 9f86d081884c7d659a2feaa0c55ad015"],
    "db.yaml": ["db_pass: BPSggMu8vR1oCZ29kfvVPn"], "db.json": ['{"MYSQL_PWD": "4KCroYhcH9muZ11Kl3rvZ0"}'], "db.py": ['smtp_pass = "hunter2"'],
    "app.conf": ["pass = hunter22x"], "app.ini": ["[db]\nuser = me\npass=s3cr3tpw\n"],
    "pyproject.toml": ['access_token = "9f86d081884c7d659a2feaa0c55ad015"'],
    "data.json": ['{"access_token": "9f86d081884c7d659a2feaa0c55ad015"}'],
    "main.py": ['secret = "9f86d081884c7d659a2feaa0c55ad015"', 'SECRET: str = "9f86d081884c7d65"', 'cfg["secret"] = "9f86d081884c7d65"'],
    "terraform.tfstate": ['{"attributes": {"password": "s3cr3tPw9"}}'], "terraform.tfstate.backup": ['"master_password": "s3cr3tPw9"'],
    "settings.json": ['{"smtp_password": "hunter2"}'],
    "Makefile": ["API_KEY := a8f5f167f44f4964e6c998dee827110c", "export SECRET_KEY ?= a8f5f167f44f4964e6c998dee827110c"], "x.mk": ["PASSWORD ::= hunter2"],
    "load.R": ['password <- "hunter2"'],
    ".htpasswd": ["me:$apr1$abcdefgh$0123456789abcdefghijkl", "me:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="],
    "pgpass.conf": ["db.lab.org:5432:runs:me:hunter2"],
    "credentials.json": ['{"client_id": "x", "refresh_token": "1a2b3c4d5e"}'],
}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in SET for text in SET[name]])
def test_a_file_of_settings_names_its_secrets(name: str, text: str) -> None:
    assert [hit.kind for hit in find_secrets(text, name)] == [OF_SETTINGS]
    assert [hit.kind for hit in find_secrets(LINE, name)] == ["a Hugging Face token"]  # and never twice


@pytest.mark.parametrize(
    "text",
    ['password = "password"', 'password = ""', 'password = "your-password"', 'password = "Enter it"', "password = get_password()", 'password = f"{x}1234"', 'password="$PASSWORD1"', 'password: str = ""',
     'parser.add_argument("--password", help="your password")', 'password = os.environ["DB_PASSWORD1"]', 'api_key = "layer12"', 'secret_key = "model_v2"', 'passwords = ["a1b2c3"]', 'if password == "hunter2":',
     'api_key="sae-layer-12"', 'private_key = "id_rsa"', 'access_key: "1.2.3"', 'password = "changeme123"', 'password = "<pass1>"', '"password": 1234567'],
)  # fmt: skip
@pytest.mark.parametrize("name", ["train.py", "conf.yaml", "vocab.json"])
def test_a_program_s_own_words_are_no_password(text: str, name: str) -> None:
    assert find_secrets(text, name) == []


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
    ("name", "text"),
    [("a.yaml", "password: changeme"), ("a.yaml", "password: ${DB_PASSWORD1}"), ("a.yaml", "eos_token: endoftext5025612345678"), ("a.yaml", "token: layer12_resid"),
     ("a.yaml", "password: see the wiki, page 12"), ("a.yaml", "api_key_name: abc123def456ghi789"), ("a.yaml", "use_auth_token: true"), ("a.yaml", "max_token: 40960000"),
     ("a.yaml", "secret: layer12"), ("a.yaml", "first_pass: epoch12"), ("a.yaml", "pwd: run_12_b"), ("a.json", '{"pass": "second2"}'), ("a.py", "db_pass = '$DB_PASS1'"), ("a.yaml", "hook: password\nsecretary: a8f5f167f44f4964e6c998dee8"), ("a.yaml", "access_key: model2weights"), ("a.ini", "pass = second"),
     ("a.py", 'pwd = "runs/exp12"'), ("a.py", 'pwd = "C:\\\\run1"'), ("a.py", "pwd = 'exp_12'"), ("a.py", "credentials = 'team-credentials-12'"), ("a.js", "fetch(x, {credentials: 'same-origin'})"),
     ("a.yaml", "credentials: gcp-key-Of-2024.json"), ("a.json", '{"credentials": "projects/Abc123/secrets/defGH456/versions/1"}'), ("a.py", 'api_key = "gpt2-small"'), ("a.py", "secret = 'Layers'"),
     ("a.xml", '<assemblyIdentity publicKeyToken="b03f5f7f11d50a3a"/>'), ("a.xml", '<string name="password">Passwort1</string>'), ("a.xml", "<forgotPassword>Vergessen</forgotPassword>"), ("a.xml", '<input type="password" name="password" value="Password"/>'),
     ("a.sh", "sshpass -p $PASSWORD1 ssh me@x"), ("a.sh", "sshpass -f file1 ssh me@x"), ("a.sh", "mysql -p$PW1 -u me"), ("a.sh", "docker run --name mysql -p3306:3306 x"), ("a.sh", "mysql -u me -p runs2"),
     ("a.md", "run it with --password <password1>"), ("a.md", "--password-file secret1.txt"), ("a.sh", "x --passphrase=${PHRASE1}"), ("a.py", "f(a); pwd=pw1; b=2"), ("a.md", "Server=db;Password=password;"),
     ("a.sh", "x --api-key $API_KEY1234567890"), ("a.sh", "x --token-file run/secret12345678901"), ("a.md", "--api-key YOUR_API_KEY_HERE_123"), ("a.sh", "x --token /run/secrets/token123456"),
     ("a.sh", "x --tokenizer meta-llama-3-8b-instruct"), ("a.json", '{"auth": "dXNlcjpwYXNzd29yZA=="}'), ("a.json", '{"auth": "basicauthentication"}'), ("a.txt", "see eu-us12 and pa-per-2024-of-many-words-that-go-on-and-on"),
     ("Makefile", "API_KEY := $(shell cat key1)"), ("Makefile", "TOKEN ?= changeme"), ("a.txt", "MTE4.abc.def"),
     ("a.ini", "bypass = 12345abc"), ("a.sh", "pass=1234"), ("a.py", "secret = 'the-hidden-word-of-it'"), ("a.py", "mysecret('x')"), ("a.json", '{"secret": "The word is swordfish 12"}'),
     ("a.md", "Authorization: Bearer <your token here 123>"), ("a.md", 'headers = {"Authorization": f"Bearer {token}"}'), ("a.sh", 'curl -H "Authorization: Bearer $HF_TOKEN"'),
     ("a.md", "Authorization: Bearer YOUR_TOKEN_GOES_HERE"), ("a.md", "Authorization: Basic dXNlcm5hbWU6cGFzc3dvcmQ="), ("a.sh", "curl -u me:$PASSWORD1 https://x"),
     ("a.sh", "curl -u user:password https://x"), ("a.sh", "curl -u me https://x:8080/a1"), ("a.md", "authorization: bearer tokens of 16characters")],
)  # fmt: skip
def test_what_stands_where_a_secret_would(name: str, text: str) -> None:
    assert find_secrets(text, name) == []


@pytest.mark.parametrize(
    ("text", "kind", "secret"),
    [("Authorization: Bearer 9f86d081884c7d659a2feaa0c55ad015", HEADER, "9f86d081884c7d659a2feaa0c55ad015"),
     ('headers = {"authorization": "Bearer 9f86d081884c7d659a2feaa0c55ad015"}', HEADER, "9f86d081884c7d659a2feaa0c55ad015"),
     (f"Authorization: Bearer {TOKEN}", "a Hugging Face token", TOKEN),
     ("> Authorization: Basic bWU6czNjcjN0UHc5", BASIC, "bWU6czNjcjN0UHc5"), ("curl -u me:s3cr3tPw9 https://x", CURL, "s3cr3tPw9"),
     ("sshpass -p s3cr3tPw9 ssh me@x", SSHPASS, "s3cr3tPw9"), ("sshpass -v -p's3cr3tPw9' scp a b", SSHPASS, "s3cr3tPw9"), ("mysql -h db -u me -ps3cr3tPw9 runs", MYSQL, "s3cr3tPw9"),
     ("mysqldump -u me -p's3cr3tPw9' runs", MYSQL, "s3cr3tPw9"), ("mysqladmin --user=me --password=s3cr3tPw9 ping", OPTION, "s3cr3tPw9"), ("gpg --passphrase s3cr3tPw9 -c x", OPTION, "s3cr3tPw9"),
     ("Server=db;User Id=me;Password=s3cr3tPw9;Pooling=true", CONNECTION, "s3cr3tPw9"),
     ("run.py --api-key aB3dE6gH9kLmN0pQ", KEY_OPTION, "aB3dE6gH9kLmN0pQ"), ('["x", "--auth-token", "aB3dE6gH9kLmN0pQ"]', KEY_OPTION, "aB3dE6gH9kLmN0pQ"),
     (f"hf upload --token={TOKEN} a", "a Hugging Face token", TOKEN), ('{"auths": {"ghcr.io": {"auth": "bWU6czNjcjN0UHc5"}}}', DOCKER, "bWU6czNjcjN0UHc5"),
     ("key " + "0a1b2c3d4e5f6789" * 2 + "-us12", "a Mailchimp key", "-us12"),
     ("t = MTE4NDQxOTY2NzI0NTk5ODA4MA.GXyZ9k.aB3dE6gH9kLmN0pQrS2tUvWxYz4567", "a Discord bot's token", "MTE4NDQxOTY2NzI0NTk5ODA4MA.GXyZ9k.aB3dE6gH9kLmN0pQrS2tUvWxYz4567"),
     ("curl -s --user 'me:s3cr3tPw9' https://x", CURL, "s3cr3tPw9"), ("curl https://x --proxy-user=me:s3cr3tPw9", CURL, "s3cr3tPw9")],
)  # fmt: skip
@pytest.mark.parametrize("name", ["notes.md", "run.sh", "run.log"])
def test_words_around_it_make_a_secret(text: str, kind: str, secret: str, name: str) -> None:
    assert [(hit.kind, hit.secret) for hit in find_secrets(text, name)] == [(kind, secret)]


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
    assert find_secrets('password = "hunter2"', "README.md") == []


HIDDEN: dict[str, str] = {
    "markdown": TOKEN.replace("_", "\\_"),
    "html's name": TOKEN.replace("_", "&lowbar;"),
    "html's other name": TOKEN.replace("_", "&UnderBar;"),
    "html's number": TOKEN.replace("_", "&#95;"),
    "html's number with zeros": TOKEN.replace("_", "&#0095;"),
    "html's number without an end": TOKEN.replace("_", "&#x5f;").replace("a", "&#97;", 1),
    "html in html": TOKEN.replace("_", "&amp;#95;"),
    "percent": TOKEN.replace("_", "%5F"),
    "percent twice": TOKEN.replace("_", "%255f"),
    "percent three times": TOKEN.replace("_", "%25255F"),
    "base64": base64.b64encode(TOKEN.encode()).decode(),
    "base64 of a line": base64.b64encode(f"user:{TOKEN}\n".encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(f"??>>{TOKEN}~~".encode()).decode().rstrip("="),
    "base64 in lines": base64.encodebytes(
        f"a longer text stands before it, with {TOKEN}, in several lines of seventy six".encode()
    ).decode(),
    "base64 of UTF-16": base64.b64encode(TOKEN.encode("utf-16-le")).decode(),
    "base64 of JSON": base64.b64encode(json.dumps({"t": TOKEN.replace("_", "%5F")}).encode()).decode(),
    "quoted-printable": f"Subject: x\n\na=3D1 {TOKEN.replace('_', '=5F')}",
    "quoted-printable, by its name": f"Content-Transfer-Encoding: Quoted-Printable a {TOKEN[:20]}=\n{TOKEN[20:]}",
    "quoted-printable, broken": f"a=3D1 {TOKEN[:20]}=\n{TOKEN[20:]}",
    "without width": TOKEN.replace("_", "_\u200b"),
    "soft hyphens": TOKEN[:10] + "\u00ad" + TOKEN[10:],
}


@pytest.mark.parametrize("way", HIDDEN)
@pytest.mark.parametrize("around", ["{}", "# A\n\nIt is {} here.\n", "x = '{}'\n"])
def test_a_token_is_seen_however_it_is_written(way: str, around: str) -> None:
    (hit,) = find_secrets(around.format(HIDDEN[way]))
    assert hit.kind == "a Hugging Face token"
    assert (
        hit.line
        == around.format(HIDDEN[way])[: around.index("{")].count("\n") + 1 + (way == "quoted-printable") * 2
    )
    assert hit.last >= hit.line


def test_both_a_token_and_its_copy_are_told_once() -> None:
    text = f"{TOKEN}\n{base64.b64encode(TOKEN.encode()).decode()}\n"
    assert len(find_secrets(text)) == 1
    assert len(find_secrets(f"{text}{base64.b64encode(TOKEN[::-1].encode()).decode()} a=3D1")) == 1


def test_long_runs_of_base64_are_bounded() -> None:
    run = base64.b64encode(b"some text " * 300_000).decode()
    for text in (run, "\n".join([run[:60]] * 20_000), run[:48] + " " + run):
        assert find_secrets(text) == []


def test_the_settings_of_wandb_have_a_key() -> None:
    text = f"[default]\napi_key = {'0a1b2c3d' * 5}\nentity = me\n"
    assert [hit.kind for hit in find_secrets(text, "settings")] == [OF_SETTINGS]
    assert (
        find_secrets("[default]\nentity = me\nproject = saes\nbase_url = https://api.wandb.ai\n", "settings")
        == []
    )
