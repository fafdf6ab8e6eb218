{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='journal_line_key',
    on_schema_change='fail',
    post_hook="{{
        delete_vanished_rows(this, ref('int_finance__journal_lines_accepted'), 'journal_line_key')
    }}"
) }}

with lines as (

    select * from {{ ref('int_finance__journal_lines_accepted') }}

),

{% if is_incremental_run() %}
-- One watermark a source: Workday's monthly report must not hide an Oracle line that landed late, nor the reverse.
watermarks as (

    select
        existing.source_system,
        {{ lookback_start('existing.landed_at') }} as read_from
    from {{ this }} as existing
    group by existing.source_system

),

stored as (

    select * from {{ this }}

),

lines_to_write as (

    select lines.journal_line_key
    from lines
    left join watermarks on lines.source_system = watermarks.source_system
    where lines.landed_at >= coalesce(watermarks.read_from, {{ history_start() }})
    union
    -- What did not land again but would come out differently today: it left quarantine, another version of its cost
    -- centre covers its date, its journal was reversed, or a rule warns of it now.
    select lines.journal_line_key
    from lines
    left join stored on lines.journal_line_key = stored.journal_line_key
    where stored.journal_line_key is null
        or stored.row_hash <> lines.row_hash
        or stored.cost_center_key <> lines.cost_center_key
        or stored.gl_account_key <> lines.gl_account_key
        or coalesce(stored.reversed_by_journal_id, '') <> coalesce(lines.reversed_by_journal_id, '')
        or coalesce(stored.warning_codes, '') <> coalesce(lines.warning_codes, '')

),
{% endif %}

final as (

    select
        lines.journal_line_key,
        lines.cost_center_key,
        lines.gl_account_key,
        lines.tenant_id,
        lines.source_system,
        lines.journal_id,
        lines.journal_line_number,
        lines.reversed_journal_id,
        lines.reversed_by_journal_id,
        lines.cost_center_id,
        lines.gl_account_id,
        lines.journal_name,
        lines.ledger_name,
        lines.journal_category,
        lines.spend_category,
        lines.journal_status,
        lines.line_description,
        lines.source_document,
        lines.warning_codes,
        lines.currency_code,
        lines.debit_amount,
        lines.credit_amount,
        lines.net_amount,
        lines.debit_amount_gbp,
        lines.credit_amount_gbp,
        lines.ledger_amount_gbp as net_amount_gbp,
        lines.is_posted,
        lines.reversed_journal_id is not null as is_reversal,
        lines.reversed_by_journal_id is not null as is_reversed,
        lines.accounting_date,
        cast({{ dbt.date_trunc('month', 'lines.accounting_date') }} as date) as accounting_month_date,
        lines.created_at,
        lines.last_updated_at,
        lines.row_hash,
        lines.source_ref,
        lines.load_id,
        lines.landed_at
    from lines
    {% if is_incremental_run() %}
    inner join lines_to_write on lines.journal_line_key = lines_to_write.journal_line_key
    {% endif %}

)

select * from final
