-- A plain table: a new workbook or a change dated back restates whole months, and there are only some thousand rows.
with plan_lines as (

    select * from {{ ref('int_finance__capacity_plan_lines') }}

),

actuals as (

    select * from {{ ref('int_finance__capacity_actuals') }}
    where capability_code is not null

),

months as (

    select * from {{ ref('int_finance__capacity_months') }}

),

cost_centers as (

    select * from {{ ref('dim_cost_center') }}

),

actual_lines as (

    select
        month_start_date,
        cost_center_id,
        capability_code,
        max(capability_name) as capability_name,
        cast(sum(fte) as decimal(28, 10)) as actual_fte
    from actuals
    group by month_start_date, cost_center_id, capability_code

),

united as (

    select
        coalesce(plan_lines.month_start_date, actual_lines.month_start_date) as month_start_date,
        coalesce(plan_lines.cost_center_id, actual_lines.cost_center_id) as cost_center_id,
        coalesce(plan_lines.capability_name, actual_lines.capability_name) as capability_name,
        coalesce(plan_lines.capability_code, actual_lines.capability_code) as capability_code,
        plan_lines.planned_fte,
        actual_lines.actual_fte,
        plan_lines.capability_code is not null as has_plan_line,
        plan_lines.source_ref,
        plan_lines.row_hash,
        plan_lines.load_id,
        plan_lines.landed_at
    from plan_lines
    full outer join actual_lines
        on plan_lines.month_start_date = actual_lines.month_start_date
        and plan_lines.cost_center_id = actual_lines.cost_center_id
        and plan_lines.capability_code = actual_lines.capability_code

),

dated as (

    select
        united.*,
        cast({{ dbt.last_day('united.month_start_date', 'month') }} as date) as month_end_date,
        months.plan_source_file,
        months.mapping_source_file
    from united
    left join months on united.month_start_date = months.month_start_date

),

compared as (

    select
        dated.*,
        case
            when dated.planned_fte is not null then 'planned'
            when dated.has_plan_line then 'unreadable'
            when dated.plan_source_file is not null then 'not planned'
            else 'no plan for the month'
        end as plan_status,
        -- A month that has not ended has no actual; in one that has, nobody is none.
        case when dated.month_end_date <= {{ as_of_date() }} then coalesce(dated.actual_fte, 0) end as counted_fte,
        -- In a planned month no line means that nobody is planned; a cell that could not be read means nothing.
        case
            when dated.planned_fte is not null then dated.planned_fte
            when dated.plan_source_file is not null and not dated.has_plan_line then 0
        end as compared_fte
    from dated

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key([
            'compared.month_start_date', 'compared.cost_center_id', 'compared.capability_code'
        ]) }} as capacity_plan_key,
        coalesce(cost_centers.cost_center_key, {{ unknown_member_key() }}) as cost_center_key,
        cost_centers.tenant_id,
        compared.cost_center_id,
        compared.capability_name,
        compared.plan_status,
        compared.plan_source_file,
        compared.mapping_source_file,
        cast(compared.planned_fte as decimal(18, 2)) as planned_fte,
        cast(compared.counted_fte as decimal(28, 10)) as actual_fte,
        cast(compared.counted_fte - compared.compared_fte as decimal(28, 10)) as variance_fte,
        cast(100 * (compared.counted_fte - compared.compared_fte) / nullif(compared.compared_fte, 0) as decimal(18, 4))
            as variance_percent,
        compared.counted_fte is not null as is_month_ended,
        compared.month_start_date,
        compared.month_end_date,
        compared.row_hash,
        compared.source_ref,
        compared.load_id,
        compared.landed_at
    from compared
    {{ point_in_time_join('cost_centers', 'cost_center_id', 'compared', 'month_end_date') }}

)

select * from final
