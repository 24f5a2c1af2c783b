"""The test of the tests: every rule that ships is made wrong in many ways, and the suite has to notice each."""
