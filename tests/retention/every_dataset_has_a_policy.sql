-- On Snowflake a database may hold what others made, which has no policy here; a purge leaves such tables alone.
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
