"""What other papers show, on the models at hand: which commands, and what of the paper that is and is not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """A figure that commands of the program make.

    Attributes:
        paper: authors, year and title or number.
        said: what is shown here, and what of the paper is not reproduced.
        commands: words behind `python -m explorer`; OUT is the folder of results. A training goes on where it was.
    """

    paper: str
    said: str
    commands: tuple[str, ...]


SHOWN = {
    "interventions": Shown(
        "Roy 2025, arXiv 2505.03530",
        "How much a latent moves the picture falls as β rises (mean effect), and how specific the "
        "responses are. Their formula of effect strength was not found; the definition of Insight stands "
        "in its place.",
        (
            "insight intervene dsprites-beta1 --out OUT/interventions-1.csv",
            "insight intervene dsprites-beta4 --out OUT/interventions-4.csv",
            "insight intervene dsprites-beta16 --out OUT/interventions-16.csv",
        ),
    ),
    "variables": Shown(
        "Glushkovsky 2024, arXiv 2410.20172",
        "Gradients of two outputs over a plane of latents, and the angle between them. Their data (rates "
        "of Canada) are not here, and their normalisation of the cross product was not found.",
        (
            "insight plane dsprites-disentangled --a 20 20 --b 44 44 --region 15 --out OUT/variables.csv",
            "insight plane dsprites-disentangled --out OUT/variables.png",
        ),
    ),
    "signalling": Shown(
        "Ueda and Taniguchi 2024, arXiv 2311.04453",
        "Their controller of β, REWO, on shifted peaks: β waits until the reconstruction is below κ = 60 "
        "nats and rises to 1 then; the reconstruction ends at 59.3, within 5 % of κ. The game itself, "
        "with messages of words, is not a model of this program.",
        (
            "train --data peaks --network dense --latents 5 --objective rewo --kappa 60 --rewo-rate 2 "
            "--likelihood bernoulli --steps 6000 --threads 1 --out OUT/signalling",
            "export OUT/signalling --to curves --out OUT/signalling.csv",
        ),
    ),
    "conceptual-spaces": Shown(
        "Tull et al. 2023, arXiv 2401.08585",
        "The classical half: classes as Gaussians on latents, combined as products and decoded. The "
        "quantum half is not here.",
        ("insight concepts scene-disentangled --combine wall_hue --combine shape --out OUT/conceptual-spaces.png",),
    ),
    "conceptual-vae": Shown(
        "Shaikh et al. 2022, arXiv 2203.11216",
        "Classes of each factor on the latent that tells them best, with the share that is classified "
        "rightly. Their model learns the Gaussians; here they are fitted afterwards.",
        (
            "insight concepts dsprites-disentangled --count 400 --out OUT/conceptual-vae.csv",
            "insight concepts dsprites-beta1 --count 400 --out OUT/conceptual-vae-beta1.csv",
        ),
    ),
    "pruning": Shown(
        "Shneider 2023, arXiv 2307.09994",
        "Cost, KL, MIG and a probe's accuracy against the share of weights that are zero, by β. Their "
        "criterion and classifier are not told in what could be read; weights go by their size.",
        ("insight pruning dsprites-beta1 dsprites-beta4 dsprites-beta16 --out OUT/pruning.csv",),
    ),
    "folds": Shown(
        "Guillon et al. 2024, arXiv 2211.16213",
        "Two scores of the same images, distance among the latents and cost of reconstruction, and how "
        "well each finds an erased part. Their images of brains can't be had here.",
        (
            "insight anomalies dsprites-disentangled --outliers --count 1000 --out OUT/folds-outliers.csv",
            "insight anomalies dsprites-disentangled --kind erased --out OUT/folds.csv",
        ),
    ),
    "veins": Shown(
        "Nguyen et al. 2022, arXiv 2210.10667",
        "A search among latents for a picture that scores highest. Neither the attack on persons' veins "
        "nor its rates are reproduced.",
        ("insight search dsprites-beta4 --image 5000 --out OUT/veins.png --out OUT/veins.csv",),
    ),
    "topics": Shown(
        "Guo 2022, TopicVAE (ACM Multimedia)",
        "Groups of latents: the KL of each, and what moves along it. Recommendation and their regulariser"
        " are not here.",
        (
            "insight groups scene-disentangled --group hues=0,1,2 --group form=3,4 --out OUT/topics.csv",
            "insight groups scene-disentangled --group hues=0,1,2 --group form=3,4 --out OUT/topics.png",
        ),
    ),
    "experiments": Shown(
        "Glushkovsky 2021, arXiv 2110.01458",
        "Square and polar grids of a plane of latents, decoded. Their designs of experiments are not published.",
        (
            "insight plane dsprites-disentangled --layout polar --side 12 --out OUT/experiments-polar.png",
            "insight plane dsprites-disentangled --side 9 --out OUT/experiments-square.csv",
        ),
    ),
    "active": Shown(
        "Bonheme and Grzes 2021, arXiv 2109.12679",
        "Active, mixed and passive latents by β, and that means are more correlated than samples where "
        "passive ones are. Their trained models could not be reached.",
        (
            "evaluate dsprites-beta1 --count 2000",
            "evaluate dsprites-beta4 --count 2000",
            "evaluate dsprites-beta16 --count 2000",
        ),
    ),
    "graphs": Shown(
        "Guzman et al. 2021, arXiv 2105.00997",
        "Whether latents find both parameters of random graphs, by MIG (0.13). Their encoder is a network"
        " on graphs; here a graph is a row of its degrees, and the network is dense.",
        (
            "train --data graphs --network dense --latents 4 --beta 4 --likelihood gaussian --sigma 0.1 "
            "--steps 8000 --threads 1 --out OUT/graphs",
            "measure OUT/graphs --metrics mig,sap --preset fast",
        ),
    ),
    "full-encoder": Shown(
        "Li and Feng 2021, arXiv 2103.14082",
        "What the first k latents by KL already say. Their training, one latent after the other, is not "
        "here: a plain Beta-VAE does not agree over seeds as theirs is said to.",
        (
            "insight first-k dsprites-disentangled dsprites-beta4 --out OUT/full-encoder.csv",
            "insight first-k dsprites-disentangled --out OUT/full-encoder.png",
        ),
    ),
    "insects": Shown(
        "Rydhmer and Selvan 2021, arXiv 2102.05526",
        "Their rule for β on spectra of wing beats of twelve species, two latents. Their recordings can't"
        " be had: the spectra are made as their program makes synthetic ones.",
        (
            "train --data spectra --network dense --latents 2 --objective dynamic --likelihood gaussian "
            "--sigma 0.1 --steps 8000 --threads 1 --out OUT/insects",
            "insight plane OUT/insects --zero --out OUT/insects.png",
            "export OUT/insects --to curves --out OUT/insects.csv",
        ),
    ),
    "slow": Shown(
        "Struckmeier et al. 2023, arXiv 2012.06279",
        "Lines of latents along moving sprites, how slow each is, and the terms of S-VAE and SlowVAE. "
        "Nothing is trained with them here.",
        ("insight sequences dsprites-disentangled dsprites-beta4 --out OUT/slow.csv",),
    ),
    "anomalies": Shown(
        "Zhou, Deng and Wu 2020, arXiv 2005.10686",
        "Scores of a pixel against one another, by β. Their data (industry, brains) are not here.",
        (
            "insight anomalies dsprites-beta1 dsprites-beta4 dsprites-beta16 dsprites-disentangled --out "
            "OUT/anomalies.csv",
        ),
    ),
}
