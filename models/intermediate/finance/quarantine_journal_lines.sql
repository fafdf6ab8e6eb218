with validated as (

    select * from {{ ref('int_finance__journal_lines_validated') }}

),

final as (

    select
        journal_line_key as quarantine_key,
        'journal_lines' as entity_name,
        source_system || ' journal ' || journal_id || ', line ' || cast(journal_line_number as varchar) as record_key,
        reason_codes,
        severity,
        source_system,
        journal_id,
        journal_line_number,
        company_id,
        cost_center_id,
        gl_account_id,
        account_end_date,
        journal_category,
        journal_status,
        source_document,
        currency_code,
        debit_amount,
        credit_amount,
        debit_amount_gbp,
        credit_amount_gbp,
        net_amount_gbp_at_rate,
        journal_balance_gbp,
        accounting_date,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from validated
    where reason_codes is not null

)

select * from final
