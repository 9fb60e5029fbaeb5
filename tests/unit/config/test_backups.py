"""Tests of how many backups are kept."""

from polybot.config.backups import BackupConfig
from polybot.config.load import load


def test_a_week_of_daily_backups_is_kept_unless_said_otherwise() -> None:
    assert BackupConfig().keep == 7
    assert load({"POLYBOT__BACKUP__KEEP": "30"}).config.backup.keep == 30
