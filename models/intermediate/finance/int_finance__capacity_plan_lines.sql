with plan as (

    select * from {{ ref('stg_capacity_plan__planned_headcount') }}

),

dead_letters as (

    select * from {{ ref('stg_ops__dead_letters') }}

),

months as (

    select * from {{ ref('int_finance__capacity_months') }}

),

calendar as (

    select distinct
        month_start_date,
        substring(month_name, 1, 3) || ' ' || cast(calendar_year as varchar) as column_heading
    from {{ ref('dim_date') }}

),

-- Keys of rejected cells read cost centre/capability/Sep 2026, as the workbook writes them.
rejected as (

    select
        calendar.month_start_date,
        split_part(dead_letters.record_key, '/', 1) as cost_center_id,
        split_part(dead_letters.record_key, '/', 2) as capability_name,
        dead_letters.reason_codes,
        dead_letters.source_ref,
        split_part(dead_letters.source_ref, '!', 1) as source_file,
        dead_letters.load_id,
        dead_letters.landed_at
    from dead_letters
    inner join calendar on split_part(dead_letters.record_key, '/', 3) = calendar.column_heading
    where dead_letters.is_open
        and dead_letters.source_name = 'capacity_plan' and dead_letters.dataset_name = 'planned_headcount'

),

cells as (

    select
        plan_month_date as month_start_date,
        cost_center_id,
        capability_name,
        planned_fte,
        cast(null as varchar) as reason_codes,
        source_file,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from plan
    union all
    select
        month_start_date,
        cost_center_id,
        capability_name,
        cast(null as decimal(12, 2)) as planned_fte,
        reason_codes,
        source_file,
        cast(null as varchar) as row_hash,
        source_ref,
        load_id,
        landed_at
    from rejected

),

final as (

    select
        cells.month_start_date,
        -- People type these: neither capitals nor blanks around a name make it another one.
        upper(trim(cells.cost_center_id)) as cost_center_id,
        lower(trim(cells.capability_name)) as capability_code,
        max(trim(cells.capability_name)) as capability_name,
        -- Two lines for the same cells are added up, as the totals of the workbook do. One unreadable cell makes the
        -- sum unknown.
        case when count(cells.reason_codes) = 0 then cast(sum(cells.planned_fte) as decimal(18, 2)) end as planned_fte,
        cast(count(*) as integer) as cell_count,
        max(cells.reason_codes) as reason_codes,
        cells.source_file,
        max(cells.row_hash) as row_hash,
        min(cells.source_ref) as source_ref,
        max(cells.load_id) as load_id,
        max(cells.landed_at) as landed_at
    from cells
    inner join months
        on cells.month_start_date = months.month_start_date and cells.source_file = months.plan_source_file
    group by
        cells.month_start_date, upper(trim(cells.cost_center_id)), lower(trim(cells.capability_name)), cells.source_file

)

select * from final
