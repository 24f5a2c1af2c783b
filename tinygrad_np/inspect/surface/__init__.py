"""The NumPy surface: for every function of NumPy with a derivative here, calls to try it with.

The coverage table is measured on these calls, the tests draw on them, and so do the comparisons with other libraries.
"""
