"""The demo: real trainings on real digits, and the repository that comes of them.

`run_demo` makes a folder with a git repository of training code, a folder of images that evolves,
and a dozen trained models; then it shows what OMProv inferred.
"""

from ._demo import DemoResult, run_demo
from ._drop import Drop, Step, Suspect
from ._report import DrawGraph

__all__ = ["DemoResult", "DrawGraph", "Drop", "Step", "Suspect", "run_demo"]
