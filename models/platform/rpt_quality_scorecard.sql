{{ config(materialized='view') }}

with scores as (

    select * from {{ ref('agg_quality_scores') }}

),

-- The newest score of each dataset, so that one that is measured less often counts as well.
latest as (

    select * from scores
    where quality_score is not null and measured_date > {{ dbt.dateadd('day', -7, as_of_date()) }}
    qualify row_number() over (partition by dataset_name, tenant_id order by measured_date desc) = 1

),

ranked as (

    select
        latest.*,
        row_number() over (
            partition by latest.tenant_id order by latest.quality_score, latest.dataset_name
        ) as worst_first
    from latest

),

final as (

    select
        tenant_id,
        max(measured_date) as measured_date,
        max(case when worst_first = 1 then dataset_name end) as worst_dataset_name,
        max(case when worst_first = 1 then owner_team end) as worst_owner_team,
        count(*) as dataset_count,
        count(case when is_alert then 1 end) as alert_count,
        count(case when trend = 'degrading' then 1 end) as degrading_count,
        cast(avg(completeness) as decimal(5, 2)) as completeness,
        cast(avg(validity) as decimal(5, 2)) as validity,
        cast(avg(uniqueness) as decimal(5, 2)) as uniqueness,
        cast(avg(consistency) as decimal(5, 2)) as consistency,
        cast(avg(timeliness) as decimal(5, 2)) as timeliness,
        cast(avg(quality_score) as decimal(5, 2)) as quality_score,
        min(quality_score) as worst_quality_score
    from ranked
    group by tenant_id

)

select * from final
