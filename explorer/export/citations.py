"""BibTeX of this program, of a model, and of the method that the model was trained with."""

from __future__ import annotations

import re

from explorer import __version__
from explorer.checkpoints import Description
from models.kinds import OBJECTIVES

PROGRAM = f"""@software{{beta_vae_explorer,
  title = {{Beta-VAE Explorer}},
  author = {{{{The Beta-VAE Explorer authors}}}},
  version = {{{__version__}}},
  year = {{2026}},
}}
"""


def _entry(kind: str, key: str, title: str, author: str, year: int, **more: str) -> str:
    fields = {"title": f"{{{title}}}", "author": author, "year": str(year)} | more
    return "\n".join([f"@{kind}{{{key},", *(f"  {name} = {{{value}}}," for name, value in fields.items()), "}\n"])


ICLR = {"booktitle": "International Conference on Learning Representations"}
NEURIPS = {"booktitle": "Advances in Neural Information Processing Systems"}
METHOD = "Higgins et al. 2017"
# By the words with which `models.kinds` names them as the source of an objective.
PAPERS = {
    METHOD: _entry(
        "inproceedings", "higgins2017beta",
        "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework",
        "Higgins, Irina and Matthey, Loic and Pal, Arka and Burgess, Christopher and Glorot, Xavier and "
        "Botvinick, Matthew and Mohamed, Shakir and Lerchner, Alexander", 2017, **ICLR,
    ),
    "Burgess et al. 2018": _entry(
        "misc", "burgess2018understanding", "Understanding disentangling in beta-VAE",
        "Burgess, Christopher P. and Higgins, Irina and Pal, Arka and Matthey, Loic and Watters, Nick and "
        "Desjardins, Guillaume and Lerchner, Alexander", 2018, eprint="1804.03599", archiveprefix="arXiv",
    ),
    "Chen et al. 2018": _entry(
        "inproceedings", "chen2018isolating", "Isolating Sources of Disentanglement in Variational Autoencoders",
        "Chen, Ricky T. Q. and Li, Xuechen and Grosse, Roger B. and Duvenaud, David K.", 2018, **NEURIPS,
    ),
    "Dosovitskiy and Djolonga 2020": _entry(
        "inproceedings", "dosovitskiy2020you", "You Only Train Once: Loss-Conditional Training of Deep Networks",
        "Dosovitskiy, Alexey and Djolonga, Josip", 2020, **ICLR,
    ),
    "Bae et al. 2023": _entry(
        "inproceedings", "bae2023multirate", "Multi-Rate VAE: Train Once, Get the Full Rate-Distortion Curve",
        "Bae, Juhan and Zhang, Michael R. and Ruan, Michael and Wang, Eric and Hasegawa, So and Ba, Jimmy and "
        "Grosse, Roger", 2023, **ICLR,
    ),
    "Lopez et al. 2018": _entry(
        "inproceedings", "lopez2018information", "Information Constraints on Auto-Encoding Variational Bayes",
        "Lopez, Romain and Regier, Jeffrey and Jordan, Michael I. and Yosef, Nir", 2018, **NEURIPS,
    ),
    "Locatello et al. 2020, GVAE": _entry(
        "inproceedings", "locatello2020weakly", "Weakly-Supervised Disentanglement Without Compromises",
        r"Locatello, Francesco and Poole, Ben and R{\"a}tsch, Gunnar and Sch{\"o}lkopf, Bernhard and "
        "Bachem, Olivier and Tschannen, Michael", 2020, booktitle="International Conference on Machine Learning",
    ),
    "Locatello et al. 2020, Few labels": _entry(
        "inproceedings", "locatello2020disentangling", "Disentangling Factors of Variations Using Few Labels",
        r"Locatello, Francesco and Tschannen, Michael and Bauer, Stefan and R{\"a}tsch, Gunnar and "
        r"Sch{\"o}lkopf, Bernhard and Bachem, Olivier", 2020, **ICLR,
    ),
    "Rezende and Viola 2018": _entry(
        "misc", "rezende2018taming", "Taming VAEs", "Rezende, Danilo Jimenez and Viola, Fabio", 2018,
        eprint="1810.00597", archiveprefix="arXiv",
    ),
    "Klushyn et al. 2019": _entry(
        "inproceedings", "klushyn2019learning", "Learning Hierarchical Priors in VAEs",
        "Klushyn, Alexej and Chen, Nutan and Kurle, Richard and Cseke, Botond and van der Smagt, Patrick", 2019,
        **NEURIPS,
    ),
    "Rydhmer and Selvan 2021": _entry(
        "misc", "rydhmer2021dynamic",
        "Dynamic beta-VAEs for quantifying biodiversity by clustering optically recorded insect signals",
        "Rydhmer, Klas and Selvan, Raghavendra", 2021, eprint="2102.05526", archiveprefix="arXiv",
    ),
}  # fmt: skip


def cited(model: Description | None = None) -> str:
    """BibTeX of the program and of the Beta-VAE; of a model also its own entry, and the papers of its objective."""
    if model is None:
        return "\n".join([PROGRAM, PAPERS[METHOD]])
    objective = OBJECTIVES.get(str((model.config.training or {}).get("objective") or ""))
    source = objective.source if objective is not None else ""
    papers = {METHOD: PAPERS[METHOD]} | {words: entry for words, entry in PAPERS.items() if words in source}
    return "\n".join([PROGRAM, _model(model), *papers.values()])


def _model(model: Description) -> str:
    said = [f"hash of weights and network {model.hash}"]
    data = model.config.data or (model.config.training or {}).get("data")
    said += [f"trained on {data}"] if data else []
    key = re.sub(r"[^a-z0-9]+", "_", model.name.lower()).strip("_") or "model"
    about = model.config.objective
    title = f"{_plain(model.name)}: a Beta-VAE{f' ({_plain(about)})' if about else ''}"
    return _entry("misc", f"model_{key}", title, "{The Beta-VAE Explorer authors, or who trained it}", 2026,
                  note=_plain(f"{'; '.join(said)}"))  # fmt: skip


def _plain(text: str) -> str:
    """A text without what means something to BibTeX and LaTeX."""
    letters = {"β": r"$\beta$", "γ": r"$\gamma$", "α": r"$\alpha$", "λ": r"$\lambda$", "ε": r"$\varepsilon$"}
    escaped = "".join(f"\\{letter}" if letter in "&%$#_" else letter for letter in text if letter not in "{}\\~^")
    return "".join(letters.get(letter, letter) for letter in escaped)
