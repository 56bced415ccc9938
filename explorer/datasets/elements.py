"""Elements: electrons in each sub-shell of the 118 elements' ground states.

Filled by the rule of Madelung (n + l, then n), but for the 20 elements known or predicted not to keep it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from explorer.datasets.base import ArrayDataset
from explorer.datasets.names import Request
from explorer.datasets.scaling import vectors

LETTERS = "spdf"
COUNT = 118
_TABLE = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb "
    "Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au "
    "Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts "
    "Og"
)
SYMBOLS = _TABLE.split()
# What an exception has that the rule does not give: electrons more or less in a sub-shell.
EXCEPTIONS = {
    "Cr": {"4s": -1, "3d": 1}, "Cu": {"4s": -1, "3d": 1}, "Nb": {"5s": -1, "4d": 1}, "Mo": {"5s": -1, "4d": 1},
    "Ru": {"5s": -1, "4d": 1}, "Rh": {"5s": -1, "4d": 1}, "Pd": {"5s": -2, "4d": 2}, "Ag": {"5s": -1, "4d": 1},
    "La": {"4f": -1, "5d": 1}, "Ce": {"4f": -1, "5d": 1}, "Gd": {"4f": -1, "5d": 1}, "Pt": {"6s": -1, "5d": 1},
    "Au": {"6s": -1, "5d": 1}, "Ac": {"5f": -1, "6d": 1}, "Th": {"5f": -2, "6d": 2}, "Pa": {"5f": -1, "6d": 1},
    "U": {"5f": -1, "6d": 1}, "Np": {"5f": -1, "6d": 1}, "Cm": {"5f": -1, "6d": 1}, "Lr": {"6d": -1, "7p": 1},
}  # fmt: skip


def opened(request: Request) -> ArrayDataset:
    """As the table of data sets asks for it."""
    return _made()


def madelung() -> list[tuple[int, int]]:
    """Sub-shells (n, l) in the order in which they fill, l up to 3 and n up to 7."""
    return sorted(
        ((n, letter) for n in range(1, 8) for letter in range(min(n, 4))), key=lambda shell: (sum(shell), shell[0])
    )


def called(shell: tuple[int, int]) -> str:
    """A sub-shell's name, such as 3d."""
    return f"{shell[0]}{LETTERS[shell[1]]}"


def occupations() -> tuple[list[str], np.ndarray]:
    """Names of the sub-shells in the order of filling, and electrons in each `(118, 19)`."""
    shells = madelung()
    names = [called(shell) for shell in shells]
    electrons = np.zeros((COUNT, len(shells)))
    for number, symbol in enumerate(SYMBOLS):
        left = number + 1
        for column, (_, letter) in enumerate(shells):
            electrons[number, column] = min(left, 4 * letter + 2)
            left -= int(electrons[number, column])
        for name, change in EXCEPTIONS.get(symbol, {}).items():
            electrons[number, names.index(name)] += change
    used: np.ndarray = electrons.sum(0) > 0
    return [name for name, keep in zip(names, used, strict=True) if keep], electrons[:, used]


@lru_cache(maxsize=1)
def _made() -> ArrayDataset:
    names, electrons = occupations()
    room = np.array([4 * LETTERS.index(name[1]) + 2 for name in names], dtype=float)
    block = np.array([_block(number) for number in range(COUNT)])[:, None]
    notes = ("A sub-shell's share of its room is what the model sees.",)
    ends = np.stack([np.zeros(len(room)), room])
    columns = [(name, "electrons") for name in names]
    return vectors("elements", electrons, columns, block, ("block",), (len(LETTERS),), notes, ends)


def _block(number: int) -> int:
    """The l of the sub-shell that the rule fills with the last electron of element `number` + 1."""
    left = number + 1
    for _, letter in madelung():
        if left <= 4 * letter + 2:
            return letter
        left -= 4 * letter + 2
    raise AssertionError("there are fewer than 119 elements")
