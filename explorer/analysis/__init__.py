"""Numbers about a model: what it costs, what its dimensions do, how disentangled they are."""
