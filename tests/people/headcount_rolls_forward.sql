-- Headcount of a month = that of the month before + joiners - leavers. The calendar's first month has none before.
with months as (

    select
        month_start_date,
        sum(case when is_employed then 1 else 0 end) as headcount,
        sum(case when is_joiner then 1 else 0 end) as joiners,
        sum(case when is_leaver then 1 else 0 end) as leavers
    from {{ ref('fct_headcount_monthly') }}
    group by month_start_date

),

rolled as (

    select
        months.*,
        coalesce(previous.headcount, 0) as previous_headcount
    from months
    left join months as previous
        on previous.month_start_date = cast({{ dbt.dateadd('month', -1, 'months.month_start_date') }} as date)
    where months.month_start_date > (select min(first_month.month_start_date) from months as first_month)

)

select * from rolled
where headcount <> previous_headcount + joiners - leavers
