"""Secrets in what is no text: chunks of pictures, tar's own notes, members by every method, pickles and databases beyond their beginning, keys in DER."""

from __future__ import annotations

import io
import pickle
import shutil
import sqlite3
import struct
import subprocess
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from builders import check, view

from hubkit.validate.secret_containers import key_of

TOKEN = "hf_" + "aB3" * 12
NOISE = np.random.default_rng(0).bytes(300_000)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + chunk(b"IDAT", NOISE)
        + b"".join(chunks)
        + chunk(b"IDAT", NOISE)
        + chunk(b"IEND", b"")
    )


def tar(**pax: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("a.txt")
        member.size, member.pax_headers = 1, pax
        archive.addfile(member, io.BytesIO(b"x"))
    return file.getvalue()


def database(value: str) -> bytes:
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE a (b)")
    base.executemany("INSERT INTO a VALUES (?)", [("x" * 500,)] * 400)
    base.execute("INSERT INTO a VALUES (?)", (value,))
    base.executemany("INSERT INTO a VALUES (?)", [("y" * 500,)] * 400)
    base.commit()
    return base.serialize()


def packed(method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("notes.txt", TOKEN)
    return file.getvalue()


WAYS: dict[str, bytes] = {
    "text.png": png(chunk(b"tEXt", b"Comment\0" + TOKEN.encode())),
    "packed.png": png(chunk(b"zTXt", b"Comment\0\0" + zlib.compress(TOKEN.encode()))),
    "international.png": png(chunk(b"iTXt", b"Comment\0\1\0en\0\0" + zlib.compress(TOKEN.encode()))),
    "plain.png": png(chunk(b"iTXt", b"Comment\0\0\0en\0\0" + TOKEN.encode())),
    "pax.tar": tar(comment=TOKEN),
    "owner.tar": tar(uname=f"me {TOKEN} " + "x" * 200),
    "bz2.zip": packed(zipfile.ZIP_BZIP2),
    "lzma.zip": packed(zipfile.ZIP_LZMA),
    "args.bin": pickle.dumps({"a": [NOISE], "hub_token": TOKEN, "b": NOISE}),
    "runs.sqlite": database(TOKEN),
    "log.bin": NOISE + TOKEN.encode() + b"\0",
}  # fmt: skip


@pytest.mark.parametrize("name", WAYS)
def test_a_secret_in_what_is_no_text_is_named_once(name: str) -> None:
    (finding,) = check(view(files={name: WAYS[name]}), "SEC002").findings
    assert finding.path == name
    assert finding.message.startswith("a Hugging Face token")


def test_the_same_without_a_secret_is_quiet() -> None:
    files = {
        "a.png": png(chunk(b"tEXt", b"Comment\0hello"), chunk(b"zTXt", b"C\0\0" + zlib.compress(b"hello"))),
        "bad.png": png(chunk(b"zTXt", b"C\0\0x\x9cbroken")) + b"rest",
        "cut.png": png()[:5000],
        "bomb.png": png(*[chunk(b"zTXt", b"C\0\0" + zlib.compress(bytes(30 << 20)))] * 4),
        "a.tar": tar(comment="hello"),
        "a.sqlite": database("hello"),
        "a.bin": pickle.dumps({"a": NOISE}),
        "noise.der": NOISE,
    }
    assert check(view(files=files), "SEC002").findings == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")
def test_keys_as_openssl_writes_them(tmp_path: Path) -> None:
    def made(*words: str) -> bytes:
        target = tmp_path / "out"
        subprocess.run(
            ["openssl", *words, "-out", str(target)], check=True, capture_output=True, cwd=tmp_path
        )
        return target.read_bytes()

    (tmp_path / "key.pem").write_bytes(
        made("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
    )
    (tmp_path / "ec.pem").write_bytes(made("ecparam", "-name", "prime256v1", "-genkey", "-noout"))
    (tmp_path / "cert.pem").write_bytes(
        made("req", "-x509", "-key", "key.pem", "-subj", "/CN=a", "-days", "9")
    )
    keys = [
        made("pkcs8", "-topk8", "-nocrypt", "-in", "key.pem", "-outform", "DER"),
        made("rsa", "-in", "key.pem", "-outform", "DER", "-traditional"),
        made("ec", "-in", "ec.pem", "-outform", "DER"),
        made("pkcs8", "-topk8", "-in", "key.pem", "-outform", "DER", "-passout", "pass:x"),
        made("pkcs12", "-export", "-inkey", "key.pem", "-in", "cert.pem", "-passout", "pass:x"),
    ]
    for number, key in enumerate(keys):
        assert key_of(key), number
        (finding,) = check(view(files={"server.key.bin": key}), "SEC002").findings
        assert "key" in finding.message
    for public in (
        made("x509", "-in", "cert.pem", "-outform", "DER"),
        made("rsa", "-in", "key.pem", "-pubout", "-outform", "DER"),
    ):
        assert key_of(public) is None
