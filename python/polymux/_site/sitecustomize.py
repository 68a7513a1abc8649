"""Installs polymux at the start of every Python below `python -m polymux`.

Found through PYTHONPATH, it has to get along with every interpreter that a
program may start, Python 2 included: where polymux was not built for it, it
does nothing. A sitecustomize of the user's own runs after it, as if this one
were not there.
"""

import os
import sys

if __name__ == "sitecustomize":
    _ourselves = sys.modules["sitecustomize"]
    _folder = os.path.dirname(os.path.abspath(__file__))
    _package = os.path.dirname(_folder)
    sys.path[:] = [entry for entry in sys.path if entry != _folder]

    try:
        if sys.version_info >= (3, 11):  # noqa: UP036 (older ones run this, too)
            from importlib import machinery, util

            # The same polymux as the parent's, wherever sys.path may lead.
            if "polymux" not in sys.modules and any(
                os.path.exists(os.path.join(_package, "_polymux" + _suffix))
                for _suffix in machinery.EXTENSION_SUFFIXES
            ):
                _spec = util.spec_from_file_location(
                    "polymux", os.path.join(_package, "__init__.py")
                )
                _module = util.module_from_spec(_spec)  # type: ignore[arg-type]
                sys.modules["polymux"] = _module
                try:
                    _spec.loader.exec_module(_module)  # type: ignore[union-attr]
                except BaseException:
                    del sys.modules["polymux"]
                    raise
            try:
                import polymux
            except ImportError:
                pass  # another interpreter or environment, without polymux
            else:
                _words = os.environ.get("POLYMUX_INSTALL", "").split(",")
                polymux.install(**{_word: True for _word in _words if _word})
    finally:
        del sys.modules["sitecustomize"]
        try:
            __import__("sitecustomize")
        except ImportError as _error:
            if getattr(_error, "name", "sitecustomize") != "sitecustomize":
                raise
            sys.modules["sitecustomize"] = _ourselves
