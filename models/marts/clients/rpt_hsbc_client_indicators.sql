-- A view, to be read in the order of action_rank. Another group's is the same with another code.
{{ config(materialized='view') }}

with indicators as (

    select * from {{ ref('rpt_partner_bank_client_indicators') }}
    where bank_group = 'HSBC'

),

weeks as (

    select * from {{ ref('int_clients__complete_weeks') }}

),

-- Complete: the week is over, and Emerald was read after its end.
latest as (

    select max(week_end_date) as week_end_date from weeks
    where has_landed

),

final as (

    select
        indicators.action_rank,
        indicators.partner_bank_week_key,
        indicators.client_key,
        indicators.client_id,
        indicators.tenant_id,
        indicators.bank_group,
        indicators.iso_week_label,
        indicators.suggested_action,
        indicators.client_name,
        indicators.client_status,
        indicators.country_code,
        indicators.industry_name,
        indicators.evidence,
        indicators.confidence,
        indicators.status_change,
        indicators.tenure_days,
        indicators.product_count,
        indicators.balance_gbp,
        indicators.balance_change_gbp,
        indicators.balance_band,
        indicators.payment_count_13w,
        indicators.payment_count_change,
        indicators.payment_amount_13w_gbp,
        indicators.payment_amount_change_gbp,
        indicators.wallet_share_13w,
        indicators.weekly_share_change,
        indicators.wallet_share_change,
        indicators.at_stake_gbp,
        indicators.is_partner_client,
        indicators.is_at_risk,
        indicators.is_newly_at_risk,
        indicators.week_end_date,
        indicators.calculated_at
    from indicators
    inner join latest on indicators.week_end_date = latest.week_end_date

)

select * from final
