"""How the leave to send real orders stands now, for every command that shows it."""

from polybot.adapters.arming_files import ArmingFile
from polybot.cli.account import known_account
from polybot.config.load import LoadedConfig
from polybot.domain.arming import ArmingState, ArmingVerdict, judge
from polybot.errors import StorageError


def leave_of(loaded: LoadedConfig, now_ns: int) -> ArmingVerdict | None:
    """Return what the arming is worth at a wall time, None where nothing real is traded."""
    if loaded.config.mode != "live":
        return None
    account = known_account(loaded)
    try:
        arming = ArmingFile(loaded.locations.state_dir).read()
    except StorageError as error:
        return ArmingVerdict(state=ArmingState.REFUSED, detail=str(error))
    # Who may not see the wallet (the key is the trader's alone) knows it from the arming.
    is_hidden = account.key is None and not account.problem and not account.funder
    return judge(
        arming,
        funder=arming.funder if is_hidden and arming else account.funder,
        signature_type=account.signature_type,
        now_ns=now_ns,
        wallet_problem=account.problem,
    )
