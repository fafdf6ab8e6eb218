with oracle_lines as (

    select * from {{ ref('stg_oracle__gl_journal_lines') }}

),

workday_lines as (

    select * from {{ ref('stg_workday__journal_lines') }}

),

-- Workday hands its journals over to Oracle's ledger, which names Workday's journal as the source document.
handed_over as (

    select distinct oracle_lines.source_document
    from oracle_lines
    where oracle_lines.source_document is not null and oracle_lines.journal_status <> 'cancelled'

),

oracle as (

    select
        'oracle' as source_system,
        'journal' as document_type,
        cast(oracle_lines.journal_id as varchar) as journal_id,
        oracle_lines.journal_line_number,
        cast(oracle_lines.reversed_journal_id as varchar) as reversed_journal_id,
        oracle_lines.company_code as company_id,
        oracle_lines.cost_center_id,
        oracle_lines.gl_account_id,
        oracle_lines.journal_name,
        oracle_lines.ledger_name,
        lower(oracle_lines.journal_category) as journal_category,
        cast(null as varchar) as spend_category,
        oracle_lines.journal_status,
        oracle_lines.line_description,
        oracle_lines.source_document,
        oracle_lines.currency_code,
        cast(coalesce(oracle_lines.debit_amount, 0) as decimal(18, 4)) as debit_amount,
        cast(coalesce(oracle_lines.credit_amount, 0) as decimal(18, 4)) as credit_amount,
        cast(coalesce(oracle_lines.debit_amount_gbp, 0) as decimal(18, 4)) as debit_amount_gbp,
        cast(coalesce(oracle_lines.credit_amount_gbp, 0) as decimal(18, 4)) as credit_amount_gbp,
        oracle_lines.journal_status = 'posted' as is_posted,
        false as is_also_in_oracle,
        oracle_lines.accounting_date,
        oracle_lines.created_at,
        oracle_lines.last_updated_at,
        oracle_lines.row_hash,
        oracle_lines.source_ref,
        oracle_lines.load_id,
        oracle_lines.landed_at
    from oracle_lines

),

workday as (

    select
        'workday' as source_system,
        'journal' as document_type,
        workday_lines.journal_id,
        workday_lines.journal_line_number,
        cast(null as varchar) as reversed_journal_id,
        workday_lines.company_id,
        workday_lines.cost_center_id,
        workday_lines.gl_account_id,
        cast(null as varchar) as journal_name,
        cast(null as varchar) as ledger_name,
        workday_lines.journal_source as journal_category,
        workday_lines.spend_category,
        workday_lines.journal_status,
        workday_lines.line_description,
        cast(null as varchar) as source_document,
        workday_lines.currency_code,
        cast(coalesce(workday_lines.debit_amount, 0) as decimal(18, 4)) as debit_amount,
        cast(coalesce(workday_lines.credit_amount, 0) as decimal(18, 4)) as credit_amount,
        cast(coalesce(workday_lines.debit_amount_gbp, 0) as decimal(18, 4)) as debit_amount_gbp,
        cast(coalesce(workday_lines.credit_amount_gbp, 0) as decimal(18, 4)) as credit_amount_gbp,
        workday_lines.journal_status = 'posted' as is_posted,
        handed_over.source_document is not null as is_also_in_oracle,
        workday_lines.accounting_date,
        cast(null as timestamp) as created_at,
        cast(null as timestamp) as last_updated_at,
        workday_lines.row_hash,
        workday_lines.source_ref,
        workday_lines.load_id,
        workday_lines.landed_at
    from workday_lines
    left join handed_over on workday_lines.journal_id = handed_over.source_document

),

united as (

    select * from oracle
    union all
    select * from workday

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['source_system', 'journal_id', 'journal_line_number']) }}
            as journal_line_key,
        united.*,
        cast(united.debit_amount_gbp - united.credit_amount_gbp as decimal(18, 4)) as ledger_amount_gbp
    from united

)

select * from final
