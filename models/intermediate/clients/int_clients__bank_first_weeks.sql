-- A table: the weekly indicators and the closed weeks read it.
{{ config(materialized='table') }}

with relationships as (

    select * from {{ ref('int_clients__bank_relationship_versions') }}

),

declarations as (

    select * from {{ ref('int_clients__bank_declarations') }}

),

payment_weeks as (

    select
        client_id,
        bank_group,
        week_number,
        payment_count,
        lag(week_number) over (partition by client_id, bank_group order by week_number) as previous_week_number
    from {{ ref('int_clients__bank_payment_weeks') }}

),

-- The first Sunday on which it holds: the week of its first day, unless it is over before that Sunday.
stated as (

    select
        client_id,
        bank_group,
        active_from_date as from_date,
        active_to_date as to_date
    from relationships
    union all
    select
        client_id,
        bank_group,
        declared_from_date as from_date,
        declared_to_date as to_date
    from declarations

),

stated_weeks as (

    select
        client_id,
        bank_group,
        to_date,
        -- 1900-01-01 was a Monday. Earlier dates fill up versions that reach back to the start of history.
        cast(floor({{ dbt.datediff("cast('1900-01-01' as date)", 'from_date', 'day') }} / 7) as integer) as week_number
    from stated

),

first_weeks as (

    select
        client_id,
        bank_group,
        week_number
    from stated_weeks
    where {{ dbt.datediff("cast('1900-01-01' as date)", 'to_date', 'day') }} >= 7 * week_number + 6
    union all
    -- Two payments within thirteen weeks: two in one week, or one and the one before it.
    select
        client_id,
        bank_group,
        week_number
    from payment_weeks
    where payment_count >= 2 or week_number - previous_week_number <= 12

),

final as (

    select
        client_id,
        bank_group,
        min(week_number) as first_week_number
    from first_weeks
    group by client_id, bank_group

)

select * from final
