"""Objects that go from store to store over a wire, in parcels: small packs.

Who sends asks first what is lacking, from the tree down, and never asks below what the other has:
whatever a store has, it has with all that it names.
"""
