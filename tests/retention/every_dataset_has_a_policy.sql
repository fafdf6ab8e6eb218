-- Snowflake lists the tables of each database apart, and the purge that needs the policies works on DuckDB.
{{ config(enabled=target.type == 'duckdb') }}

with relations as (

    {{ retention_relations(ref('retention_policies')) }}

)

select
    relation_schema,
    relation_name,
    case
        when is_unknown_to_dbt then 'stands in a schema of dbt that does not know it: drop it'
        else 'has no policy: add it to seeds/retention/retention_policies.csv'
    end as what_is_wrong
from relations
where policy_name is null
