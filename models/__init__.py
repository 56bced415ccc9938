"""The Beta-VAE itself: networks, likelihoods, the model, and its objectives. Knows nothing of the explorer."""
