"""The mutation score of a sample of the rules, and that the machinery would notice weak checks and false entries."""

import numpy as np
import pytest

from tests.mutants import equivalent, outside, report, score, source, suite
from tests.mutants.__main__ import main
from tests.ops import batch_promises, promises
from tests.ops.cases import package_primitives
from tinygrad_np import grad
from tinygrad_np.core.primitive import registry

ARITHMETIC = "tinygrad_np.ops.arithmetic."


def mutants_of(key):
    return [*outside.mutants_of(registry[key], suite.seen(key)), *source.mutants([key])]


def one(key, name):
    return next(m for m in mutants_of(key) if m.name.endswith(name))


def test_a_sample_of_all_rules_is_killed():
    plan = score.Plan(package_primitives(), sample=60)
    verdicts = [v for key in plan.keys for v in score.judged(plan.mutants_of(key))]
    outcome = report.Outcome(verdicts, complete=False)
    assert outcome.perfect, str(outcome)
    assert len(verdicts) == 60
    assert outcome.killed > 45


@pytest.mark.acceptance
def test_all_are_killed(capsys):
    assert main([]) == 0, capsys.readouterr().out


def test_the_command_prints_a_table_and_writes_every_verdict(tmp_path, capsys):
    assert main(["--only", "arithmetic.square", "--jobs", "2", "--json", str(tmp_path / "f.json")]) == 0
    out = capsys.readouterr().out
    assert "| arithmetic |" in out
    assert "mutation score 100 %" in out
    assert '"killed"' in (tmp_path / "f.json").read_text()


# -- a mistake is in place while the checks run, and no longer -------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["vjp of x | doubled", "both of x | doubled", "source of arithmetic.<lambda> | `2 * x` -> `x`"]
)
def test_a_mutant_is_wrong_while_it_is_in_place(name):
    wrong = {"d": 12.0, "x": 3.0}[name.strip("`")[-1]]
    with one(ARITHMETIC + "square", name).in_place():
        assert grad(np.square)(3.0) == wrong
    assert grad(np.square)(3.0) == 6.0


def test_rules_are_as_before_after_all_mutants():
    key = "tinygrad_np.ops.linalg.matmul_op"
    before = (dict(registry[key].vjps), dict(registry[key].jvps), registry[key].batch, registry[key].linear)
    codes = [f.__code__ for f in before[0].values()]
    for mutant in mutants_of(key):
        with mutant.in_place():
            pass
    op = registry[key]
    assert (op.vjps, op.jvps, op.batch, op.linear) == before
    assert [f.__code__ for f in op.vjps.values()] == codes


def test_the_source_is_changed_in_one_place():
    changes = [m.change for m in source.mutants([ARITHMETIC + "logaddexp"])]
    assert "`g * exp(x - np.where(z == -np.inf, zero_like(z), z))` -> `g / exp(x - np.where(z == -np.inf, zero_like(z), z))`" in changes  # fmt: skip
    names = [m.name for m in source.mutants(package_primitives())]
    assert len(set(names)) == len(names) > 2000


def test_every_rule_has_mutants():
    for key in package_primitives():
        op, sites = (
            registry[key],
            {m.rule for m in outside.mutants_of(registry[key], outside.Seen(frozenset([0]), frozenset()))},
        )
        for i in op.vjps:
            assert f"vjp of {op.arrays[max(i, 0)]}" in sites
        for i in op.jvps.keys() | {i for i in op.linear if i >= 0}:
            assert f"jvp of {op.arrays[i]}" in sites
        assert "batch" in sites


# -- the score would fall --------------------------------------------------------------------------------------------


def test_without_differences_what_is_wrong_in_both_modes_survives(monkeypatch):
    mutant = one("tinygrad_np.ops.elementary.sin", "both of x | doubled")
    assert suite.Judge().killed(mutant)
    left = [q for q in suite.DERIVATIVES if "differences" not in q.__name__]
    monkeypatch.setattr(suite, "DERIVATIVES", left)
    suite.checks_of.cache_clear()
    try:
        verdicts = list(score.judged([mutant]))
    finally:
        suite.checks_of.cache_clear()
    assert verdicts[0].noticed is None
    outcome = report.Outcome(verdicts, complete=False)
    assert not outcome.perfect
    assert "mutation score 0.00 %" in str(outcome)
    assert f"survived: {mutant.name}" in str(outcome)


