"""From a configuration to everything training needs: graph, features, targets, held-out targets.

C cells, G genes, P columns of the policy, F features.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homeostat.errors import ConfigError, DataError, did_you_mean
from homeostat.wording import some
from homeostat.workloads.hyperperturb import graph, preprocess
from homeostat.workloads.hyperperturb.generator import GeneratorSettings, generate
from homeostat.workloads.hyperperturb.readers import read_h5ad, read_papalexi
from homeostat.workloads.hyperperturb.screen import FloatArray, Screen


@dataclass(frozen=True)
class Targets:
    """What a network should say, as measured on some cells.

    Attributes:
        policy_GP: For each gene, the share of each perturbation in what moves it.
        value_G: How strongly the gene is moved on average.
        effects_GP: Signed effects in standard deviations of the gene.
    """

    policy_GP: FloatArray
    value_G: FloatArray
    effects_GP: FloatArray


@dataclass(frozen=True)
class Half:
    """Some cells of a screen, normalised, and the targets they give."""

    expression_CG: FloatArray
    labels_C: NDArray[np.str_]
    columns: tuple[str, ...]
    control: str
    sd_G: FloatArray
    config: Mapping[str, Any] = field(repr=False)

    def drawn(self, rng: np.random.Generator) -> Targets:
        """Targets from a bootstrap of these cells."""
        return self.targets(rng.poisson(1.0, len(self.labels_C)).astype(float))

    def lesson(self, rng: np.random.Generator) -> tuple[Targets | None, Targets]:
        """What a step sees, if it sees any, and what it should say.

        A network that corrects measured effects sees those of one half of these cells, and should
        say those of the other half: what they have in common is the signal.
        """
        if self.config["base"] == "measured":
            return self.split(rng)
        return None, self.drawn(rng) if self.config["bootstrap"] else self.whole

    @cached_property
    def whole(self) -> Targets:
        """Targets from all of these cells."""
        return self.targets()

    def split(self, rng: np.random.Generator) -> tuple[Targets, Targets]:
        """Targets from a random half of these cells, and from the other one."""
        one_C = preprocess.halves(self.labels_C, rng)
        return self.targets(one_C.astype(float)), self.targets((~one_C).astype(float))

    def targets(self, weights_C: NDArray[np.float64] | None = None) -> Targets:
        """Targets from these cells, each with its weight; all 1 unless given."""
        effects_PG = (
            preprocess.effects(
                self.expression_CG, self.labels_C, self.perturbations, self.control, weights_C
            )
            / self.sd_G
        )
        if self.config["target"] == "mean_abs_z":
            reward_PG = preprocess.mean_abs_shift(
                self.scaled_CG, self.labels_C, self.columns, self.control
            )
        else:
            reward_PG = np.abs(effects_PG)
        return Targets(
            policy_GP=preprocess.shares(
                reward_PG,
                temperature=self.config["target_temperature"],
                log=self.config["target_log"],
            ),
            value_G=reward_PG.mean(0).astype(np.float32),
            effects_GP=effects_PG.T.astype(np.float32),
        )

    @property
    def perturbations(self) -> tuple[str, ...]:
        """The columns without the control."""
        return tuple(name for name in self.columns if name != self.control)

    @cached_property
    def scaled_CG(self) -> FloatArray:
        """Z-scores over these cells."""
        return preprocess.scale(self.expression_CG)


@dataclass(frozen=True)
class PreparedScreen:
    """A screen made ready for one seed's training."""

    genes: tuple[str, ...]
    columns: tuple[str, ...]
    features_GF: FloatArray
    adjacency_GG: FloatArray
    train: Half
    held_out: Half
    notes: tuple[str, ...] = ()


def members(name: str, genes: Collection[str]) -> tuple[str, ...]:
    """The genes knocked out under a label such as A, A+B, A_B or A+ctrl; none if one is unknown."""
    if name in genes:
        return (name,)
    parts = [part.strip() for part in re.split(r"[+_,;|]", name)]
    parts = [part for part in parts if part.lower() not in ("", "ctrl", "control", "nt")]
    return tuple(parts) if all(part in genes for part in parts) else ()


