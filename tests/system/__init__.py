"""System tests: a throw-away Debian boots with systemd as PID 1; a newcomer installs polybot."""
