-- A view: it is always what its fact is. Every week and bank group; the report of one group in one week is a filter.
{{ config(materialized='view') }}

with indicators as (

    select * from {{ ref('fct_partner_bank_indicators_weekly') }}

),

clients as (

    select * from {{ ref('dim_client') }}

),

week_before as (

    select
        client_id,
        bank_group,
        balance_gbp,
        payment_count_13w,
        payment_amount_13w_gbp,
        wallet_share_13w,
        is_at_risk,
        cast({{ dbt.dateadd('day', 7, 'week_end_date') }} as date) as following_week_end_date
    from {{ ref('fct_partner_bank_indicators_weekly') }}

),

compared as (

    select
        indicators.*,
        clients.client_name,
        clients.client_status,
        clients.country_code,
        clients.industry_name,
        indicators.balance_gbp - week_before.balance_gbp as balance_change_gbp,
        indicators.payment_count_13w - coalesce(week_before.payment_count_13w, 0) as payment_count_change,
        indicators.payment_amount_13w_gbp - coalesce(week_before.payment_amount_13w_gbp, 0)
            as payment_amount_change_gbp,
        indicators.wallet_share_13w - week_before.wallet_share_13w as weekly_share_change,
        indicators.is_at_risk and not coalesce(week_before.is_at_risk, false) as is_newly_at_risk,
        -- What is at stake: what the client keeps and moves there now, or did until the week before.
        greatest(coalesce(indicators.balance_gbp, 0), coalesce(week_before.balance_gbp, 0), 0)
        + greatest(indicators.payment_amount_13w_gbp, coalesce(week_before.payment_amount_13w_gbp, 0)) as at_stake_gbp
    from indicators
    left join clients on indicators.client_key = clients.client_key
    left join week_before
        on indicators.client_id = week_before.client_id
        and indicators.bank_group = week_before.bank_group
        and indicators.week_end_date = week_before.following_week_end_date

),

placed as (

    select
        compared.*,
        case
            when compared.status_change = 'lost' then 1
            when compared.is_newly_at_risk then 2
            when compared.is_at_risk then 3
            when compared.status_change in ('new', 'reactivated') then 4
            when compared.status_change = 'retained' and compared.evidence = 'declared' then 5
            when compared.status_change = 'retained' then 6
            else 7
        end as urgency
    from compared

),

final as (

    select
        partner_bank_week_key,
        client_key,
        client_id,
        tenant_id,
        bank_group,
        bank_group_name,
        iso_week_label,
        cast(urgency as integer) as urgency,
        cast(row_number() over (
            partition by bank_group, week_end_date order by urgency asc, at_stake_gbp desc, client_id asc
        ) as integer) as action_rank,
        case urgency
            when 1 then 'Call: the relationship is gone'
            when 2 then 'Call: at risk since this week'
            when 3 then 'Follow up: still at risk'
            when 4 then 'Welcome'
            when 5 then 'Ask for business: declared only'
            when 6 then 'Nothing to do'
            else 'Watch: a single payment'
        end as suggested_action,
        client_name,
        client_status,
        country_code,
        industry_name,
        evidence,
        confidence,
        status_change,
        tenure_days,
        product_count,
        balance_gbp,
        cast(balance_change_gbp as decimal(18, 4)) as balance_change_gbp,
        balance_band,
        payment_count_13w,
        cast(payment_count_change as integer) as payment_count_change,
        payment_amount_13w_gbp,
        cast(payment_amount_change_gbp as decimal(18, 4)) as payment_amount_change_gbp,
        wallet_share_13w,
        cast(weekly_share_change as decimal(7, 6)) as weekly_share_change,
        wallet_share_change,
        cast(at_stake_gbp as decimal(18, 4)) as at_stake_gbp,
        is_partner_client,
        is_at_risk,
        is_newly_at_risk,
        is_mapped_bank,
        week_start_date,
        week_end_date,
        calculated_at
    from placed

)

select * from final
