-- Two ways: the steps of each line add up to its journals, and the journals of all lines are what fct_journal_lines
-- posted on revenue and expense accounts, read without the seed that places the accounts.
with bridge as (

    select * from {{ ref('rpt_profit_bridge_quarterly') }}

),

journal_lines as (

    select * from {{ ref('fct_journal_lines') }}
    where is_posted

),

accounts as (

    select * from {{ ref('dim_gl_account') }}
    where account_type in ('revenue', 'expense')

),

by_line as (

    select
        tenant_id,
        quarter_start_date,
        profit_line,
        cast(sum(case when step_name = 'journals' then 0 else amount_gbp end) as decimal(28, 4)) as told_amount_gbp,
        cast(sum(case when step_name = 'journals' then amount_gbp else 0 end) as decimal(28, 4)) as posted_amount_gbp
    from bridge
    group by tenant_id, quarter_start_date, profit_line

),

posted as (

    select
        journal_lines.tenant_id,
        cast({{ dbt.date_trunc('quarter', 'journal_lines.accounting_date') }} as date) as quarter_start_date,
        cast(-sum(journal_lines.net_amount_gbp) as decimal(28, 4)) as posted_amount_gbp
    from journal_lines
    inner join accounts on journal_lines.gl_account_key = accounts.gl_account_key
    group by
        journal_lines.tenant_id, cast({{ dbt.date_trunc('quarter', 'journal_lines.accounting_date') }} as date)

),

told as (

    select
        tenant_id,
        quarter_start_date,
        cast(sum(posted_amount_gbp) as decimal(28, 4)) as told_amount_gbp
    from by_line
    group by tenant_id, quarter_start_date

),

both_ways as (

    select
        coalesce(told.tenant_id, posted.tenant_id) as tenant_id,
        coalesce(told.quarter_start_date, posted.quarter_start_date) as quarter_start_date,
        'all lines' as profit_line,
        coalesce(told.told_amount_gbp, 0) as told_amount_gbp,
        coalesce(posted.posted_amount_gbp, 0) as posted_amount_gbp
    from told
    full outer join posted
        on told.tenant_id = posted.tenant_id and told.quarter_start_date = posted.quarter_start_date
    union all
    select * from by_line

)

select * from both_ways
where told_amount_gbp <> posted_amount_gbp
