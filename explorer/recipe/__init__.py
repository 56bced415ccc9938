"""Settings as values, without torch: of a model, its layers and nodes, and of a run."""