def test_without_agreed_conventions_a_cotangent_of_zero_is_lost_at_a_pole(monkeypatch):
    mutant = one(ARITHMETIC + "sqrt", "multiply_at_pole | `0` -> `1`")
    assert "conventions_hold" in suite.Judge().killed(mutant)
    monkeypatch.setattr(promises, "TIES", {})
    assert suite.Judge().killed(mutant) is None


def test_without_other_examples_a_batch_in_the_wrong_order_survives(monkeypatch):
    mutant = one("tinygrad_np.ops.nondifferentiable.floor", "batch | examples reversed")
    assert suite.Judge().killed(mutant)
    monkeypatch.setattr(batch_promises, "another", lambda key, x, k: x)
    assert suite.Judge().killed(mutant) is None


def test_a_check_that_fails_without_a_mutant_is_reported(monkeypatch):
    def broken(key, args, options, rng):
        raise AssertionError("always")

    monkeypatch.setattr(suite, "DERIVATIVES", [broken])
    suite.checks_of.cache_clear()
    try:
        verdicts = list(score.judged([one(ARITHMETIC + "negative", "vjp of x | doubled")]))
    finally:
        suite.checks_of.cache_clear()
    outcome = report.Outcome(verdicts, complete=False)
    assert "the suite fails" in str(outcome)
    assert not outcome.perfect


# -- equivalents -----------------------------------------------------------------------------------------------------


def test_an_equivalent_mutant_survives_and_is_needed_on_the_list(monkeypatch):
    mutant = one(ARITHMETIC + "negative", "jvp of x | declared linear instead")
    verdicts = list(score.judged([mutant, one(ARITHMETIC + "negative", "vjp of x | doubled")]))
    assert report.Outcome(verdicts, complete=False).perfect
    monkeypatch.setattr(equivalent, "EQUIVALENT", {})
    equivalent._patterns.cache_clear()
    try:
        outcome = report.Outcome(verdicts, complete=False)
    finally:
        equivalent._patterns.cache_clear()
    assert [v.name for v in outcome.survivors] == [mutant.name]
    assert not outcome.perfect


def test_a_listed_mutant_that_is_noticed_and_a_pattern_without_mutants_fail_the_score(monkeypatch):
    mutant = one(ARITHMETIC + "negative", "vjp of x | doubled")
    monkeypatch.setattr(equivalent, "EQUIVALENT", {"a lie": [mutant.name, "nothing *"]})
    equivalent._patterns.cache_clear()
    try:
        outcome = report.Outcome(list(score.judged([mutant])), complete=True)
    finally:
        equivalent._patterns.cache_clear()
    assert [v.name for v in outcome.wrongly_listed] == [mutant.name]
    assert outcome.unused == ["nothing *"]
    assert not outcome.perfect


def test_a_process_that_dies_kills_one_mutant(monkeypatch):
    plan = score.Plan([ARITHMETIC + "negative"])
    right = score.Plan.mutants_of

    def two(self, key):
        first, second = right(self, key)[:2]
        object.__setattr__(first, "apply", lambda: __import__("os")._exit(9))
        return [first, second]

    monkeypatch.setattr(score.Plan, "mutants_of", two)
    verdicts = score.run(plan, 1, lambda key, verdicts: None)
    assert [v.noticed is not None for v in verdicts] == [True, True]
    assert verdicts[0].noticed == "the process died"


def test_a_mutant_that_does_not_end_is_killed(monkeypatch):
    monkeypatch.setattr(suite, "SECONDS", 0.2)
    mutant = one(ARITHMETIC + "negative", "vjp of x | doubled")

    def endless(g):
        while True:
            pass

    object.__setattr__(mutant, "apply", lambda: outside.swapped_in(registry[mutant.key].vjps, 0, lambda y, x: endless))
    assert "TimeoutError" in suite.Judge().killed(mutant)
