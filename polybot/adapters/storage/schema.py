"""The database's tables and indexes as SQL, in the steps they came to be.

Tables are STRICT, so that no float ever becomes money. Every statement may run twice.
"""

EVENTS = (
    """CREATE TABLE IF NOT EXISTS event (
        id INTEGER PRIMARY KEY, source TEXT NOT NULL, session TEXT NOT NULL, seq INTEGER NOT NULL,
        record_hash TEXT NOT NULL, type TEXT NOT NULL, ts_event INTEGER NOT NULL,
        ts_init INTEGER NOT NULL, correlation_id TEXT NOT NULL, slug TEXT NOT NULL,
        order_id TEXT NOT NULL, decision_id TEXT NOT NULL, body TEXT NOT NULL) STRICT""",
    "CREATE UNIQUE INDEX IF NOT EXISTS event_source_seq ON event (source, seq)",
    """CREATE TABLE IF NOT EXISTS source_position (
        source TEXT PRIMARY KEY, session TEXT NOT NULL, seq INTEGER NOT NULL,
        stored_ns INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS conflict (
        id INTEGER PRIMARY KEY, source TEXT NOT NULL, seq INTEGER NOT NULL, detail TEXT NOT NULL,
        found_ns INTEGER NOT NULL) STRICT""",
)

TRADING = (
    """CREATE TABLE IF NOT EXISTS market_window (
        slug TEXT PRIMARY KEY, condition_id TEXT NOT NULL, series TEXT NOT NULL,
        token_up TEXT NOT NULL, token_down TEXT NOT NULL, open_ns INTEGER NOT NULL,
        close_ns INTEGER NOT NULL, market TEXT NOT NULL, asks INTEGER NOT NULL,
        next_ask_ns INTEGER NOT NULL, grade_due INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS window_outcome (
        slug TEXT PRIMARY KEY, condition_id TEXT NOT NULL, outcome TEXT NOT NULL,
        route TEXT NOT NULL, provisional TEXT NOT NULL, settled_ns INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS decision (
        decision_id TEXT PRIMARY KEY, agent TEXT NOT NULL, strategy TEXT NOT NULL,
        slug TEXT NOT NULL, action TEXT NOT NULL, reason TEXT NOT NULL, inputs TEXT NOT NULL,
        decided_ns INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS intent (
        intent_id TEXT PRIMARY KEY, decision_id TEXT NOT NULL, agent TEXT NOT NULL,
        slug TEXT NOT NULL, purpose TEXT NOT NULL, approved INTEGER NOT NULL,
        reason TEXT NOT NULL, checks TEXT NOT NULL, checked_ns INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS venue_order (
        venue_order_id TEXT PRIMARY KEY, intent_id TEXT NOT NULL, decision_id TEXT NOT NULL,
        agent TEXT NOT NULL, slug TEXT NOT NULL, token_id TEXT NOT NULL, outcome TEXT NOT NULL,
        side TEXT NOT NULL, order_type TEXT NOT NULL, purpose TEXT NOT NULL,
        price_bps INTEGER NOT NULL, size_shares INTEGER NOT NULL, budget_usdc INTEGER NOT NULL,
        created_ns INTEGER NOT NULL, expires_ns INTEGER NOT NULL, status TEXT NOT NULL,
        code TEXT NOT NULL, detail TEXT NOT NULL, filled_shares INTEGER NOT NULL,
        filled_usdc INTEGER NOT NULL, fee_usdc INTEGER NOT NULL,
        updated_ns INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS fill (
        id INTEGER PRIMARY KEY, trade_id TEXT NOT NULL, venue_order_id TEXT NOT NULL,
        agent TEXT NOT NULL, slug TEXT NOT NULL, token_id TEXT NOT NULL, outcome TEXT NOT NULL,
        side TEXT NOT NULL, price_bps INTEGER NOT NULL, size_shares INTEGER NOT NULL,
        fee_usdc INTEGER NOT NULL, is_maker INTEGER NOT NULL, matched_ns INTEGER NOT NULL,
        status TEXT NOT NULL) STRICT""",
    "CREATE UNIQUE INDEX IF NOT EXISTS fill_key ON fill (trade_id, venue_order_id)",
    """CREATE TABLE IF NOT EXISTS settlement (
        id INTEGER PRIMARY KEY, agent TEXT NOT NULL, token_id TEXT NOT NULL, slug TEXT NOT NULL,
        won INTEGER NOT NULL, size_shares INTEGER NOT NULL, payout_usdc INTEGER NOT NULL,
        settled_ns INTEGER NOT NULL) STRICT""",
    "CREATE INDEX IF NOT EXISTS settlement_by_token ON settlement (token_id)",
    """CREATE TABLE IF NOT EXISTS window_summary (
        id INTEGER PRIMARY KEY, slug TEXT NOT NULL, agent TEXT NOT NULL, strategy TEXT NOT NULL,
        looks INTEGER NOT NULL, holds TEXT NOT NULL, entered INTEGER NOT NULL) STRICT""",
    "CREATE UNIQUE INDEX IF NOT EXISTS window_summary_key ON window_summary (slug, agent)",
    """CREATE TABLE IF NOT EXISTS window_grade (
        id INTEGER PRIMARY KEY, slug TEXT NOT NULL, agent TEXT NOT NULL, strategy TEXT NOT NULL,
        grade TEXT NOT NULL, pnl_usdc INTEGER NOT NULL, fees_usdc INTEGER NOT NULL,
        cost_usdc INTEGER NOT NULL, trades INTEGER NOT NULL, close_ns INTEGER NOT NULL,
        settled_ns INTEGER NOT NULL, graded_ns INTEGER NOT NULL) STRICT""",
    "CREATE UNIQUE INDEX IF NOT EXISTS window_grade_key ON window_grade (slug, agent)",
    """CREATE TABLE IF NOT EXISTS flow (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, amount_usdc INTEGER NOT NULL,
        token_id TEXT NOT NULL, size_shares INTEGER NOT NULL, detail TEXT NOT NULL,
        booked_ns INTEGER NOT NULL) STRICT""",
)

