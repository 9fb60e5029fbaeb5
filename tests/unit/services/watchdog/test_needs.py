from polybot.services.watchdog.needs import WatchdogSettings


def test_entries_depend_on_trader_and_tracker() -> None:
    settings = WatchdogSettings(processes=("trader", "watchdog"), pid=1)

    assert settings.vital == ("trader", "tracker")
