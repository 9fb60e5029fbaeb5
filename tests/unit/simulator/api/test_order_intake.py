"""Who an order is from is checked before anything else."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from polybot.domain.order import Side
from polybot.exchange import error_texts as texts
from polybot.exchange.contracts import CTF_DOMAIN, PROTOCOL_DOMAIN
from polybot.exchange.order_hash import (
    SignatureType,
    SignedOrder,
    UnsignedOrder,
    WireSide,
    order_id,
)
from polybot.exchange.wallet_addresses import derived_wallets
from polybot.exchange.wire_orders import PostOrderBody, order_body, unsigned_order
from polybot.simulator.api.desk import Refused
from polybot.simulator.api.order_intake import read_order
from tests.unit.simulator.samples import MARKET, SHARES, START
from tests.unit.simulator.stand import OTHER_KEY, Stand, Wallet, standing


@pytest.fixture
async def wallet() -> AsyncIterator[Wallet]:
    async with standing(Stand()) as stand:
        yield await stand.login()


def read(wallet: Wallet, body: PostOrderBody) -> str:
    account = wallet.stand.ledger.account(wallet.signer.address)
    assert account is not None
    return read_order(wallet.stand.desk, account, body, START).order_id


def unsigned(wallet: Wallet, maker: str, kind: int, **changes: object) -> UnsignedOrder:
    is_deposit = kind == SignatureType.POLY_1271
    order = UnsignedOrder(
        salt=1,
        maker=maker,
        signer=maker if is_deposit else wallet.signer.address,
        token_id=int(MARKET.token_up),
        maker_amount=4_000_000,
        taker_amount=10_000_000,
        side=WireSide.BUY,
        signature_type=kind,
        timestamp_ms=1,
    )
    return msgspec.structs.replace(order, **changes)


def posted(wallet: Wallet, signed: SignedOrder) -> PostOrderBody:
    return PostOrderBody(
        order=order_body(signed), owner=wallet.credentials.api_key, order_type="GTC"
    )


def funded(wallet: Wallet, maker: str, kind: int) -> PostOrderBody:
    return posted(wallet, wallet.signer.sign_order(unsigned(wallet, maker, kind), CTF_DOMAIN))


def refusal(wallet: Wallet, body: PostOrderBody) -> str:
    with pytest.raises(Refused) as refused:
        read(wallet, body)
    return refused.value.text


def own(wallet: Wallet, kind: int) -> str:
    """Return the account's wallet of a kind."""
    candidates = derived_wallets(wallet.signer.address)
    return next(each.address for each in candidates if each.signature_type == kind)


async def test_the_id_is_the_hash_of_what_was_signed(wallet: Wallet) -> None:
    body = wallet.order(Side.BUY, 4000, 10 * SHARES)
    assert read(wallet, body) == order_id(unsigned_order(body.order), CTF_DOMAIN)


@pytest.mark.parametrize("kind", list(SignatureType))
async def test_a_wallet_of_every_kind_trades_for_its_owner(
    wallet: Wallet, kind: SignatureType
) -> None:
    body = funded(wallet, own(wallet, kind), kind)
    assert read(wallet, body) == order_id(unsigned_order(body.order), CTF_DOMAIN)
    ledger = wallet.stand.ledger
    assert ledger.account(own(wallet, kind)) is ledger.account(wallet.signer.address)
    count = len(wallet.stand.world.exchange.core.records)
    read(wallet, body)
    assert len(wallet.stand.world.exchange.core.records) == count


async def test_both_generations_of_deposit_wallets_trade(wallet: Wallet) -> None:
    candidates = derived_wallets(wallet.signer.address)
    deposits = [each.address for each in candidates if each.signature_type == 3]
    assert len({read(wallet, funded(wallet, address, 3)) for address in deposits}) == 2


@pytest.mark.parametrize("kind", list(SignatureType)[:3])
async def test_a_wallet_that_is_not_of_its_kind_is_sent_to_the_deposit_flow(
    wallet: Wallet, kind: SignatureType
) -> None:
    other = await wallet.stand.login(OTHER_KEY)
    strange = [own(wallet, each) for each in SignatureType if each is not kind]
    for maker in (*strange, own(other, kind)):
        assert refusal(wallet, funded(wallet, maker, kind)) == texts.MAKER_NOT_ALLOWED


@pytest.mark.parametrize("kind", list(SignatureType))
async def test_where_only_deposit_wallets_may_trade_others_are_sent_there(
    wallet: Wallet, kind: SignatureType
) -> None:
    desk = msgspec.structs.replace(wallet.stand.desk, deposit_wallets_only=True)
    account = wallet.stand.ledger.account(wallet.signer.address)
    assert account is not None
    body = funded(wallet, own(wallet, kind), kind)
    if kind is SignatureType.POLY_1271:
        assert read_order(desk, account, body, START).signature_type == kind
    else:
        with pytest.raises(Refused, match=texts.MAKER_NOT_ALLOWED):
            read_order(desk, account, body, START)


