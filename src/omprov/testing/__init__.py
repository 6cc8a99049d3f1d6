"""Contract suites for authors of back ends.

Each module holds the suite of one contract, to be inherited from in the back end's own tests; it
needs pytest (and Hypothesis, where it says so), which OMProv itself does not. So this package
imports none of them:

- `omprov.testing.catalog`: `CatalogContract`, what every `omprov.catalog.Catalog` must do.
- `omprov.testing.catalog.machine`: `CatalogMachine`, the same against a model, by Hypothesis.
"""

__all__: list[str] = []
