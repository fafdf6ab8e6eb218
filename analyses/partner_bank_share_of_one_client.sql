-- Why does a client stand in the HSBC report as it does? The client that comes first, its payments of the thirteen
-- weeks by bank group, and the share that follows from them: it has to be the one in the report.
with report as (

    select * from {{ ref('rpt_hsbc_client_indicators') }}
    where action_rank = 1

),

payments as (

    select * from {{ ref('fct_client_payments') }}
    where is_executed

),

partner_banks as (

    select * from {{ ref('partner_banks') }}

),

placed as (

    select
        report.client_id,
        report.iso_week_label,
        report.suggested_action,
        report.wallet_share_13w as reported_share,
        {{ bank_group('payments.bank_bic') }} as bank_group,
        payments.payment_amount_gbp
    from report
    inner join payments
        on report.client_id = payments.client_id
        and payments.executed_date <= report.week_end_date
        -- Thirteen weeks are 91 days, this Sunday included.
        and payments.executed_date > {{ dbt.dateadd('day', -91, 'report.week_end_date') }}
    left join partner_banks on {{ bic_institution('payments.bank_bic') }} = partner_banks.institution_code

),

by_group as (

    select
        client_id,
        iso_week_label,
        suggested_action,
        bank_group,
        reported_share,
        count(*) as payment_count,
        sum(payment_amount_gbp) as payment_amount_gbp
    from placed
    group by client_id, iso_week_label, suggested_action, bank_group, reported_share

),

final as (

    select
        by_group.*,
        round(by_group.payment_amount_gbp / sum(by_group.payment_amount_gbp) over (), 6) as calculated_share
    from by_group

)

select * from final
order by payment_amount_gbp desc
