-- A table: the mart, the bridge and its causes read it.
{{ config(materialized='table') }}

with lines as (

    select * from {{ ref('int_finance__journal_lines_validated') }}
    where tenant_id is not null

),

accounts as (

    select * from {{ ref('dim_gl_account') }}

),

profit_lines as (

    select * from {{ ref('profit_lines') }}

),

-- An account takes the line of the nearest account above it that has one.
placed as (

    select
        accounts.gl_account_id,
        coalesce(own.profit_line, parents.profit_line, tops.profit_line) as profit_line,
        coalesce(own.posting_kind, parents.posting_kind, tops.posting_kind) as posting_kind,
        coalesce(own.journal_category, parents.journal_category, tops.journal_category) as weekly_category
    from accounts
    left join profit_lines as own on accounts.gl_account_id = own.gl_account_id
    left join profit_lines as parents on accounts.parent_gl_account_id = parents.gl_account_id
    left join profit_lines as tops on accounts.top_gl_account_id = tops.gl_account_id

),

final as (

    select
        lines.tenant_id,
        placed.profit_line,
        placed.posting_kind,
        lines.currency_code,
        lines.journal_category,
        case
            when lines.reason_codes is not null then 'quarantined'
            when lines.is_posted then 'posted'
            else 'not_posted'
        end as journal_state,
        -- Profit grows with credits.
        cast(-sum(lines.net_amount) as decimal(18, 4)) as amount,
        cast(-sum(lines.ledger_amount_gbp) as decimal(18, 4)) as amount_gbp,
        coalesce(lines.journal_category = placed.weekly_category, placed.weekly_category is null) as is_weekly_journal,
        lines.accounting_date
    from lines
    inner join placed on lines.gl_account_id = placed.gl_account_id
    where placed.profit_line is not null
    group by
        lines.tenant_id, placed.profit_line, placed.posting_kind, lines.currency_code, lines.journal_category,
        placed.weekly_category, lines.accounting_date,
        case
            when lines.reason_codes is not null then 'quarantined'
            when lines.is_posted then 'posted'
            else 'not_posted'
        end

)

select * from final
