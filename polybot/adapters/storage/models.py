"""The database's tables as peewee models: fields only, bound late through a proxy.

Times are UTC epoch nanoseconds, money is integer micro-dollars, shares are integer micro-shares,
prices 1e-4 dollars. `schema.py` makes the tables; a test holds that both agree.
"""

from peewee import (
    AutoField,
    BigIntegerField,
    BooleanField,
    DatabaseProxy,
    IntegerField,
    Model,
    TextField,
)

database_proxy = DatabaseProxy()


def table_name(model: type[Model]) -> str:
    """Return the name of a model's table: WindowGradeRow is window_grade."""
    name = model.__name__.removesuffix("Row")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)[1:]


class Table(Model):
    """Base of every table: its database is known only when the ledger opens one."""

    class Meta:
        """Name tables after their models."""

        table_function = table_name
        database = database_proxy
        legacy_table_names = False


class SchemaVersionRow(Table):
    """One row a migration that ran."""

    version = IntegerField(primary_key=True)
    name = TextField()
    applied_ns = BigIntegerField()


class EventRow(Table):
    """Every durable event of every process, once; `slug`, `order_id` and `decision_id` find it."""

    id = AutoField()
    source = TextField()
    session = TextField()
    seq = BigIntegerField()
    record_hash = TextField()
    type = TextField()
    ts_event = BigIntegerField()
    ts_init = BigIntegerField()
    correlation_id = TextField()
    slug = TextField()
    order_id = TextField()
    decision_id = TextField()
    body = TextField()


class SourcePositionRow(Table):
    """The last stored event of each source, written in the same transaction as the event."""

    source = TextField(primary_key=True)
    session = TextField()
    seq = BigIntegerField()
    stored_ns = BigIntegerField()


class ConflictRow(Table):
    """An event that arrived again with other bytes, or that contradicts what is stored."""

    id = AutoField()
    source = TextField()
    seq = BigIntegerField()
    detail = TextField()
    found_ns = BigIntegerField()


class MarketWindowRow(Table):
    """A market window.

    `asks` and `next_ask_ns` (market time) are the settlement queue, `grade_due` the grader's.
    """

    slug = TextField(primary_key=True)
    condition_id = TextField()
    series = TextField()
    token_up = TextField()
    token_down = TextField()
    open_ns = BigIntegerField()
    close_ns = BigIntegerField()
    market = TextField()
    asks = IntegerField()
    next_ask_ns = BigIntegerField()
    grade_due = BooleanField()


class WindowOutcomeRow(Table):
    """The official outcome of a window."""

    slug = TextField(primary_key=True)
    condition_id = TextField()
    outcome = TextField()
    route = TextField()
    provisional = TextField()
    settled_ns = BigIntegerField()


class DecisionRow(Table):
    """A decision of a strategy with the numbers behind it."""

    decision_id = TextField(primary_key=True)
    agent = TextField()
    strategy = TextField()
    slug = TextField()
    action = TextField()
    reason = TextField()
    inputs = TextField()
    decided_ns = BigIntegerField()


class IntentRow(Table):
    """What risk said of an intent, with its checks."""

    intent_id = TextField(primary_key=True)
    decision_id = TextField()
    agent = TextField()
    slug = TextField()
    purpose = TextField()
    approved = BooleanField()
    reason = TextField()
    checks = TextField()
    checked_ns = BigIntegerField()


class VenueOrderRow(Table):
    """An order and how far it got."""

    venue_order_id = TextField(primary_key=True)
    intent_id = TextField()
    decision_id = TextField()
    agent = TextField()
    slug = TextField()
    token_id = TextField()
    outcome = TextField()
    side = TextField()
    order_type = TextField()
    purpose = TextField()
    price_bps = IntegerField()
    size_shares = BigIntegerField()
    budget_usdc = BigIntegerField()
    created_ns = BigIntegerField()
    expires_ns = BigIntegerField()
    status = TextField()
    code = TextField()
    detail = TextField()
    filled_shares = BigIntegerField()
    filled_usdc = BigIntegerField()
    fee_usdc = BigIntegerField()
    updated_ns = BigIntegerField()


class FillRow(Table):
    """One trade of one order."""

    id = AutoField()
    trade_id = TextField()
    venue_order_id = TextField()
    agent = TextField()
    slug = TextField()
    token_id = TextField()
    outcome = TextField()
    side = TextField()
    price_bps = IntegerField()
    size_shares = BigIntegerField()
    fee_usdc = BigIntegerField()
    is_maker = BooleanField()
    matched_ns = BigIntegerField()
    status = TextField()


