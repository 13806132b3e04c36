"""Public data sets by name: `get` downloads and checks, `locate` finds, `CATALOG` lists.

>>> from homeostat import data
>>> data.CATALOG["papalexi"].licence
'MIT'
"""

from homeostat.data.catalog import CATALOG, DataSet, RemoteFile
from homeostat.data.store import FOLDER_VARIABLE, find, folder, get, have, locate

__all__ = [
    "CATALOG",
    "FOLDER_VARIABLE",
    "DataSet",
    "RemoteFile",
    "find",
    "folder",
    "get",
    "have",
    "locate",
]
