"""A classifier trained here, on the data at hand: the eye with which sets of images are compared."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .. import training
from ..data.images import ImageSet


class Classifier(nn.Module):
    """Convolutions, a layer of features, and one logit per class; `accuracy` is its share of right test images.

    `features` and `probabilities` always look in evaluation mode and without gradients, whatever mode the module is in:
    a judge with dropout switched on would score the same images differently every time.
    """

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.body, self.head = body, head
        self.accuracy, self.scale = float("nan"), 1.0

    def forward(self, x: Float[Tensor, "n channels height width"]) -> Float[Tensor, "n classes"]:
        return self.head(self.body(x))

    def features(self, x: Float[Tensor, "n channels height width"]) -> Float[Tensor, "n dim"]:
        """The last hidden layer, scaled so that on the training set a feature's variance is 1 on average."""
        return self.scale * self._look(self.body, x)

    def probabilities(self, x: Float[Tensor, "n channels height width"]) -> Float[Tensor, "n classes"]:
        """What the classifier believes about each image; rows sum to 1."""
        return self._look(self, x).softmax(dim=1)

    def _look(self, network: Callable[[Tensor], Tensor], x: Tensor, *, at_once: int = 1_000) -> Tensor:
        where = next(self.parameters()).device
        with training.evaluating(self):
            return torch.cat([network(part.to(where)).cpu() for part in x.split(at_once)])


def held_out(images: ImageSet, *, share: float = 0.2, seed: int = 0) -> tuple[ImageSet, ImageSet]:
    """The set in two parts, to learn from and to test with; the second has `share` of the images."""
    order = torch.randperm(len(images), generator=training.rng(seed))
    cut = round(len(images) * (1 - share))
    train, test = (ImageSet(images.images[part], images.labels[part]) for part in (order[:cut], order[cut:]))
    return train, test


def classifier(
    train: ImageSet,
    test: ImageSet,
    *,
    steps: int = 400,
    batch: int = 128,
    width: int = 16,
    features: int = 32,
    seed: int = 0,
) -> Classifier:
    """Train three convolutions and a layer of features to tell the classes of `train` apart; `test` says how well.

    The defaults take two seconds on the digits; MNIST wants 2,000 steps and takes a minute. It comes back in evaluation
    mode.

    Raises
    ------
    ValueError
        If there is only one class: nothing can be learned from that.
    """
    classes = int(torch.cat([train.labels, test.labels]).max()) + 1
    if classes < 2 or train.images.shape[1:] != test.images.shape[1:]:
        raise ValueError(
            f"a classifier needs two classes or more and one size of image; here are {classes} class(es) and images of "
            f"{train.shape} and {test.shape}: label and resize them first."
        )
    where = training.device()
    with training.isolated(seed):
        network = _network(train.shape, classes=classes, width=width, features=features).to(where)
        stream, optimizer = training.rng(seed), torch.optim.Adam(network.parameters(), lr=3e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        for _ in training.progress(range(steps), label="classifier"):
            which = torch.randint(len(train), (batch,), generator=stream)
            optimizer.zero_grad()
            cross_entropy(network(train.images[which].to(where)), train.labels[which].to(where)).backward()
            optimizer.step()
            schedule.step()
    right = network.probabilities(test.images).argmax(dim=1) == test.labels
    network.accuracy = right.double().mean().item()
    network.scale = network.features(train.images).var(dim=0).mean().rsqrt().item()
    return network.eval()


def _network(shape: tuple[int, int, int], *, classes: int, width: int, features: int) -> Classifier:
    layers = [
        *(nn.Conv2d(shape[0], width, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3)),
    ]
    flat = nn.Sequential(*layers)(torch.zeros(1, *shape)).shape[1]
    return Classifier(nn.Sequential(*layers, nn.Linear(flat, features), nn.ReLU()), nn.Linear(features, classes))
