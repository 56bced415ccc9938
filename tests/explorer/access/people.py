"""Who the tests of access let ask, and a finished run of one of them."""

from __future__ import annotations

from explorer import paths
from explorer.files import write_json
from explorer.launch.status import Launch
from explorer.policy import Person
from explorer.training import TrainConfig
from explorer.training.directory import RunDirectory

ADA, BOB, CHIEF = (
    Person("ada@lab.test", "member"),
    Person("bob@lab.test", "member"),
    Person("chief@lab.test", "manager"),
)


TINY = TrainConfig(data="dsprites", size=32, steps=3, batch_size=4, latents=2)


def finished(name: str, owner: str) -> RunDirectory:
    run = RunDirectory(paths.runs() / name)
    run.path.mkdir(parents=True)
    write_json(run.config_file, TINY.model_dump(mode="json"))
    run.write_state(status="finished", step=3, steps=3)
    Launch(owner=owner).write(run)
    return run
