"""The conditional models side by side: on one labelled world, with networks of one size, judged by what is known."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from .. import metrics, transport
from ..batches import parts, samples
from ..data import LabelledWorld, Pairs
from ..training import evaluating
from .classes import FEATURES_ONLY, Auxiliary, SemiSupervised, classification, feature_matching, supervised
from .conditions import Conditional, Joint, Labels
from .information import Codes, information
from .inversion import Bidirectional, inversion
from .networks import Generator, leaky_relu, mlp
from .objectives import NON_SATURATING
from .wiring import Model


def family(world: LabelledWorld, few: Pairs, *, latent: int = 2, width: int = 128) -> tuple[Model, ...]:
    """The plain GAN and the five models of this chapter; `few` are the labels that the semi-supervised one is given.

    Every generator and every critic has two hidden layers of `width` units. Initial weights come from torch's stream.
    """
    classes, _, dim = world.centres.shape
    codes = Codes(classes)

    def net(inputs: int, outputs: int) -> nn.Sequential:
        return mlp(inputs, outputs, width=width)

    def body() -> nn.Sequential:
        return nn.Sequential(*mlp(dim, width, width=width, depth=1), leaky_relu())

    def told(condition: nn.Module) -> Conditional:
        return Conditional(net(latent + classes, dim), condition, latent=latent)

    def auxiliary() -> Auxiliary:
        return Auxiliary(body(), width=width, outputs=classes)

    plain = partial(Generator, latent=latent)
    read = partial(information, codes=codes)
    semi = SemiSupervised(body(), width=width, classes=classes)
    both = Bidirectional(net(latent, dim), net(dim, latent), latent=latent)
    teach, x, gan = partial(supervised, labelled=few), world.marginal, NON_SATURATING
    return (
        Model("GAN", plain(net(latent, dim)), net(dim, 1), x),
        Model("conditional GAN", told(Labels(classes)), Joint(net(dim + classes, 1), Labels(classes)), world),
        Model("AC-GAN", told(Labels(classes)), auxiliary(), world, gan, (classification,), (classification,)),
        Model("InfoGAN", told(codes), auxiliary(), x, gan, (read,), (read,)),
        Model("semi-supervised GAN", plain(net(latent, dim)), semi, x, FEATURES_ONLY, (teach,), (feature_matching,)),
        Model("BiGAN", both, Joint(net(dim + latent, 1)), x, gan, (), (inversion,)),
    )


def judged(model: Model, world: LabelledWorld, *, rows: int = 2_000, rng: torch.Generator) -> dict[str, float]:
    r"""What a trained model is worth, by the exact :math:`p(y\mid x)` and exact distances; only what it claims to do.

    `marginal`: :math:`W_1` between samples and data. `conditional`: the mean :math:`W_1` between samples made for a
    label and data of that label; codes are first matched to labels. `obeyed`: how often the best classifier names the
    label that was asked for. `rarest`: the smallest share that one of a label's modes has among its samples.
    `information`: between what was asked and what the best classifier sees, in nats; `place`: between what was asked
    and the nearest mode. `recognised`: how often the critic's own inference names the label of data.
    `inverted`: :math:`\mathbb E\|x-G(E(x))\|`.
    """
    x, y = world.sample((rows,), rng=rng)
    made = model.generator.sample((rows,), rng=rng)
    found = {"marginal": transport.wasserstein_1(samples(made)[: rows // 4], x[: rows // 4])}
    names = torch.arange(len(world.centres))  # of what a head's outputs stand for
    if isinstance(model.generator, Conditional):
        g, asked = parts(made)
        seen = world.posterior(g).argmax(dim=1)
        if asked.is_floating_point():
            kind = asked.argmax(dim=1)
            names = metrics.matching(metrics.contingency(kind, seen, groups=len(names), classes=len(names))).names
            asked = names[kind]
        found |= compared_by_label(g, asked, seen, world, rng=rng)
    return found | inference(model, x, y, names)


def inference(
    model: Model, x: Float[Tensor, "n dim"], y: Int[Tensor, " n"], names: Int[Tensor, " classes"]
) -> dict[str, float]:
    """What the model says of data; `names` are the labels that its head's outputs stand for. See `judged`."""
    found = {}
    with evaluating(model.generator, model.critic):
        if hasattr(model.critic, "infer"):
            found["recognised"] = (names[model.critic.infer(x).argmax(dim=1)] == y).double().mean().item()  # type: ignore[operator]
        if isinstance(model.generator, Bidirectional):
            back = model.generator.network(model.generator.encoder(x))
            found["inverted"] = (back - x).norm(dim=1).mean().item()
    return found


def compared_by_label(
    x: Float[Tensor, "n dim"],
    asked: Int[Tensor, " n"],
    seen: Int[Tensor, " n"],
    world: LabelledWorld,
    *,
    rng: torch.Generator,
) -> dict[str, float]:
    """How samples made on request compare with data of the same labels; see `judged`."""
    distances, shares = [], []
    for label, centres in enumerate(world.centres):
        mine = x[asked == label]
        mode = torch.cdist(mine, centres).argmin(dim=1)
        shares.append(mode.bincount(minlength=len(centres)) / len(mine))
        distances.append(transport.wasserstein_1(mine, world.given(label).sample((len(mine),), rng=rng)))
    classes, modes, _ = world.centres.shape
    place = torch.cdist(x, world.centres.flatten(0, 1)).argmin(dim=1)

    def told(what: Tensor, kinds: int) -> float:
        return metrics.mutual_information(metrics.contingency(asked, what, groups=classes, classes=kinds))

    return {
        "conditional": sum(distances) / len(distances),
        "obeyed": (asked == seen).double().mean().item(),
        "rarest": torch.stack(shares).min().item(),
        "information": told(seen, classes),
        "place": told(place, classes * modes),
    }
