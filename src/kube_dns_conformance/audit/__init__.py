"""`audit`: every record that a live cluster's objects promise, asked once, and again where DNS may have an excuse.

Read-only. Nothing is blamed whose objects changed meanwhile, or that DNS has not had its time for.
"""
