"""A visitor and a member attack a served app by all roads at once: what it holds stays within the stated limits."""

from __future__ import annotations

import io
import os
import signal
import zipfile
from pathlib import Path

from PIL import Image

from explorer import stages

from .attack import attacked
from .attacker import MEMBER, POLICY
from .driving import Session, given
from .lab import serving
from .roads import ROADS

SECONDS = "BETA_VAE_ATTACK_SECONDS"  # for how long; each road once where it is not set


def test_under_attack_memory_disk_and_queue_stay_within_the_stated_limits(tmp_path: Path) -> None:
    attack = attacked(tmp_path, float(os.environ.get(SECONDS, "0")))
    assert set(attack.done) == {road.__name__ for road in ROADS}
    assert attack.passed() == [] and (attack.refused == 0 or SECONDS in os.environ)


def test_what_a_killed_server_had_not_kept_is_gone_once_another_one_starts(tmp_path: Path) -> None:
    picture, file = io.BytesIO(), io.BytesIO()
    Image.new("L", (20, 20)).save(picture, "PNG")
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("a.png", picture.getvalue())
    with serving(tmp_path, POLICY) as lab, lab.client(MEMBER) as member:
        session = Session(member).__enter__()
        seen = session.run("library", "show=images")
        name = session.upload(file.getvalue(), "a.zip")
        said = session.run("library", "show=images", [given(seen.uploader, {name: "a.zip"})]).words
        assert "1 image" in said and list(tmp_path.rglob(f"{stages.PREFIX}*/images"))
        os.kill(lab.pid, signal.SIGKILL)
    with serving(tmp_path, POLICY) as again, again.client() as visitor:
        assert visitor.get("/_stcore/health").text == "ok"  # the port is open a moment before
        assert not list(tmp_path.rglob(f"{stages.PREFIX}*"))
