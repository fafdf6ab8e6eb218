-- Three ways to the same figure, exact to the last digit: the workers, what the months of the models say, and what the
-- report of unmapped workers adds up to over all months.
with worked as (

    select
        month_start_date,
        cast(sum(active_fte) as decimal(28, 10)) as active_fte
    from {{ ref('fct_headcount_monthly') }}
    group by month_start_date

),

mapped as (

    select
        month_start_date,
        cast(sum(actual_fte) as decimal(28, 10)) as actual_fte
    from {{ ref('fct_capacity_plan') }}
    group by month_start_date

),

unmapped as (

    select
        month_start_date,
        cast(sum(fte) as decimal(28, 10)) as unmapped_fte
    from {{ ref('int_finance__capacity_actuals') }}
    where capability_code is null
    group by month_start_date

),

by_month as (

    select
        cast(worked.month_start_date as varchar) as compared,
        worked.active_fte as expected_fte,
        coalesce(mapped.actual_fte, 0) + coalesce(unmapped.unmapped_fte, 0) as found_fte
    from worked
    left join mapped on worked.month_start_date = mapped.month_start_date
    left join unmapped on worked.month_start_date = unmapped.month_start_date

),

over_all as (

    select
        'all months, with the report' as compared,
        (select cast(coalesce(sum(active_fte), 0) as decimal(28, 10)) from worked) as expected_fte,
        (select cast(coalesce(sum(actual_fte), 0) as decimal(28, 10)) from mapped)
        + (
            select cast(coalesce(sum(unmapped_fte_months), 0) as decimal(28, 10))
            from {{ ref('rpt_capacity_unmapped') }}
        ) as found_fte

)

select * from by_month
where expected_fte <> found_fte
union all
select * from over_all
where expected_fte <> found_fte
