"""Asking DNS on the wire and comparing what came back with what must be there."""
