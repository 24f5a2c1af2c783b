"""The exercises as their learners see them: plain NumPy, a forward function, a task, and a VJP to write.

A sheet is a whole file with its answer. `stub` in `tinygrad_np.testing.exercises` hands it out without what follows
the line "# -- solution", so that question and answer cannot part.
"""
