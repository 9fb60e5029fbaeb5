from polybot.exchange import error_texts as texts


def test_the_worded_refusals_read_as_the_exchange_writes_them() -> None:
    assert texts.balance_too_low(0, 10_000_000) == (
        "not enough balance / allowance: the balance is not enough -> "
        "balance: 0, order amount: 10000000"
    )
    assert texts.breaks_tick("0xab", "0.995", "0.01") == (
        "order 0xab is invalid. Price (0.995) breaks minimum tick size rule: 0.01"
    )
    assert texts.below_minimum_size("0xab", "4", "5") == (
        "order 0xab is invalid. Size (4) lower than the minimum: 5"
    )
    assert texts.duplicated("0xab") == "order 0xab is invalid. Duplicated."
    assert texts.below_minimum_notional("0.5") == (
        "invalid amount for a marketable BUY order ($0.5), min size: $1"
    )
    assert texts.too_many_decimals("market buy", 2, 4) == (
        "invalid amounts, the market buy orders maker amount supports a max accuracy of "
        "2 decimals, taker amount a max of 4 decimals"
    )
    assert texts.address_banned("0x1") == "'0x1' address banned"
    assert texts.closed_only("0x1") == "'0x1' address in closed only mode"
    assert texts.too_many_orders(16, 15) == "Too many orders in payload: 16, max allowed: 15"
