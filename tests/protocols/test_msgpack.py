import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokay.protocols.msgpack import MsgpackError, pack, unpack

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=300)
    | st.binary(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(values)
def test_what_another_encoder_writes_is_read(value: object) -> None:
    assert unpack(msgspec.msgpack.encode(value)) == value


@given(
    st.dictionaries(
        st.text(max_size=40),
        st.integers(0, 2**32 - 1) | st.text(max_size=400) | st.binary(max_size=400),
        max_size=15,
    )
)
def test_another_decoder_reads_what_is_written(fields: dict[str, int | str | bytes]) -> None:
    assert msgspec.msgpack.decode(pack(fields)) == fields


@pytest.mark.parametrize("size", [0, 31, 32, 255, 256, 65535, 65536])
def test_every_length(size: int) -> None:
    fields: dict[str, int | str | bytes] = {"a": b"x" * size, "b": "y" * size}
    assert unpack(pack(fields)) == fields


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_an_error(data: bytes) -> None:
    with contextlib.suppress(MsgpackError):
        unpack(data)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x81", b"\xdf\xff\xff\xff\xff", b"\x91" * 99])
def test_what_is_cut_short_or_too_deep(data: bytes) -> None:
    with pytest.raises(MsgpackError):
        unpack(data)
