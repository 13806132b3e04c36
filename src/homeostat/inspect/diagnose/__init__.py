"""Diagnose: what failed first, what it is not, and the smallest change that cures it.

print(diagnose("hyperperturb", config="as_documented"))
diagnose("results/mlp_20250131_120000", fix=True)
"""

from importlib.util import find_spec

from homeostat.errors import MissingExtraError

if find_spec("torch") is None:
    raise MissingExtraError("torch", "models", "Diagnosing a network")

# Below the check, so that its one clear line comes first.
from homeostat.inspect.diagnose.diagnosis import Diagnosis
from homeostat.inspect.diagnose.examine import diagnose
from homeostat.inspect.diagnose.first_fault import FirstFault
from homeostat.inspect.diagnose.fix import Fix

__all__ = ["Diagnosis", "FirstFault", "Fix", "diagnose"]
