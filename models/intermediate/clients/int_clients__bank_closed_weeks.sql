-- A table: calculating and comparing in one statement takes more memory than DuckDB is given.
{{ config(materialized='table') }}

with relationships as (

    select * from {{ ref('int_clients__bank_relationship_versions') }}

),

declarations as (

    select * from {{ ref('int_clients__bank_declarations') }}

),

balances as (

    select * from {{ ref('int_clients__bank_balance_periods') }}

),

payment_weeks as (

    select * from {{ ref('int_clients__bank_payment_weeks') }}

),

first_weeks as (

    select * from {{ ref('int_clients__bank_first_weeks') }}

),

complete_weeks as (

    select * from {{ ref('int_clients__complete_weeks') }}

),

last_week as (

    select {{ dbt.dateadd('day', -28, 'max(week_end_date)') }} as week_end_date from complete_weeks

),

weeks as (

    select complete_weeks.*
    from complete_weeks
    inner join last_week on complete_weeks.week_end_date <= last_week.week_end_date

),

{{ partner_bank_weeks() }},

final as (

    select * from partner_bank_weeks

)

select * from final