OPERATIONS = (
    """CREATE TABLE IF NOT EXISTS reflection (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, mark TEXT NOT NULL, trades INTEGER NOT NULL,
        digest TEXT NOT NULL, insights TEXT NOT NULL, analyst TEXT NOT NULL,
        recorded_ns INTEGER NOT NULL) STRICT""",
    "CREATE UNIQUE INDEX IF NOT EXISTS reflection_key ON reflection (kind, mark)",
    """CREATE TABLE IF NOT EXISTS alert (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL, severity TEXT NOT NULL, text TEXT NOT NULL,
        raised_ns INTEGER NOT NULL, cleared_ns INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS verdict (
        id INTEGER PRIMARY KEY, process TEXT NOT NULL, verdict TEXT NOT NULL, was TEXT NOT NULL,
        reason TEXT NOT NULL, changed_ns INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS audit (
        id INTEGER PRIMARY KEY, agrees INTEGER NOT NULL, differences TEXT NOT NULL,
        orders INTEGER NOT NULL, fills INTEGER NOT NULL, windows INTEGER NOT NULL,
        audited_ns INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS feed_state (
        feed TEXT PRIMARY KEY, connected INTEGER NOT NULL, detail TEXT NOT NULL,
        changed_ns INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS process_session (
        id INTEGER PRIMARY KEY, process TEXT NOT NULL, session TEXT NOT NULL, pid INTEGER NOT NULL,
        version TEXT NOT NULL, mode TEXT NOT NULL, config_hash TEXT NOT NULL,
        restored_seq INTEGER NOT NULL, replayed INTEGER NOT NULL, started_ns INTEGER NOT NULL,
        stopped_ns INTEGER NOT NULL, reason TEXT NOT NULL) STRICT""",
    "CREATE UNIQUE INDEX IF NOT EXISTS process_session_key ON process_session (process, session)",
)

# What the exchange's activity tells of the wallet beside trading; explains, and books nothing.
ACTIVITY = (
    """CREATE TABLE IF NOT EXISTS activity (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL, kind TEXT NOT NULL, slug TEXT NOT NULL,
        condition_id TEXT NOT NULL, token_id TEXT NOT NULL, amount_usdc INTEGER NOT NULL,
        stated_usdc INTEGER NOT NULL, set_shares INTEGER NOT NULL, transaction_hash TEXT NOT NULL,
        at_ns INTEGER NOT NULL) STRICT""",
    "CREATE UNIQUE INDEX IF NOT EXISTS activity_key ON activity (key)",
    "CREATE INDEX IF NOT EXISTS activity_by_time ON activity (at_ns)",
)

QUERIES = (
    # Win rate and P&L by day, agent and strategy, answered from the index alone.
    """CREATE INDEX IF NOT EXISTS window_grade_by_close ON window_grade
        (close_ns, agent, strategy, trades, pnl_usdc, fees_usdc, cost_usdc)""",
    # The last trades.
    "CREATE INDEX IF NOT EXISTS fill_by_time ON fill (matched_ns)",
    "CREATE INDEX IF NOT EXISTS fill_by_window ON fill (slug, agent)",
    "CREATE INDEX IF NOT EXISTS fill_by_order ON fill (venue_order_id)",
    "CREATE INDEX IF NOT EXISTS venue_order_by_window ON venue_order (slug, agent)",
    "CREATE INDEX IF NOT EXISTS venue_order_by_time ON venue_order (created_ns)",
    "CREATE INDEX IF NOT EXISTS decision_by_window ON decision (slug, agent, strategy)",
    "CREATE INDEX IF NOT EXISTS market_window_by_close ON market_window (close_ns)",
    # Two short lists among many windows: those to grade, and (by anti-join) those to settle.
    """CREATE INDEX IF NOT EXISTS market_window_to_grade
        ON market_window (close_ns) WHERE grade_due = 1""",
    # Everything about one window, order or decision, in time order.
    "CREATE INDEX IF NOT EXISTS event_by_window ON event (slug, ts_init) WHERE slug <> ''",
    "CREATE INDEX IF NOT EXISTS event_by_order ON event (order_id) WHERE order_id <> ''",
    "CREATE INDEX IF NOT EXISTS event_by_decision ON event (decision_id) WHERE decision_id <> ''",
    "CREATE INDEX IF NOT EXISTS event_drift ON event (id) WHERE type = 'DriftFound'",
    "CREATE INDEX IF NOT EXISTS event_state ON event (id) WHERE type = 'TradingStateChanged'",
    "CREATE INDEX IF NOT EXISTS alert_open ON alert (key) WHERE cleared_ns = 0",
    "CREATE INDEX IF NOT EXISTS audit_by_time ON audit (audited_ns)",
)
