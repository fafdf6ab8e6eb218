with measured as (

    select * from {{ ref('stg_dbt_artifacts__freshness') }}

),

nodes as (

    select * from {{ ref('stg_dbt_artifacts__nodes') }}

),

pipelines as (

    select * from {{ ref('pipelines') }}

),

final as (

    select
        measured.node_invocation_key,
        measured.invocation_id,
        {{ dataset_of('measured.node_id') }} as dataset_name,
        measured.freshness_status,
        pipelines.owner_team,
        cast(measured.measured_at as date) as measured_date,
        cast(measured.age_seconds / 3600 as decimal(18, 3)) as hours_since_landed,
        measured.warn_after_hours as sla_hours,
        measured.error_after_hours,
        -- What could not be measured is not late: its status says what is wrong.
        cast(case
            when measured.age_seconds / 3600 > measured.warn_after_hours
                then measured.age_seconds / 3600 - measured.warn_after_hours
            when measured.age_seconds is not null then 0
        end as decimal(18, 3)) as hours_late,
        coalesce(measured.age_seconds / 3600 > measured.warn_after_hours, false) as is_late,
        measured.newest_row_at,
        measured.measured_at,
        measured.row_hash,
        measured.source_ref,
        measured.load_id,
        measured.landed_at
    from measured
    left join nodes on measured.node_invocation_key = nodes.node_invocation_key
    left join pipelines on coalesce(nodes.owner_group, 'none') = pipelines.group_name

)

select * from final
