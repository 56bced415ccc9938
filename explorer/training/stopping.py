"""The signals that ask a run to stop, besides Ctrl-C."""

import signal

# SLURM warns of its time limit with SIGUSR2, which Windows doesn't have.
STOPPING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGUSR2") if hasattr(signal, name))