def load_screen(config: Mapping[str, Any]) -> Screen:
    """The screen a configuration names, whole."""
    if config["dataset"] == "papalexi":
        return read_papalexi()
    if config["dataset"] == "h5ad":
        if not config["rna_path"]:
            raise ConfigError(
                "dataset=h5ad needs a file.", hint="Name it:  --set rna_path=FILE.h5ad"
            )
        return read_h5ad(
            Path(config["rna_path"]),
            perturbation_column=config["perturbation_column"],
            control=config["control_label"],
            layer=config["layer"],
            num_genes=config["num_genes"],
            min_cells=config["min_cells"],
        )
    settings = GeneratorSettings(
        num_genes=config["generated_genes"],
        num_perturbations=config["generated_perturbations"],
        num_cells=config["generated_cells"],
        guide_efficiency=config["guide_efficiency"],
        num_batches=config["generated_batches"],
        num_pairs=config["generated_pairs"],
    )
    # The same data for every seed of a run; only the split and the training vary.
    return _generated(settings, config["data_seed"])


@lru_cache(maxsize=2)
def _generated(settings: GeneratorSettings, seed: int) -> Screen:
    return generate(settings, np.random.default_rng(seed))


def prepare(config: Mapping[str, Any], rng: np.random.Generator) -> PreparedScreen:
    """Filter, normalise, hold cells out, and build graph, features and targets.

    Which genes are kept is decided on all cells, for it looks at no label; graph, features,
    scales and training targets come from the training cells alone.
    """
    screen, notes = _with_enough_cells(config, load_screen(config))
    columns = _columns(config, screen)
    limit = config["max_cells"] or len(screen.labels_C)
    keep_C, keep_G = preprocess.quality(
        screen.counts_CG[:limit],
        min_genes=config["min_genes"],
        min_cells=config["min_cells"],
        min_detection=config["min_detection"],
        detected_C=None if screen.detected_C is None else screen.detected_C[:limit],
    )
    expression_CG = _expression(config, screen)
    rest_CG, labels_C = expression_CG[limit:], screen.labels_C[:limit][keep_C]
    expression_CG = expression_CG[:limit][keep_C]
    keep_G = preprocess.most_variable(expression_CG, keep_G, config["num_genes"])
    if config["unseen"] != "none":
        # What a gene's knock-out does is told from the gene itself, so it has to be there.
        knocked = {gene for name in columns for gene in members(name, screen.genes)}
        keep_G |= np.isin(screen.genes, list(knocked)) & (screen.counts_CG > 0).any(0)
    expression_CG = expression_CG[:, keep_G]
    genes = tuple(np.asarray(screen.genes)[keep_G].tolist())

    train_C = np.ones(len(labels_C), dtype=np.bool_)
    if config["val_split"] > 0:
        train_C = ~preprocess.hold_out(labels_C, config["val_split"], rng)
    trained_CG = np.ascontiguousarray(expression_CG[train_C])
    sd_G = np.maximum(trained_CG.std(0), 1e-3)
    train = Half(trained_CG, labels_C[train_C], columns, screen.control, sd_G, config)

    if config["val_split"] > 0:
        rest_CG, rest_labels_C = expression_CG[~train_C], labels_C[~train_C]
    elif len(rest_CG):
        rest_CG, rest_labels_C = rest_CG[:, keep_G], screen.labels_C[limit:]
    else:
        raise ConfigError(
            f"val_split=0 holds out what max_cells leaves over, and of {len(labels_C)} cells "
            "none is left.",
            hint="Lower max_cells, or:  --set val_split=0.5",
        )
    held_out = replace(train, expression_CG=np.ascontiguousarray(rest_CG), labels_C=rest_labels_C)
    links_GG = graph.coexpression(trained_CG, config["neighbours"])
    return PreparedScreen(
        genes=genes,
        columns=columns,
        features_GF=gene_features(config, train, links_GG),
        adjacency_GG=adjacency(config, genes, links_GG),
        train=train,
        held_out=held_out,
        notes=notes,
    )


