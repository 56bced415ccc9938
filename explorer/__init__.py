"""What the pages and the command line stand on: data, training, checkpoints, analysis, figures."""

__version__ = "0.2.0"
