"""A visitor and a member attack a served app: `python -m tests.serving.attack --seconds 600 --home /tmp/attacked`.

Each road is one thing that strangers' requests and files can try; all are gone over and over, several at a time. What
the server takes meanwhile is watched from outside: memory of its process, files in its home, tickets of its queue.
It prints what was highest, and ends with 1 where a limit was passed. A new kind of attack is one more function in
`ROADS`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from explorer import stages

from .attacker import AT_ONCE, LIMITS, MEMBER, POLICY, Attack
from .lab import serving
from .roads import ROADS, png
from .wide import keep_wide


def attacked(home: Path, seconds: float = 0.0, at_once: int = AT_ONCE) -> Attack:
    """Go over all roads, once at least and until the time is over; what was seen of the server.

    Raises:
        AssertionError: a road led somewhere, or the server's log holds a traceback.
    """
    with serving(home, POLICY) as lab, lab.client() as visitor, lab.client(MEMBER) as member:
        attack = Attack(lab, visitor, member)
        keep_wide(home)
        attack.look(png(20, 20), "first.png")  # what looking needs is loaded
        attack.rest = attack.held()
        over, begin = threading.Event(), time.monotonic()
        watcher = threading.Thread(target=attack.watch, args=(over,))
        watcher.start()

        def go(road: Callable[[Attack], None]) -> None:
            road(attack)
            attack.done[road.__name__] += 1

        try:
            with ThreadPoolExecutor(at_once) as pool:
                while not attack.done or time.monotonic() - begin < seconds:
                    list(pool.map(go, ROADS))
            while [p for p in home.rglob(f"{stages.PREFIX}*") if p.is_dir()]:  # the last tabs
                assert time.monotonic() - begin < seconds + 600, "what was staged is still there"
                time.sleep(0.1)
            assert visitor.get("/_stcore/health").text == "ok"
        finally:
            over.set()
            watcher.join()
        attack.highest |= {what: max(v, attack.highest.get(what, 0)) for what, v in attack.held().items()}
        return attack


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--home", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = arguments.home or Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        attack = attacked(home, arguments.seconds)
    print("| what | at rest | highest | more than at rest | may be |\n|---|---|---|---|---|")
    for what, limit in LIMITS.items():
        rest, most = attack.rest[what], attack.highest[what]
        print(f"| {what} | {rest:,} | {most:,} | {most - rest:,} | {limit:,} |")
    for name, count in attack.done.items():
        print(f"{name}: {count} times")
    print(f"{attack.refused} uploads were refused, as more than a day's")
    for line in attack.passed():
        print(line)
    return 1 if attack.passed() else 0


if __name__ == "__main__":
    sys.exit(main())
