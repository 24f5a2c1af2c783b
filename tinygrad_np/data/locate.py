"""Where a dataset's files are: a folder given, ``TINYGRAD_NP_DATA``, Debian's packages, or a download kept by pooch."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .files import DataError, Parser, StrPath, find_file, open_stream, read_members

FOLDER_VARIABLE = "TINYGRAD_NP_DATA"
URL_VARIABLE = "TINYGRAD_NP_DATA_URL"
SYSTEM_FOLDER = Path("/usr/share/datasets")  # Debian's dataset-fashion-mnist puts fashion-mnist/ here
_ELSEWHERE = f"Give the folder that holds the files, or set {FOLDER_VARIABLE} to its parent"


@dataclass(frozen=True)
class Source:
    """What the files of a dataset are called, and where they are to be had.

    Attributes
    ----------
    name : str
        The dataset's own folder within a folder of datasets.
    url : str
        The public folder to download from.
    remote : tuple of str
        The files to download.
    inside : tuple of str
        Where, relative to a folder, its files or its archive may lie.
    """

    name: str
    url: str
    remote: tuple[str, ...]
    inside: tuple[str, ...] = (".",)


def locate(
    source: Source, parsers: Mapping[str, Parser], folder: StrPath | None = None, base_url: str | None = None
) -> Path:
    """Return the folder or archive that holds a dataset's files, downloading them where nothing else helps.

    Parameters
    ----------
    source : Source
        The dataset.
    parsers : mapping of str to callable
        The names of its files, and what checks a downloaded one before it enters the cache.
    folder : path-like, optional
        The dataset's folder, its parent, or an archive. Then nothing else is searched.
    base_url : str, optional
        The folder to download from.

    Raises
    ------
    FileNotFoundError
        If `folder` has none of the files.
    DataError
        If the download fails, or brings something else.
    ModuleNotFoundError
        If a download is needed and pooch is not installed.
    """
    if folder is not None:
        return _require(source, parsers, Path(folder))
    variable = os.environ.get(FOLDER_VARIABLE)
    if variable and not Path(variable).is_dir():
        raise FileNotFoundError(f"The environment variable {FOLDER_VARIABLE} names {variable}, which is no folder.")
    for place in (Path(variable), SYSTEM_FOLDER) if variable else (SYSTEM_FOLDER,):
        if found := _find(source, parsers, place):
            return found
    return _require(source, parsers, _download(source, parsers, base_url))


def _find(source: Source, parsers: Mapping[str, Parser], folder: Path) -> Path | None:
    # The dataset's own subfolder first: MNIST and Fashion-MNIST give their files the same names. An archive given
    # is found as its own ".".
    places = (parent / inner for parent in (folder / source.name, folder) for inner in source.inside)
    return next((place for place in places if place.is_file() or any(find_file(place, name) for name in parsers)), None)


def _require(source: Source, parsers: Mapping[str, Parser], folder: Path) -> Path:
    if found := _find(source, parsers, folder):
        return found
    wanted = ", ".join(dict.fromkeys((*parsers, *source.remote)))
    raise FileNotFoundError(f"{folder} has none of the files of {source.name} ({wanted}). {_ELSEWHERE}")


def _download(source: Source, parsers: Mapping[str, Parser], base_url: str | None) -> Path:
    try:
        import pooch
    except ModuleNotFoundError as error:
        advice = f'To download it: pip install "tinygrad_np[train]". Without: {_ELSEWHERE}'
        raise ModuleNotFoundError(f"{source.name} is not on this machine. {advice}.") from error

    def download_checked(url: str, target: str, keeper: object) -> None:
        # Not streamed: pooch leaves the connection of a stream open where the server answers with an error.
        pooch.HTTPDownloader(stream=False)(url, target, keeper)
        _check(Path(target), url, parsers)

    variable = os.environ.get(URL_VARIABLE)
    url = base_url or (f"{variable.rstrip('/')}/{source.name}" if variable else source.url)
    cache = Path(pooch.os_cache("tinygrad_np")) / source.name
    # No registry hashes: ours are of the decompressed contents, and mirrors compress as they like.
    keeper = pooch.create(cache, url, registry=dict.fromkeys(source.remote))
    for name in source.remote:
        try:
            keeper.fetch(name, downloader=download_checked)
        except OSError as error:  # what requests raises is one, too
            raise DataError(keeper.get_url(name), f"cannot be downloaded ({error})", _ELSEWHERE) from error
    return cache


def _check(path: Path, url: str, parsers: Mapping[str, Parser]) -> None:
    """Read a fresh download, under the name that the user knows: what fails here never enters the cache."""
    parse = parsers.get(url.rsplit("/", 1)[-1].removesuffix(".gz"))
    if parse is None:
        read_members(path, parsers, url)
    else:
        with open_stream(path, url) as stream:
            parse(stream, url)
