-- Counted from the two vars, not with date_spine: date_spine asks the warehouse while compiling.
{% set first_day = modules.datetime.datetime.strptime(var('calendar_start_date'), '%Y-%m-%d') %}
{% set end_day = modules.datetime.datetime.strptime(var('calendar_end_date'), '%Y-%m-%d') %}
{% set start_date = "cast('" ~ var('calendar_start_date') ~ "' as date)" %}
{% set month_names = [
    'January', 'February', 'March', 'April', 'May', 'June',
    'July', 'August', 'September', 'October', 'November', 'December',
] %}
{% set day_names = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] %}

with numbers as (

    {{ dbt.generate_series((end_day - first_day).days) }}

),

days as (

    select
        cast({{ dbt.dateadd('day', 'cast(generated_number as integer) - 1', start_date) }} as date) as date_day
    from numbers

),

weekdays as (

    select
        date_day,
        -- 1900-01-01 was a Monday. Counting from it needs no setting of the warehouse's first day of the week.
        mod({{ dbt.datediff("cast('1900-01-01' as date)", 'date_day', 'day') }}, 7) + 1 as iso_day_of_week
    from days

),

-- An ISO week belongs to the year that holds its Thursday.
thursdays as (

    select
        date_day,
        iso_day_of_week,
        cast({{ dbt.dateadd('day', 'cast(4 - iso_day_of_week as integer)', 'date_day') }} as date) as iso_thursday
    from weekdays

),

final as (

    select
        date_day,
        cast(extract(year from date_day) as integer) as calendar_year,
        cast(extract(quarter from date_day) as integer) as calendar_quarter,
        cast(extract(month from date_day) as integer) as calendar_month,
        cast(extract(day from date_day) as integer) as day_of_month,
        cast(iso_day_of_week as integer) as iso_day_of_week,
        cast(extract(year from iso_thursday) as integer) as iso_year,
        cast(
            floor({{ dbt.datediff(dbt.date_trunc('year', 'iso_thursday'), 'iso_thursday', 'day') }} / 7) + 1 as integer
        ) as iso_week,
        case extract(month from date_day)
            {%- for name in month_names %}
            when {{ loop.index }} then '{{ name }}'
            {%- endfor %}
        end as month_name,
        case iso_day_of_week
            {%- for name in day_names %}
            when {{ loop.index }} then '{{ name }}'
            {%- endfor %}
        end as day_name,
        cast({{ dbt.date_trunc('month', 'date_day') }} as date) as month_start_date,
        cast({{ dbt.date_trunc('quarter', 'date_day') }} as date) as quarter_start_date,
        cast({{ dbt.dateadd('day', 'cast(1 - iso_day_of_week as integer)', 'date_day') }} as date)
            as iso_week_start_date,
        iso_day_of_week >= 6 as is_weekend
    from thursdays

)

select * from final
