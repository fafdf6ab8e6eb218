with landed as (

    select * from {{ ref('stg_ops__schema_changes') }}

),

columns_seen as (

    select
        dataset_name,
        column_name,
        measured_date,
        data_type,
        measured_at
    from {{ ref('fct_column_profiles') }}

),

datasets as (

    select * from {{ ref('fct_row_counts') }}

),

-- The days on which a dataset was measured, each with the one before.
steps as (

    select
        dataset_name,
        owner_team,
        measured_date,
        measured_at,
        lag(measured_date) over (partition by dataset_name order by measured_date) as previous_date
    from datasets

),

pairs as (

    select
        steps.dataset_name,
        steps.owner_team,
        steps.measured_date,
        steps.measured_at,
        coalesce(now_there.column_name, before_there.column_name) as column_name,
        before_there.data_type as old_type,
        now_there.data_type as new_type
    from steps
    inner join columns_seen as before_there
        on steps.dataset_name = before_there.dataset_name
        and steps.previous_date = before_there.measured_date
    left join columns_seen as now_there
        on before_there.dataset_name = now_there.dataset_name
        and before_there.column_name = now_there.column_name
        and steps.measured_date = now_there.measured_date
    where now_there.data_type is null or now_there.data_type <> before_there.data_type
    union all
    select
        steps.dataset_name,
        steps.owner_team,
        steps.measured_date,
        steps.measured_at,
        now_there.column_name,
        null as old_type,
        now_there.data_type as new_type
    from steps
    inner join columns_seen as now_there
        on steps.dataset_name = now_there.dataset_name
        and steps.measured_date = now_there.measured_date
    left join columns_seen as before_there
        on now_there.dataset_name = before_there.dataset_name
        and now_there.column_name = before_there.column_name
        and steps.previous_date = before_there.measured_date
    where steps.previous_date is not null and before_there.column_name is null

),

owners as (

    select
        dataset_name,
        max(owner_team) as owner_team
    from datasets
    group by dataset_name

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['dataset_name', 'column_name', 'measured_date']) }} as schema_change_key,
        dataset_name,
        column_name,
        case
            when old_type is null then 'added' when new_type is null then 'removed' else 'type_changed'
        end as change_kind,
        'profile' as seen_by,
        old_type,
        new_type,
        owner_team,
        measured_date,
        measured_at as seen_at,
        cast(null as {{ dbt.type_string() }}) as load_id
    from pairs
    union all
    select
        landed.schema_change_key,
        landed.dataset_name,
        landed.column_name,
        landed.change_kind,
        'landing' as seen_by,
        landed.old_type,
        landed.new_type,
        owners.owner_team,
        cast(landed.detected_at as date) as measured_date,
        landed.detected_at as seen_at,
        landed.load_id
    from landed
    left join owners on landed.dataset_name = owners.dataset_name

)

select * from final
