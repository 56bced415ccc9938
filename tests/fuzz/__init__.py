"""Damaged, lying and hostile checkpoints by the thousand: each is refused in a sentence or loads correctly."""
