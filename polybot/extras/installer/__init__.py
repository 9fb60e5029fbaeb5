"""Installs polybot on a Debian machine, with the system's own Python and nothing else.

`make install`, `upgrade`, `rollback`, `uninstall` and `verify` start it from a clone or an unpacked
release; what it installed holds a copy of it.
"""
