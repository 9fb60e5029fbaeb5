import pytest

from polybot.errors import InvalidValue
from polybot.exchange.token_ids import (
    DOWN_INDEX_SET,
    UP_INDEX_SET,
    collection_id,
    complete_ids,
    ctf_token_id,
    derive_ids,
    derive_protocol_ids,
    is_protocol_id,
    protocol_position_id,
)
from tests.unit.exchange.examples import vectors

SLUGS = [f"btc-updown-15m-{1_795_000_500 + 900 * number}" for number in range(20)]
# alt_bn128: an id without its parity bit is the x of a point on y**2 = x**3 + 3.
FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583


@pytest.mark.parametrize("slug", SLUGS)
def test_derived_ids_are_the_same_for_ever_and_look_like_real_ones(slug: str) -> None:
    ids = derive_ids(slug)
    assert derive_ids(slug) == ids
    assert len(ids.condition_id) == 66
    assert ids.token_up == ctf_token_id(ids.condition_id, UP_INDEX_SET)
    assert ids.token_down == ctf_token_id(ids.condition_id, DOWN_INDEX_SET)
    for token in (ids.token_up, ids.token_down):
        # An id with these bits zero would be taken for one of Protocol V2 and signed for it.
        assert not is_protocol_id(int(token))


def test_every_market_has_ids_of_its_own() -> None:
    assert len({part for slug in SLUGS for part in derive_ids(slug)}) == 3 * len(SLUGS)


def test_derived_ids_do_not_change_between_releases() -> None:
    assert derive_ids("btc-updown-5m-1795000500").condition_id == (
        "0xda7b0980991e0e5b26c26a5ae61505dcef5057d048a0d9a31a8cae296e5cf3a8"
    )


def test_a_collection_is_a_point_of_the_curve() -> None:
    for index_set in (UP_INDEX_SET, DOWN_INDEX_SET):
        raw = int.from_bytes(collection_id(derive_ids("a").condition_id, index_set), "big")
        x = raw & ~(1 << 254)
        square = (x**3 + 3) % FIELD
        y = pow(square, (FIELD + 1) // 4, FIELD)
        assert y * y % FIELD == square


def test_ids_a_recording_has_are_kept() -> None:
    known = complete_ids("slug", "0x" + "ab" * 32, "123", "456")
    assert known == ("0x" + "ab" * 32, "123", "456")
    half = complete_ids("slug", "0x" + "ab" * 32)
    assert half.condition_id == "0x" + "ab" * 32
    assert half.token_up == ctf_token_id("0x" + "ab" * 32, UP_INDEX_SET)


def test_tokens_whose_condition_is_not_known_are_derived_with_it() -> None:
    assert complete_ids("slug", token_up="123", token_down="456") == derive_ids("slug")


def test_a_condition_that_is_not_one_is_refused() -> None:
    with pytest.raises(InvalidValue):
        ctf_token_id("0x12", UP_INDEX_SET)


def test_a_protocol_id_is_condition_and_index_and_is_recognized() -> None:
    condition = "0x01" + "ab" * 16 + "0001" + "00" * 8 + "89" + "0007" + "01" + "00"
    assert len(condition) == 66
    token = int(protocol_position_id(condition, 1))
    assert token == int(condition, 16) + 1
    assert is_protocol_id(token)
    with pytest.raises(InvalidValue, match="zero byte"):
        protocol_position_id("0x" + "ab" * 32, 0)


@pytest.mark.recordings
def test_ids_of_real_markets_follow_from_their_conditions() -> None:
    for vector in vectors("ctf_token_ids.json")["vectors"]:
        assert ctf_token_id(vector["condition_id"], UP_INDEX_SET) == vector["up"]
        assert ctf_token_id(vector["condition_id"], DOWN_INDEX_SET) == vector["down"]


def test_item_03_ids_of_the_new_protocol_are_laid_out_as_the_exchange_says() -> None:
    ids = [derive_protocol_ids(slug) for slug in SLUGS]
    assert ids == [derive_protocol_ids(slug) for slug in SLUGS]
    assert len({part for each in ids for part in each}) == 3 * len(SLUGS)
    for each in ids:
        raw = int(each.condition_id, 16)
        assert (len(each.condition_id), raw % 256) == (66, 0)
        assert raw.bit_length() > 240
        for outcome, token in enumerate((each.token_up, each.token_down)):
            assert is_protocol_id(int(token))
            assert int(token) == raw + outcome
            assert token == protocol_position_id(each.condition_id, outcome)
