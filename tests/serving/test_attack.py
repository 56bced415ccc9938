"""A visitor and a member attack a served app by all roads at once: what it holds stays within the stated limits."""

from __future__ import annotations

import os

from .attack import ROADS, attacked

SECONDS = "BETA_VAE_ATTACK_SECONDS"  # for how long; each road once where it is not set


def test_under_attack_memory_disk_and_queue_stay_within_the_stated_limits(tmp_path):
    attack = attacked(tmp_path, float(os.environ.get(SECONDS, "0")))
    assert set(attack.done) == {road.__name__ for road in ROADS}
    assert attack.passed() == []
