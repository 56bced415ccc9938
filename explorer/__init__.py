"""What the pages and the command line stand on: data, training, checkpoints, analysis, figures."""
