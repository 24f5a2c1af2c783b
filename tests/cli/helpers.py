"""What several of these tests use."""

import struct


def write_idx(path, array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(header + array.tobytes())


def write_dataset(folder, train, test):
    """Write (images, labels) of uint8 under MNIST's names."""
    folder.mkdir()
    for part, (images, labels) in (("train", train), ("t10k", test)):
        write_idx(folder / f"{part}-images-idx3-ubyte", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels.astype("uint8"))
    return folder


def few(split, count):
    return split.images[:count, ..., 0], split.labels[:count]


CUT = ("train", "lenet5", "--epochs", "3")


def model_bytes(folder):
    return (folder / "model.npz").read_bytes()
