from polybot.exchange.keccak import keccak256


def test_the_empty_message_has_the_digest_ethereum_is_known_for() -> None:
    expected = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"").hex() == expected


def test_a_function_selector_is_the_start_of_its_signature_digest() -> None:
    assert keccak256(b"transfer(address,uint256)")[:4].hex() == "a9059cbb"
