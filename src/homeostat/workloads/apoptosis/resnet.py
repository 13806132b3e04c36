"""The guide's last resort, a different kind of network: a small ResNet for the digits."""

# B batch, C channels; images are 8 by 8.

from __future__ import annotations

from torch import Generator, Tensor, nn
from torch.nn import functional as F

from homeostat.workloads.apoptosis.influence import AgeingNetwork, Block, drop, influenced, prune
from homeostat.workloads.apoptosis.model import initialise
from homeostat.workloads.apoptosis.senescence import REPAIRED, LayerState, Mechanisms, assign_zones


class ResidualBlock(Block):
    """Two convolutions, added to what flows past them."""

    incoming: nn.Conv2d
    outgoing: nn.Conv2d

    def __init__(self, channels: int, inert_dropout: float | None) -> None:
        super().__init__()
        self.inert_dropout = inert_dropout
        self.norm_1 = nn.GroupNorm(1, channels)
        self.incoming = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm_2 = nn.GroupNorm(1, channels)
        self.activation = nn.ReLU()
        self.outgoing = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(
        self, h_BCHW: Tensor, layer: LayerState, rng: Generator | None, keep: float
    ) -> Tensor:
        rate = layer.dropout_rate if self.inert_dropout is None else self.inert_dropout
        inner = convolve(F.relu(self.norm_1(h_BCHW)), self.incoming, keep)
        inner = self.activation(self.norm_2(inner))
        return h_BCHW + drop(convolve(inner, self.outgoing, keep), rate, rng)


class ApoptoticResNet(AgeingNetwork):
    """Tells digits apart; its layers age as the transformer's do, but have no temperature.

    Args:
        channels: Width of every block, so that any block can be skipped or replaced.
        layers: How many blocks.
        classes: How many kinds of image.
        dropout: The rate of a healthy layer.
        rules: Which way influence acts.
        architecture: Which layers are newborn, stable and dying at first: A, B, C or D.
        rng: Where the first weights are drawn from.
        dropout_rng: Where dropout is drawn from.
    """

    def __init__(
        self,
        *,
        channels: int = 16,
        layers: int = 6,
        classes: int = 10,
        dropout: float = 0.1,
        rules: Mechanisms = REPAIRED,
        architecture: str = "B",
        rng: Generator | None = None,
        dropout_rng: Generator | None = None,
    ) -> None:
        super().__init__()
        self.rules = rules
        self.dropout_rng = dropout_rng or Generator()
        inert = dropout if rules.dropout == "inert" else None
        self.stem = nn.Conv2d(1, channels, 3, padding=1)
        self.blocks = nn.ModuleList(ResidualBlock(channels, inert) for _ in range(layers))
        self.norm = nn.GroupNorm(1, channels)
        self.output = nn.Linear(channels, classes)
        self.senescence = [LayerState(dropout_rate=dropout) for _ in range(layers)]
        assign_zones(self.senescence, architecture)
        rng = rng or Generator()
        for module in self.modules():
            initialise(module, rng)

    def forward(self, images_BCHW: Tensor, *, skip: int | None = None) -> Tensor:
        """Scores of each class, shape (B, classes)."""
        rng = self.dropout_rng if self.training else None
        h_BCHW = self.stem(images_BCHW)
        for index, (block, layer) in enumerate(zip(self.blocks, self.senescence, strict=True)):
            if index != skip:
                assert isinstance(block, Block)
                h_BCHW = influenced(self.rules.influence, block, h_BCHW, layer, rng)
        pooled_BC = F.relu(self.norm(h_BCHW)).mean((2, 3))
        scores: Tensor = self.output(pooled_BC)
        return scores


def convolve(x: Tensor, layer: nn.Conv2d, keep: float) -> Tensor:
    """A convolution with only its largest share `keep` of weights."""
    if keep >= 1:
        out: Tensor = layer(x)
        return out
    return F.conv2d(x, prune(layer.weight, keep), layer.bias, padding=layer.padding)
