{{ config(materialized='incremental', full_refresh=false) }}
-- History that cannot be built again: a full refresh keeps it. on_run_start creates the table and on_run_end fills it,
-- so that a plain `dbt build` of the project alone has it too; this model gives it its schema and its place in the docs.
{{ elementary.schema_baseline_columns() }}
