"""Every Unix way to wait for I/O, on the Unix you have.

A drop-in replacement for the standard ``select`` module: the same names,
types, exceptions and results, no FD_SETSIZE limit, nanosecond timeouts, and
the GIL is kept for waits that do not sleep::

    import polymux as select

For programs that cannot be changed there are ``polymux.install()`` and
``python -m polymux script.py``.
"""

from polymux._install import LateInstallWarning as LateInstallWarning
from polymux._install import install as install
from polymux._install import uninstall as uninstall
from polymux._polymux import *
from polymux._polymux import __version__ as __version__
