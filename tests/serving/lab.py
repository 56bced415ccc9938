"""A lab's server: the app as docs/serving.md sets it up, with an identity provider."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from .driving import PATIENCE, Session, click
from .provider import CLIENT, SECRET, Provider, provided

PROJECT = Path(__file__).resolve().parents[2]
ACCESS = """
[members]
emails = ["ada@lab.test", "bob@lab.test"]
[managers]
emails = ["chief@lab.test"]
[limits]
runs = 1
steps = 500
upload_mb = 1
uploads_mb = 2
"""
NOTHING = "run=none"  # a page that is quick
LAUNCH = "data=dsprites&size=32&network=compact&latents=2&steps=3&batch_size=4&eval_images=4"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass
class Lab:
    """A running server and what lies around it."""

    port: int
    home: Path
    provider: Provider
    pid: int

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @contextmanager
    def client(self, email: str | None = None, **claims: object) -> Iterator[httpx.Client]:
        """A browser's part that keeps cookies; signed in as `email`, where there is one."""
        with httpx.Client(base_url=self.url, timeout=PATIENCE, trust_env=False) as client:
            if email is not None:
                self.provider.person = {"email": email, **claims}
                with Session(client) as session:
                    seen = session.run("train", NOTHING)
                    seen = session.run("train", NOTHING, [click(seen.buttons["Sign in"])])
                done = client.get(seen.redirect, follow_redirects=True)
                assert done.status_code == 200 and "_streamlit_user" in client.cookies, done.text
            yield client


@contextmanager
def serving(home: Path, policy: str = ACCESS) -> Iterator[Lab]:
    """The server, known as localhost and as lab.test, until the block ends; its log holds no traceback then."""
    port = free_port()
    with provided() as provider:
        secrets = home / "secrets.toml"
        secrets.write_text(
            f'[auth]\nredirect_uri = "http://localhost:{port}/oauth2callback"\n'
            f'cookie_secret = "{os.urandom(16).hex()}"\nclient_id = "{CLIENT}"\n'
            f'client_secret = "{SECRET}"\n'
            f'server_metadata_url = "{provider.url}/.well-known/openid-configuration"\n'
        )
        (home / "access.toml").write_text(policy)
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            "app.py",
            f"--secrets.files={secrets}",
            f"--server.port={port}",
            "--server.headless=true",
            "--server.allowedHosts=localhost",
            "--server.allowedHosts=lab.test",
        ]
        log = home / "log.txt"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=PROJECT,
                stdout=out,
                stderr=out,
                env={**os.environ, "BETA_VAE_HOME": str(home), "OMP_NUM_THREADS": "1"},
            )
        try:
            begin = time.monotonic()
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    assert process.poll() is None, log.read_text()
                    assert time.monotonic() - begin < 480, "the server did not answer"
                    time.sleep(0.1)
            yield Lab(port, home, provider, process.pid)
            assert "Traceback" not in log.read_text(), log.read_text()
        finally:
            process.terminate()
            process.wait(20)
