-- A run replaces whole weeks: finding their rows by week costs less than by key.
-- Delivered weeks are closed, so --full-refresh leaves this table as it is: var reopen_closed_weeks lets it rebuild.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='week_end_date',
    on_schema_change='fail',
    full_refresh=(none if var('reopen_closed_weeks') | string | lower == 'true' else false),
    post_hook="{{ delete_rows_left_behind(this, ref('int_clients__complete_weeks')) }}",
) }}

with complete_weeks as (

    select * from {{ ref('int_clients__complete_weeks') }}

),

relationships as (

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

clients as (

    select * from {{ ref('dim_client') }}

),

bank_groups as (

    select distinct
        bank_group,
        bank_group_name
    from {{ ref('partner_banks') }}

),

last_week as (

    select max(week_end_date) as week_end_date from complete_weeks

),

-- The week before the first one is there to be compared with.
weeks as (

    select * from complete_weeks
    {% if is_incremental_run() %}
    where week_end_date
        >= {{ dbt.dateadd('day', -7, first_open_week_end(ref('int_clients__complete_weeks'), this)) }}
    {% endif %}

),

{{ partner_bank_weeks() }},

final as (

    select
        {{ dbt_utils.generate_surrogate_key([
            'indicators.client_id', 'indicators.bank_group', 'indicators.week_end_date',
        ]) }} as partner_bank_week_key,
        coalesce(clients.client_key, {{ unknown_member_key() }}) as client_key,
        indicators.client_id,
        clients.tenant_id,
        indicators.bank_group,
        coalesce(bank_groups.bank_group_name, indicators.bank_group) as bank_group_name,
        weeks.iso_week_label,
        indicators.evidence,
        indicators.confidence,
        indicators.status_change,
        indicators.tenure_days,
        indicators.product_count,
        indicators.balance_gbp,
        indicators.balance_band,
        indicators.payment_count_13w,
        indicators.payment_amount_13w_gbp,
        indicators.wallet_share_13w,
        indicators.wallet_share_change,
        indicators.is_partner_client,
        indicators.is_at_risk,
        bank_groups.bank_group is not null as is_mapped_bank,
        weeks.week_start_date,
        indicators.week_end_date,
        last_week.week_end_date as restated_through_date,
        {{ run_stamp() }} as calculated_at
    from partner_bank_weeks as indicators
    inner join weeks on indicators.week_number = weeks.week_number
    cross join last_week
    left join bank_groups on indicators.bank_group = bank_groups.bank_group
    -- As the week ended: what landed on Sunday counts.
    left join clients
        on indicators.client_id = clients.client_id
        and cast(clients.valid_from as date) <= indicators.week_end_date
        and cast(clients.valid_to as date) > indicators.week_end_date

)

select * from final
