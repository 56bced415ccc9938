"""A home of its own for every test, no process left behind, and SLURM on this one machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from explorer import launch, paths
from explorer.training.directory import find_runs

SLURM_CONF = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={worker}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
SlurmUser=root
SlurmdUser=root
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdSpoolDir={folder}/spool
StateSaveLocation={folder}/state
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SwitchType=switch/none
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MinJobAge=2
KillWait=20
InactiveLimit=0
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An own home; whatever still runs in it at the end is ended, and none may be left."""
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield tmp_path / "home"
    for run in find_runs(paths.runs()):
        if launch.run_status(run).going:
            launch.stop(run, grace=20, wait=True)
    left = [process for process in processes() if str(tmp_path) in " ".join(process.cmdline())]
    _, left = psutil.wait_procs(left, timeout=30)
    assert left == []


def processes() -> list[psutil.Process]:
    """The training processes of this machine."""
    found = []
    for process in psutil.process_iter():
        try:
            if "explorer" in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _slurm_folder() -> tuple[Path, str]:
    """A folder with the files that SLURM is started with, and this machine's name."""
    # munged wants a socket whose folders only root can write to, and a short path
    folder = Path("/run") / f"beta-vae-slurm-{os.getpid()}"
    folder.mkdir(mode=0o755)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    for name in ("spool", "state"):
        (folder / name).mkdir()
    controller, worker = free_ports(2)
    host = socket.gethostname().split(".")[0]
    (folder / "slurm.conf").write_text(
        SLURM_CONF.format(folder=folder, host=host, controller=controller, worker=worker, cpus=os.cpu_count())
    )
    return folder, host


def _end(started: list[subprocess.Popen[bytes]]) -> None:
    for process in reversed(started):
        process.terminate()
    for process in started:
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A real SLURM with one node, this machine; the folder of its files. Stopped at the end."""
    daemons = {
        name: shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        for name in ("munged", "slurmctld", "slurmd", "sbatch")
    }
    missing = [name for name, path in daemons.items() if path is None]
    if missing:
        pytest.skip(f"SLURM is not installed here ({', '.join(missing)}): runs as jobs are left out")
    if os.geteuid() != 0:
        pytest.skip("SLURM's daemons are started by root alone: runs as jobs are left out")
    folder, host = _slurm_folder()
    conf, key = folder / "slurm.conf", folder / "munge.key"
    environment = {**os.environ, "SLURM_CONF": str(conf)}
    started = []

    def start(name: str, *arguments: str) -> None:
        out = (folder / f"{name}.out").open("wb")
        started.append(
            subprocess.Popen(
                [str(daemons[name]), *arguments], stdout=out, stderr=out, env=environment, start_new_session=True
            )
        )

    before = os.environ.get("SLURM_CONF")
    try:
        start("munged", "--foreground", f"--key-file={key}", f"--socket={folder}/munge.socket",
              f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log",
              f"--seed-file={folder}/munged.seed", "--force")  # fmt: skip
        begin = time.monotonic()
        while not (folder / "munge.socket").exists():
            assert time.monotonic() - begin < 480, (folder / "munged.out").read_text()
            time.sleep(0.1)
        start("slurmctld", "-D", "-f", str(conf))
        start("slurmd", "-D", "-f", str(conf), "-N", host)
        begin = time.monotonic()
        while True:
            seen = subprocess.run(["sinfo", "-h", "-o", "%T"], env=environment, capture_output=True, text=True)
            if seen.stdout.strip() == "idle":
                break
            logs = [(folder / f"{n}.out").read_text()[-1500:] for n in ("slurmctld", "slurmd")]
            assert time.monotonic() - begin < 480, f"SLURM is installed and does not start: {logs}"
            time.sleep(0.3)
        os.environ["SLURM_CONF"] = str(conf)
        yield folder
    finally:
        if before is None:
            os.environ.pop("SLURM_CONF", None)
        else:
            os.environ["SLURM_CONF"] = before
        _end(started)
        shutil.rmtree(folder, ignore_errors=True)
