"""A benchmark suite that others can believe: ``python -m benchmarks`` (``--list`` says what there is).

- `networks`, `operations`, `tape` and `processes` say what is computed; `cases_*` and `growth` list the cases and their
  targets, `suite` all of them.
- `peers` says it with every library, ours among them: a competitor is a function without arguments, and one that gives
  what it computed.
- `running` checks the competitors against each other (`checking`), times them in turn (`measuring`) and measures their
  memory (`memory`); `outcome` and `report` make ratios and tables of that.
"""
