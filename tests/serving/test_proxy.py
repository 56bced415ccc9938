"""nginx as deploy/nginx.conf sets it up, before the app: what a browser of the lab meets."""

from __future__ import annotations

import datetime
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .conftest import NOTHING, PROJECT, Lab, free_port
from .driving import PATIENCE, Session

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


def certificate(folder: Path, name: str) -> None:
    """A certificate that nobody signed, and its key, under the names that the configuration has."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.fixture(scope="module")
def proxy(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an nginx before the lab's server, which is called localhost here."""
    if NGINX is None:
        pytest.skip("nginx is not installed: the app is not tried behind it")
    folder, secure, plain = tmp_path_factory.mktemp("nginx"), free_port(), free_port()
    certificate(folder, "localhost")
    text = (PROJECT / "deploy" / "nginx.conf").read_text()
    for here, there in {
        "explorer.lab.example": "localhost",
        "/etc/ssl/explorer": str(folder),
        "listen 443": f"listen 127.0.0.1:{secure}",
        "listen 80": f"listen 127.0.0.1:{plain}",
        "http://127.0.0.1:8501": f"http://127.0.0.1:{lab.port}",
    }.items():
        assert here in text
        text = text.replace(here, there)
    (folder / "site.conf").write_text(text)
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    root = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{root} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/log;\n"
        f"events {{}} http {{ access_log off; {places} include {folder}/site.conf; }}"
    )
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        begin = time.monotonic()
        while True:
            try:
                socket.create_connection(("127.0.0.1", secure), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() - begin < 480
                time.sleep(0.05)
        yield secure
    finally:
        process.terminate()
        process.wait(20)


def test_the_app_works_through_it_and_keeps_its_rules(proxy: int, lab: Lab) -> None:
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    with httpx.Client(
        base_url=f"https://localhost:{proxy}", verify=unchecked, trust_env=False, timeout=PATIENCE
    ) as client:
        page = client.get("/train")
        assert page.status_code == 200 and "max-age" in page.headers["strict-transport-security"]
        assert "secure" in client.get("/_stcore/health").headers["set-cookie"].lower()
        with Session(client) as session:
            seen = session.run("train", NOTHING)  # by WebSocket
            assert "You are a visitor" in seen.words
            token = {"X-Xsrftoken": client.cookies["_streamlit_xsrf"]}
            place = f"/_stcore/upload_file/{session.id}/x"
            assert client.put(place, files={"file": b"x"}, headers=token).status_code == 403
        assert client.get("/_stcore/metrics").status_code == 404
        assert client.get("/", headers={"Origin": "https://evil.example"}).status_code == 403
        assert client.get("/", headers={"Host": "evil.example"}).status_code == 421
    with socket.create_connection(("127.0.0.1", proxy)) as wire:
        tls = unchecked.wrap_socket(wire, server_hostname="localhost")
        tls.sendall(f"PUT {place} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000000\r\n\r\n".encode())
        assert b" 413 " in tls.recv(100)
    with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", proxy)) as wire:
        unchecked.wrap_socket(wire, server_hostname="evil.example")
