from polybot.adapters.storage.models import (
    ALL_TABLES,
    FillRow,
    WindowGradeRow,
    column_names,
    table_name,
)


def test_tables_are_named_after_their_models() -> None:
    assert table_name(WindowGradeRow) == "window_grade"
    assert table_name(FillRow) == "fill"


def test_every_column_of_money_and_time_says_its_unit() -> None:
    units = ("_ns", "_usdc", "_shares", "_bps")
    plain = {"id", "seq", "restored_seq", "replayed", "version", "pid", "asks", "looks", "trades"}
    numbers = {
        f"{table_name(table)}.{field.name}"
        for table in ALL_TABLES
        for field in table._meta.sorted_fields  # noqa: SLF001 (peewee's own way to ask)
        if field.field_type in ("BIGINT", "INTEGER", "INT") and field.name not in plain
    }

    assert {name for name in numbers if not name.endswith(units)} == {
        "audit.orders",
        "audit.fills",
        "audit.windows",
        "event.ts_event",
        "event.ts_init",
    }


def test_models_hold_fields_and_nothing_else() -> None:
    for table in ALL_TABLES:
        own = {name for name in vars(table) if not name.startswith("_")}
        assert own <= {*column_names(table), "DoesNotExist"}, table
