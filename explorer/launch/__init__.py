"""Where runs execute: a process of this machine each, in a queue for its device; or a job of SLURM.

A run is started with the command that a person would type in a shell, so one made here can be resumed
there and the other way round. Nothing here imports torch or streamlit.
"""

from explorer.checkpoints.catalogue import NameTaken, check_free
from explorer.launch.lifecycle import (
    MAX_SWEEP,
    check_run_name,
    discard,
    find,
    free_run_name,
    launch,
    name_of,
    rename,
    restore,
    resume,
    run_name_from,
    stop,
    trashed,
)
from explorer.launch.slurm import SlurmJob, has_slurm
from explorer.launch.status import Launch, RunStatus, run_status

__all__ = [
    "MAX_SWEEP",
    "SlurmJob",
    "Launch",
    "RunStatus",
    "NameTaken",
    "check_free",
    "check_run_name",
    "discard",
    "find",
    "free_run_name",
    "has_slurm",
    "launch",
    "name_of",
    "rename",
    "restore",
    "resume",
    "run_name_from",
    "run_status",
    "stop",
    "trashed",
]
