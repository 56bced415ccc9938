"""Files that are neither pictures nor arrays read here: what they are, and what would be right."""

from __future__ import annotations

import struct
from math import prod
from pathlib import PurePosixPath

AS_NPZ = 'numpy.savez("images.npz", images=images)'
IDX_TYPES = {0x08: 1, 0x09: 1, 0x0B: 2, 0x0C: 4, 0x0D: 4, 0x0E: 8}  # bytes of a value
BEGINNINGS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89HDF\r\n\x1a\n", f"is an HDF5 file: save its array of images by {AS_NPZ}"),
    (0, b"MATLAB 5.0", f"is a MATLAB file: load it by scipy.io.loadmat and save its images by {AS_NPZ}"),
    (0, b"PAR1", "is a Parquet table: save its pictures as files, or as arrays in a .npz file"),
    (0, b"\x93NUMPY", "is a NumPy array: give it by itself, with the ending .npy"),
    (0, b"PK\x03\x04", "is a zip archive: give it by itself, with the ending .zip, or .npz where it holds arrays"),
    (0, b"\x1f\x8b", "is packed by gzip: unpack it, or zip what is in it"),
    (0, b"BZh", "is packed by bzip2: unpack it, or zip what is in it"),
    (0, b"\xfd7zXZ\0", "is packed by xz: unpack it, or zip what is in it"),
    (0, b"7z\xbc\xaf", "is a 7z archive: unpack it, or zip what is in it"),
    (0, b"Rar!", "is a RAR archive: unpack it, or zip what is in it"),
    (257, b"ustar", "is a tar archive: unpack it, or zip what is in it"),
    (0, b"%PDF", "is a PDF: save its pages as PNG pictures"),
    (128, b"DICM", f"is a DICOM file: save its pixels as PNG pictures, or by {AS_NPZ}"),
    (344, b"n+1\0", f"is a NIfTI volume: save its slices as PNG pictures, or by {AS_NPZ}"),
    (4, b"ftyp", "is a film or a picture of a phone (MP4, HEIC, AVIF): save its frames as PNG or JPEG pictures"),
    (0, b"\x1aE\xdf\xa3", "is a film: save its frames as PNG pictures"),
    (8, b"AVI ", "is a film: save its frames as PNG pictures"),
    (0, b"\x80\x02", "is a pickle, which is never opened: save its array of images by " + AS_NPZ),
    (0, b"\x80\x04", "is a pickle, which is never opened: save its array of images by " + AS_NPZ),
    (0, b"\x80\x05", "is a pickle, which is never opened: save its array of images by " + AS_NPZ),
)
TABLE = (
    "is a table: give it by itself, and its rows are the samples; where each is a picture, reshape its pixels to "
    f"(N, height, width), as uint8, and save them by {AS_NPZ}"
)
ENDINGS = {
    ".csv": TABLE,
    ".tsv": TABLE,
    ".h5": BEGINNINGS[0][2],
    ".hdf5": BEGINNINGS[0][2],
    ".mat": BEGINNINGS[1][2],
    ".parquet": TABLE,
    ".npy": BEGINNINGS[3][2],
    ".pkl": BEGINNINGS[-1][2],
    ".pickle": BEGINNINGS[-1][2],
    ".tfrecord": "is a TFRecord file: save its pictures as files, or as arrays in a .npz file",
    ".nii": BEGINNINGS[13][2],
    ".dcm": BEGINNINGS[12][2],
    ".pdf": BEGINNINGS[11][2],
    ".tar": BEGINNINGS[10][2],
    ".gz": BEGINNINGS[5][2],
    ".tgz": BEGINNINGS[5][2],
    ".mp4": BEGINNINGS[15][2],
    ".mov": BEGINNINGS[15][2],
    ".avi": BEGINNINGS[16][2],
    ".ppm": "is a PPM picture: save it as PNG",
    ".pgm": "is a PGM picture: save it as PNG",
}


def other_kind(name: str, content: bytes = b"") -> str | None:
    """What a file that is no picture is, and what would be right, in words that go on after "it"; None
    where it is nothing that images are kept in.

    Args:
        content: its beginning, or all of it.
    """
    if found := _idx(content):
        return found
    for at, beginning, said in BEGINNINGS:
        if content[at : at + len(beginning)] == beginning:
            return said
    if content[:2] in (b"P5", b"P6", b"P2", b"P3") and content[2:3].isspace():
        return "is a picture of Netpbm (PGM, PPM): save it as PNG"
    return ENDINGS.get(PurePosixPath(name.lower()).suffix)


def _idx(content: bytes) -> str | None:
    """Of an IDX file, the kind that MNIST comes in."""
    if content[:2] != b"\0\0" or len(content) < 4:
        return None
    size, axes = IDX_TYPES.get(content[2]), content[3]
    if size is None or not 1 <= axes <= 4 or len(content) < 4 + 4 * axes:
        return None
    shape = struct.unpack_from(f">{axes}L", content, 4)
    if 0 in shape or prod(shape) > 1 << 40:
        return None
    sides = " x ".join(f"{side:,}" for side in shape)
    return (
        f"is an IDX file, as MNIST's are, of {sides} values: give a folder of MNIST's four files as data set "
        f"mnist or fashion-mnist with its root, or save its images by {AS_NPZ}"
    )