def _with_enough_cells(config: Mapping[str, Any], screen: Screen) -> tuple[Screen, tuple[str, ...]]:
    """The screen without perturbations of too few cells, and what has to be said of it.

    Raises:
        DataError: If fewer than two perturbations are left, with the numbers of cells.
    """
    names, counts = np.unique(screen.labels_C, return_counts=True)
    cells = dict(zip(names.tolist(), counts.tolist(), strict=True))
    least = config["least_cells"]
    few = [name for name in screen.perturbations if cells[name] < least]
    notes = list(screen.notes)
    if not few:
        return screen, tuple(notes)
    enough = len(screen.perturbations) - len(few)
    told = some([f"{name} ({cells[name]})" for name in few])
    if enough < 2 or cells[screen.control] < least:
        raise DataError(
            f"Only {enough} perturbations have {least} cells or more, of which two are needed "
            f"(controls: {cells[screen.control]}). Too few: {told}.",
            hint="Lower the bar:  --set least_cells=2",
        )
    notes.append(f"Left out, with fewer than {least} cells: {told}.")
    keep_C = ~np.isin(screen.labels_C, few)
    truth = screen.true_effects_PG
    if truth is not None:
        truth = truth[[name not in few for name in screen.perturbations]]

    def kept(values: Any) -> Any:
        return None if values is None else values[keep_C]

    return replace(
        screen,
        counts_CG=screen.counts_CG[keep_C],
        labels_C=screen.labels_C[keep_C],
        batches_C=screen.batches_C[keep_C],
        depth_C=kept(screen.depth_C),
        detected_C=kept(screen.detected_C),
        true_effects_PG=truth,
    ), tuple(notes)


def _expression(config: Mapping[str, Any], screen: Screen) -> FloatArray:
    expression_CG = preprocess.normalise(
        screen.counts_CG,
        # What a file has normalised or logged already is not so once more.
        total=config["normalise_total"] if screen.kind == "counts" else 0.0,
        log=config["log1p"] and screen.kind != "log",
        depth_C=screen.depth_C,
    )
    if config["centre_batches"]:
        is_control_C = screen.labels_C == screen.control
        expression_CG = preprocess.centre_batches(expression_CG, screen.batches_C, is_control_C)
    return expression_CG


def _columns(config: Mapping[str, Any], screen: Screen) -> tuple[str, ...]:
    """What the policy chooses among: the perturbations asked for, or all of the screen's."""
    names = screen.perturbations
    if config["perturbations"]:
        asked = tuple(name.strip() for name in config["perturbations"].split(","))
        unknown = [name for name in asked if name not in names]
        if unknown or len(set(asked)) < 2:
            raise DataError(
                f"perturbations: {', '.join(unknown) or 'fewer than two'} of the screen's "
                f"{len(names)}. {did_you_mean(unknown[0] if unknown else '', names)}"
            )
        names = asked
    # The notes counted the controls as one more perturbation.
    controls = (screen.control,) if config["target"] == "mean_abs_z" else ()
    return controls + names


def gene_features(config: Mapping[str, Any], train: Half, links_GG: FloatArray) -> FloatArray:
    """What the network is told about each gene, shape (G, F)."""
    if config["features"] == "z_mean":
        mean_G: FloatArray = train.scaled_CG.mean(0)
        return mean_G[:, None]
    if config["features"] == "log_mean":
        mean_G = train.expression_CG.mean(0)
        return mean_G[:, None]
    controls_CG = train.expression_CG[train.labels_C == train.control]
    summary_GF = np.stack(
        [controls_CG.mean(0), controls_CG.std(0), (controls_CG > 0).mean(0)], axis=1
    )
    spread_F = summary_GF.std(0)
    summary_GF = (summary_GF - summary_GF.mean(0)) / np.where(spread_F > 0, spread_F, 1.0)
    embedding_GD = graph.spectral_embedding(links_GG, config["spectral_dims"])
    return np.concatenate([summary_GF, embedding_GD], axis=1).astype(np.float32)


def adjacency(
    config: Mapping[str, Any], genes: tuple[str, ...], links_GG: FloatArray
) -> FloatArray:
    """The graph a layer aggregates over, shape (G, G)."""
    if config["graph_file"] == "gene_sets":
        adjacency_GG = graph.gene_sets(_given(config, "gene_sets_path"), genes)
    elif config["graph_file"] == "network":
        adjacency_GG = graph.network(_given(config, "network_path"), genes)
    elif config["graph"] == "identity":
        return np.eye(len(genes), dtype=np.float32)
    else:
        adjacency_GG = links_GG
    return graph.normalised(adjacency_GG) if config["normalise_graph"] else adjacency_GG


def _given(config: Mapping[str, Any], parameter: str) -> Path:
    if not config[parameter]:
        raise ConfigError(
            f"graph_file={config['graph_file']} needs a file.",
            hint=f"Name it:  --set {parameter}=FILE",
        )
    return Path(config[parameter])
