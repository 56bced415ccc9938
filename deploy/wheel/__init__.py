"""Beta-VAE Explorer, installed: its command is `beta-vae-explorer`, or `python -m beta_vae_explorer`.

The program lies in this package as it lies in its repository. Its own packages, among them one called models, can be
imported in the processes of that command alone, so that they hide nobody else's.
"""
