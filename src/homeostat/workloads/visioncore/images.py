"""Natural images to look at: those inside installed packages, or a folder of your own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from homeostat.errors import DataError, MissingExtraError

Pixels = NDArray[np.float32]

PX_PER_DEG = 12.0
SIDE_PX = 300
TILES_PER_IMAGE = 2

# Photographs that travel inside the installed packages, so nothing is downloaded.
_SKIMAGE = (
    "astronaut.png",
    "brick.png",
    "camera.png",
    "chelsea.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "gravel.png",
    "motorcycle_left.png",
    "rocket.jpg",
)
_SKLEARN = ("china.jpg", "flower.jpg")
_ENDINGS = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"}


def load_images(folder: Path | None = None) -> Pixels:
    """Square grey tiles of mean 0 and variance 1, shape (images, 300, 300): 25 degrees wide.

    Args:
        folder: Your own images; None takes those inside scikit-image and scikit-learn.

    Raises:
        DataError: If the folder holds no image of at least 300 x 300 pixels.
    """
    paths = _packaged() if folder is None else _in_folder(folder)
    tiles = [tile for path in paths for tile in _tiles(_grey(path))]
    if not tiles:
        raise DataError(
            f"{folder}: no image is at least {SIDE_PX} x {SIDE_PX} pixels.",
            hint="Larger pictures are cut into tiles; smaller ones are not enlarged.",
        )
    return np.stack(tiles)


def _packaged() -> list[Path]:
    try:
        import skimage
        import sklearn
    except ImportError as error:
        raise MissingExtraError("scikit-image", "models", "The simulated experiment") from error
    first = Path(skimage.__file__).parent / "data"
    second = Path(sklearn.__file__).parent / "datasets" / "images"
    return [first / name for name in _SKIMAGE] + [second / name for name in _SKLEARN]


def _in_folder(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder of images.")
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in _ENDINGS)


def _grey(path: Path) -> Pixels:
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("L"), dtype=np.float32)


def _tiles(grey: Pixels) -> list[Pixels]:
    """Up to two tiles side by side along the longer side, each z-scored."""
    height, width = grey.shape
    if min(height, width) < SIDE_PX:
        return []
    along, across = max(height, width), (min(height, width) - SIDE_PX) // 2
    count = min(TILES_PER_IMAGE, along // SIDE_PX)
    offsets = np.linspace(0, along - SIDE_PX, count) if count > 1 else [(along - SIDE_PX) // 2]
    tiles = []
    for offset in map(int, offsets):
        top, left = (across, offset) if width >= height else (offset, across)
        tile = grey[top : top + SIDE_PX, left : left + SIDE_PX]
        tiles.append(((tile - tile.mean()) / tile.std()).astype(np.float32))
    return tiles
