"""The contract suite of catalogs.

Inherit `CatalogContract` in the back end's own tests and override its fixture `catalog`.
"""

from ._assets import AssetContract
from ._edges import EdgeContract
from ._histories import HistoryContract
from ._people import PeopleContract
from ._runs import RunContract
from ._scene import Scene, set_scene
from ._transactions import TransactionContract
from ._versions import VersionContract

__all__ = ["CatalogContract", "PeopleContract", "Scene", "set_scene"]


class CatalogContract(
    TransactionContract,
    AssetContract,
    VersionContract,
    HistoryContract,
    EdgeContract,
    RunContract,
    PeopleContract,
):
    """What every catalog must do."""
