"""Damages of files, for tests that no damage makes a reader do anything but read or refuse."""

import tracemalloc

from hypothesis import strategies as st

BYTES = st.one_of(st.sampled_from([0, 1, 2, 127, 128, 255]), st.integers(0, 255))


@st.composite
def damaged(draw, wholes):
    """Bytes of one of the files with some changed, cut out, put in or cut off, mostly near an end where headers are."""
    content = bytearray(draw(st.sampled_from(wholes)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(_places(len(content)))
        kind = draw(st.sampled_from(["change", "change", "cut off", "cut out", "put in", "repeat"]))
        some = bytes(draw(st.lists(BYTES, min_size=1, max_size=8)))
        if kind == "change":
            content[at : at + len(some)] = some[: len(content) - at]
        elif kind == "cut off":
            del content[at:]
        elif kind == "cut out":
            del content[at : at + len(some)]
        elif kind == "put in":
            content[at:at] = some
        else:
            content[at:at] = content[at : at + 64]
    return bytes(content)


def _places(length):
    last = max(0, length - 1)
    return st.one_of(st.integers(0, min(40, last)), st.integers(max(0, last - 60), last), st.integers(0, last))


def unlike(whole):
    """Bytes that begin as a file does and go on as they like, or have nothing to do with it."""
    return st.one_of(
        st.binary(max_size=300),
        st.builds(lambda cut, tail: whole[:cut] + tail, st.integers(0, min(len(whole), 200)), st.binary(max_size=200)),
    )


def outcome(read, path, refusal, *, memory=None):
    """What was read, or None where it was refused; any other error, a warning or too much memory fails the test."""
    refused = None
    tracemalloc.start()
    try:
        result = read(path)
    except refusal as error:
        refused = error
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert memory is None or peak < memory
    if refused is None:
        return result
    assert str(refused).startswith(str(path))
    assert len(str(refused)) < 1000 + len(str(path))
    return None
