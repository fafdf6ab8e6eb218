"""`make audit`: dbt-project-evaluator on the project, with its dated exceptions."""
