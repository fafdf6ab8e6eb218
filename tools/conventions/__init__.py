"""The house rules that a linter of SQL or Python cannot know: names, layers, properties, grain, owners, keys.

Run `python -m tools.conventions`. It reads files only: dbt is not started, so it takes well under a second.
dbt-bouncer and dbt-project-evaluator check manifests, which costs a dbt parse, and neither can name the line to mend
nor knows this project's own habits; hence our own.
"""