class SettlementRow(Table):
    """A position that its window's outcome turned into dollars, or into nothing."""

    id = AutoField()
    agent = TextField()
    token_id = TextField()
    slug = TextField()
    won = BooleanField()
    size_shares = BigIntegerField()
    payout_usdc = BigIntegerField()
    settled_ns = BigIntegerField()


class WindowSummaryRow(Table):
    """One agent's window: how often it looked and why it held."""

    id = AutoField()
    slug = TextField()
    agent = TextField()
    strategy = TextField()
    looks = IntegerField()
    holds = TextField()
    entered = BooleanField()


class WindowGradeRow(Table):
    """One agent's window with its newest grade and P&L.

    `settled_ns` is when it was graded first, `graded_ns` when it was graded last (market time);
    ids go up in the order of the first grades.
    """

    id = AutoField()
    slug = TextField()
    agent = TextField()
    strategy = TextField()
    grade = TextField()
    pnl_usdc = BigIntegerField()
    fees_usdc = BigIntegerField()
    cost_usdc = BigIntegerField()
    trades = IntegerField()
    close_ns = BigIntegerField()
    settled_ns = BigIntegerField()
    graded_ns = BigIntegerField()


class FlowRow(Table):
    """Money or shares that no order of ours moved."""

    id = AutoField()
    kind = TextField()
    amount_usdc = BigIntegerField()
    token_id = TextField()
    size_shares = BigIntegerField()
    detail = TextField()
    booked_ns = BigIntegerField()


class ActivityRow(Table):
    """A row of the exchange's activity; `key` tells it apart, for the exchange gives it no id."""

    id = AutoField()
    key = TextField()
    kind = TextField()
    slug = TextField()
    condition_id = TextField()
    token_id = TextField()
    amount_usdc = BigIntegerField()
    stated_usdc = BigIntegerField()
    set_shares = BigIntegerField()
    transaction_hash = TextField()
    at_ns = BigIntegerField()


class ReflectionRow(Table):
    """A look back; `kind` and `mark` say which occurrence of which trigger it answered."""

    id = AutoField()
    kind = TextField()
    mark = TextField()
    trades = IntegerField()
    digest = TextField()
    insights = TextField()
    analyst = TextField()
    recorded_ns = BigIntegerField()


class AlertRow(Table):
    """A condition a person should know, from raise to clear (0 while it holds)."""

    id = AutoField()
    key = TextField()
    severity = TextField()
    text = TextField()
    raised_ns = BigIntegerField()
    cleared_ns = BigIntegerField()


class VerdictRow(Table):
    """A change of the watchdog's mind about a process."""

    id = AutoField()
    process = TextField()
    verdict = TextField()
    was = TextField()
    reason = TextField()
    changed_ns = BigIntegerField()


class AuditRow(Table):
    """One comparison of our books with the exchange's."""

    id = AutoField()
    agrees = BooleanField()
    differences = TextField()
    orders = IntegerField()
    fills = IntegerField()
    windows = IntegerField()
    audited_ns = BigIntegerField()


class FeedStateRow(Table):
    """A stream's newest state."""

    feed = TextField(primary_key=True)
    connected = BooleanField()
    detail = TextField()
    changed_ns = BigIntegerField()


class ProcessSessionRow(Table):
    """One life of a process; `stopped_ns` is 0 until it said goodbye."""

    id = AutoField()
    process = TextField()
    session = TextField()
    pid = IntegerField()
    version = TextField()
    mode = TextField()
    config_hash = TextField()
    restored_seq = BigIntegerField()
    replayed = IntegerField()
    started_ns = BigIntegerField()
    stopped_ns = BigIntegerField()
    reason = TextField()


ALL_TABLES: tuple[type[Table], ...] = (
    SchemaVersionRow,
    EventRow,
    SourcePositionRow,
    ConflictRow,
    MarketWindowRow,
    WindowOutcomeRow,
    DecisionRow,
    IntentRow,
    VenueOrderRow,
    FillRow,
    SettlementRow,
    WindowSummaryRow,
    WindowGradeRow,
    FlowRow,
    ActivityRow,
    ReflectionRow,
    AlertRow,
    VerdictRow,
    AuditRow,
    FeedStateRow,
    ProcessSessionRow,
)


def column_names(model: type[Table]) -> list[str]:
    """Return the names of a model's columns, in order."""
    return list(model._meta.columns)  # noqa: SLF001 (peewee's own way to ask)
