"""Which images each step of a run trains on: a function of seed and step, so that a resumed run goes on alike."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from math import prod

import torch
from torch import Tensor

from explorer.datasets.base import Dataset
from explorer.errors import UserError
from explorer.recipe.run import TrainConfig
from models.few_labels import standardised
from models.kinds import OBJECTIVES


def seed_of(seed: int, stream: str, number: int) -> int:
    """A 63-bit seed of its own for every (seed, stream, number)."""
    digest = hashlib.blake2b(f"{seed}/{stream}/{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def split(data: Dataset, config: TrainConfig) -> tuple[Tensor, Tensor]:
    """Indices of the training images and of the held-out ones, which no seed ever trains on."""
    held = min(config.eval_images, max(1, len(data) // 10))
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))
    training, held_out = order[held:], order[:held]
    if len(training) < config.batch_size:
        raise UserError(
            f"batch_size {config.batch_size} is more than the {len(training)} images of {data.name} "
            f"that remain to train on; choose {len(training)} or less"
            if len(training)
            else f"{data.name} has {len(data)} image, too few to train on"
        )
    return training, held_out


class Batches:
    """Which of the `training` images make up each batch: every epoch in an order of its own.

    The order is drawn on the CPU, the same on every device, and laid where `training` is once an epoch.
    """

    def __init__(self, config: TrainConfig, training: Tensor) -> None:
        self.training, self.size, self.seed = training, config.batch_size, config.seed
        self.per_epoch = len(training) // config.batch_size
        self.epoch, self.order = -1, training

    def at(self, step: int) -> Tensor:
        """Indices of the images of `step`."""
        epoch, place = divmod(step, self.per_epoch)
        if epoch != self.epoch:
            generator = torch.Generator().manual_seed(seed_of(self.seed, "epoch", epoch))
            order = torch.randperm(len(self.training), generator=generator)
            self.epoch, self.order = epoch, self.training[order.to(self.training.device)]
        return self.order[place * self.size : (place + 1) * self.size]

    @property
    def labels(self) -> Callable[[int], Tensor] | None:
        """What gives the labels `(m, K)` of the last m images of a step; None where no image has any."""
        return None

    @property
    def names(self) -> dict[int, str]:
        """What each dimension that is trained to have a factor is called."""
        return {}


class PairedBatches(Batches):
    """Batches whose second half are partners of the first: images that differ from it in some factors.

    A partner that is held out is not trained on: then the image is its own partner.
    """

    def __init__(self, config: TrainConfig, training: Tensor, sizes: tuple[int, ...], held_out: Tensor) -> None:
        """`sizes`: how many classes each factor has; the data holds every combination, the last changing fastest."""
        super().__init__(config, training.cpu())  # an image's partner is found without waiting for the device
        self.sizes, self.changes, self.device = sizes, config.changes, training.device
        self.held_out = torch.zeros(prod(sizes), dtype=torch.bool)
        self.held_out[held_out.cpu()] = True

    def at(self, step: int) -> Tensor:
        first = super().at(step)[: self.size // 2]
        generator = torch.Generator().manual_seed(seed_of(self.seed, "partners", step))
        second = partners(first, self.sizes, self.changes, generator)
        return torch.cat([first, torch.where(self.held_out[second], first, second)]).to(self.device)


class LabelledBatches(Batches):
    """Batches whose second half have labels: drawn of the first `labelled` training images, whatever the seed."""

    def __init__(self, config: TrainConfig, training: Tensor, data: Dataset) -> None:
        super().__init__(config, training)
        self.labelled = training[: config.labelled]
        self.varying = [factor for factor, size in enumerate(data.factor_sizes or ()) if size > 1]
        self.called = data.factor_names or ()
        sizes = tuple((data.factor_sizes or ())[factor] for factor in self.varying)
        self.targets = standardised(data.factors(self.labelled)[:, self.varying], sizes).to(training.device)

    def at(self, step: int) -> Tensor:
        return torch.cat([super().at(step)[: self.size // 2], self.labelled[self._chosen(step)]])

    @property
    def labels(self) -> Callable[[int], Tensor]:
        """The factors of the labelled images of a step that vary, on the prior's scale `(m, K)`."""
        return lambda step: self.targets[self._chosen(step)]

    def _chosen(self, step: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed_of(self.seed, "labelled", step))
        chosen = torch.randint(len(self.labelled), (self.size - self.size // 2,), generator=generator)
        return chosen.to(self.labelled.device)

    @property
    def names(self) -> dict[int, str]:
        return {d: self.called[factor].replace("_", " ")[:40] for d, factor in enumerate(self.varying)}


def batches_of(config: TrainConfig, data: Dataset, training: Tensor, held_out: Tensor) -> Batches:
    """The batches that the run's objective takes, of the `training` images.

    Raises:
        UserError: the objective wants pairs, and the data doesn't hold every combination of its factors; it wants
            labels, and the data has none, or more factors than the model has dimensions.
    """
    objective = OBJECTIVES[config.objective]
    if objective.labelled:
        return _labelled(config, data, training)
    if not objective.paired:
        return Batches(config, training)
    sizes = grid_sizes(data)
    if sizes is None:
        raise UserError(
            f"the objective {config.objective} makes pairs of images that differ in a factor: it needs images of every "
            f"combination of known factors, such as dsprites or scene, and {data.name} is not so"
        )
    varying = sum(size > 1 for size in sizes)
    if config.changes > varying:
        raise UserError(f"changes must be at most {varying}, the factors of {data.name} that vary")
    return PairedBatches(config, training, sizes, held_out)


def _labelled(config: TrainConfig, data: Dataset, training: Tensor) -> LabelledBatches:
    varying = sum(size > 1 for size in data.factor_sizes or ())
    if not varying:
        raise UserError(f"the objective {config.objective} needs images whose factors are known: {data.name} has none")
    if varying > config.latents:
        raise UserError(
            f"{data.name} has {varying} factors, each of which needs a dimension of its own: latents must be at least "
            f"{varying}, not {config.latents}"
        )
    return LabelledBatches(config, training, data)


def grid_sizes(data: Dataset) -> tuple[int, ...] | None:
    """How many classes each factor has, where the data holds every combination of them, the last changing fastest."""
    sizes = data.factor_sizes
    if sizes is None or prod(sizes) != len(data):
        return None
    probes = torch.linspace(0, len(data) - 1, min(len(data), 200), dtype=torch.float64).long()
    return sizes if torch.equal(data.factors(probes).cpu(), _classes(probes, sizes)) else None


def partners(indices: Tensor, sizes: tuple[int, ...], changes: int, generator: torch.Generator) -> Tensor:
    """For each image one that differs from it in exactly `changes` factors, drawn evenly: which, and to what.

    Args:
        indices: `(n,)` of images in data that holds every combination of its factors, the last changing fastest.
        sizes: how many classes each factor has; at least `changes` of them more than one.
    """
    classes, of = _classes(indices, sizes), torch.tensor(sizes)
    order = torch.rand(classes.shape, generator=generator).masked_fill(of < 2, -1.0)
    chosen = torch.zeros_like(classes).scatter(1, order.topk(changes, dim=1).indices, 1)
    shift = 1 + (torch.rand(classes.shape, generator=generator) * (of - 1)).long()  # never all the way round
    moved = (classes + chosen * shift.clamp(max=(of - 1).clamp(min=1))) % of
    found = torch.zeros_like(indices)
    for place, size in enumerate(sizes):
        found = found * size + moved[:, place]
    return found


def _classes(indices: Tensor, sizes: tuple[int, ...]) -> Tensor:
    found = []
    for size in reversed(sizes):
        found.append(indices % size)
        indices = indices // size
    return torch.stack(found[::-1], dim=1)