async def test_a_deposit_wallet_of_somebody_else_is_not_the_signer_of_this_key(
    wallet: Wallet,
) -> None:
    other = await wallet.stand.login(OTHER_KEY)
    for maker in (own(other, 3), own(wallet, 1), own(wallet, 2)):
        assert refusal(wallet, funded(wallet, maker, 3)) == texts.WRONG_SIGNER


async def test_a_deposit_wallet_signs_for_itself_and_for_no_other(wallet: Wallet) -> None:
    body = funded(wallet, own(wallet, 3), 3)
    by_owner = msgspec.structs.replace(body.order, signer=wallet.signer.address)
    assert refusal(wallet, msgspec.structs.replace(body, order=by_owner)) == texts.WRONG_SIGNER
    for_owner = msgspec.structs.replace(body.order, maker=wallet.signer.address)
    assert (
        refusal(wallet, msgspec.structs.replace(body, order=for_owner)) == texts.MAKER_NOT_ALLOWED
    )


async def test_one_deposit_wallet_does_not_sign_for_the_other(wallet: Wallet) -> None:
    candidates = derived_wallets(wallet.signer.address)
    newer, older = (each.address for each in candidates if each.signature_type == 3)
    body = funded(wallet, newer, 3)
    mixed = msgspec.structs.replace(body.order, maker=older)
    assert refusal(wallet, msgspec.structs.replace(body, order=mixed)) == texts.MAKER_NOT_ALLOWED


async def test_a_plain_order_of_another_signer_is_refused(wallet: Wallet) -> None:
    other = await wallet.stand.login(OTHER_KEY)
    theirs = funded(other, other.signer.address, 0)
    mine = msgspec.structs.replace(theirs, owner=wallet.credentials.api_key)
    assert refusal(wallet, mine) == texts.WRONG_SIGNER
    assert refusal(wallet, theirs) == texts.WRONG_OWNER


@pytest.mark.parametrize("kind", list(SignatureType))
async def test_item_02_a_signature_over_something_else_is_invalid(
    wallet: Wallet, kind: SignatureType
) -> None:
    wanted = unsigned(wallet, own(wallet, kind), kind)
    other = msgspec.structs.replace(wanted, salt=2)
    for signed in (
        wallet.signer.sign_order(other, CTF_DOMAIN),
        wallet.signer.sign_order(wanted, PROTOCOL_DOMAIN),
    ):
        forged = SignedOrder(wanted, signed.order_id, signed.signature)
        assert refusal(wallet, posted(wallet, forged)) == texts.INVALID_SIGNATURE


@pytest.mark.parametrize("kind", list(SignatureType))
async def test_item_02_a_signature_of_another_key_is_invalid(
    wallet: Wallet, kind: SignatureType
) -> None:
    other = await wallet.stand.login(OTHER_KEY)
    wanted = unsigned(wallet, own(wallet, kind), kind)
    plain = kind != SignatureType.POLY_1271
    theirs = msgspec.structs.replace(wanted, signer=other.signer.address) if plain else wanted
    signed = other.signer.sign_order(theirs, CTF_DOMAIN)
    forged = SignedOrder(wanted, signed.order_id, signed.signature)
    assert refusal(wallet, posted(wallet, forged)) == texts.INVALID_SIGNATURE


@pytest.mark.parametrize("kind", list(SignatureType))
@pytest.mark.parametrize("signature", ["", "0x12", "0x" + "zz" * 65, "0x" + "ff" * 318])
async def test_what_is_no_signature_is_invalid(
    wallet: Wallet, kind: SignatureType, signature: str
) -> None:
    body = funded(wallet, own(wallet, kind), kind)
    broken = msgspec.structs.replace(body.order, signature=signature)
    broken_body = msgspec.structs.replace(body, order=broken)
    assert refusal(wallet, broken_body) == texts.INVALID_SIGNATURE


async def test_a_wallet_kind_nobody_knows_is_refused(wallet: Wallet) -> None:
    body = wallet.order(Side.BUY, 4000, 10 * SHARES)
    strange = msgspec.structs.replace(body.order, signature_type=9)
    with pytest.raises(Refused, match="Invalid order payload"):
        read(wallet, msgspec.structs.replace(body, order=strange))


async def test_numbers_that_are_none_are_refused(wallet: Wallet) -> None:
    body = wallet.order(Side.BUY, 4000, 10 * SHARES)
    for change in ({"expiration": "soon"}, {"maker_amount": "many"}):
        broken = msgspec.structs.replace(body.order, **change)
        with pytest.raises(Refused, match="Invalid order payload"):
            read(wallet, msgspec.structs.replace(body, order=broken))
