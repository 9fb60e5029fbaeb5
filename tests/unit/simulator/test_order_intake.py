"""Who an order is from is checked before anything else."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from polybot.domain.order import Side
from polybot.exchange.contracts import CTF_DOMAIN
from polybot.exchange.order_hash import SignatureType, UnsignedOrder, WireSide, order_id
from polybot.exchange.wire_orders import PostOrderBody, order_body, unsigned_order
from polybot.simulator.desk import Refused
from polybot.simulator.order_intake import read_order
from tests.unit.simulator.samples import MARKET, SHARES, START
from tests.unit.simulator.stand import OTHER_KEY, Stand, Wallet, standing

FUNDER = "0x" + "5" * 40


@pytest.fixture
async def wallet() -> AsyncIterator[Wallet]:
    async with standing(Stand()) as stand:
        yield await stand.login()


def read(wallet: Wallet, body: PostOrderBody) -> str:
    account = wallet.stand.ledger.account(wallet.signer.address)
    assert account is not None
    return read_order(wallet.stand.desk, account, body, START).order_id


def funded(wallet: Wallet, maker: str, kind: SignatureType) -> PostOrderBody:
    order = UnsignedOrder(
        salt=1,
        maker=maker,
        signer=wallet.signer.address,
        token_id=int(MARKET.token_up),
        maker_amount=4_000_000,
        taker_amount=10_000_000,
        side=WireSide.BUY,
        signature_type=kind,
        timestamp_ms=1,
    )
    signed = wallet.signer.sign_order(order, CTF_DOMAIN)
    return PostOrderBody(
        order=order_body(signed), owner=wallet.credentials.api_key, order_type="GTC"
    )


async def test_the_id_is_the_hash_of_what_was_signed(wallet: Wallet) -> None:
    body = wallet.order(Side.BUY, 4000, 10 * SHARES)
    assert read(wallet, body) == order_id(unsigned_order(body.order), CTF_DOMAIN)


async def test_a_proxy_wallet_trades_for_its_funder(wallet: Wallet) -> None:
    read(wallet, funded(wallet, FUNDER, SignatureType.POLY_PROXY))
    ledger = wallet.stand.ledger
    assert ledger.account(FUNDER) is ledger.account(wallet.signer.address)
    count = len(wallet.stand.world.exchange.core.records)
    read(wallet, funded(wallet, FUNDER, SignatureType.GNOSIS_SAFE))
    assert len(wallet.stand.world.exchange.core.records) == count


async def test_one_funder_belongs_to_one_account(wallet: Wallet) -> None:
    other = await wallet.stand.login(OTHER_KEY)
    read(wallet, funded(wallet, FUNDER, SignatureType.POLY_PROXY))
    with pytest.raises(Refused, match="maker address not allowed"):
        read(other, funded(other, FUNDER, SignatureType.POLY_PROXY))
    plain = funded(wallet, wallet.signer.address, SignatureType.EOA)
    elsewhere = msgspec.structs.replace(plain.order, maker=FUNDER)
    with pytest.raises(Refused, match="maker address not allowed"):
        read(wallet, msgspec.structs.replace(plain, order=elsewhere))


async def test_a_wallet_kind_nobody_knows_is_refused(wallet: Wallet) -> None:
    body = wallet.order(Side.BUY, 4000, 10 * SHARES)
    strange = msgspec.structs.replace(body.order, signature_type=9)
    with pytest.raises(Refused, match="Invalid order payload"):
        read(wallet, msgspec.structs.replace(body, order=strange))


async def test_numbers_that_are_none_are_refused(wallet: Wallet) -> None:
    body = wallet.order(Side.BUY, 4000, 10 * SHARES)
    for change in ({"expiration": "soon"}, {"maker_amount": "many"}, {"signature": "0x12"}):
        broken = msgspec.structs.replace(body.order, **change)
        with pytest.raises(Refused, match="Invalid order payload"):
            read(wallet, msgspec.structs.replace(body, order=broken))
