with source as (

    select * from {{ source('workday', 'journal_lines') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['journal_number', 'line_order']) }} as journal_line_key,
        journal_number as journal_id,
        line_order as journal_line_number,
        {{ blank_to_null('cost_center') }} as cost_center_id,
        ledger_account as gl_account_id,
        company as company_id,
        lower(journal_source) as journal_source,
        replace(lower(status), 'canceled', 'cancelled') as journal_status,
        {{ blank_to_null('spend_category') }} as spend_category,
        {{ blank_to_null('memo') }} as line_description,
        currency as currency_code,
        debit_amount,
        credit_amount,
        ledger_debit_amount as debit_amount_gbp,
        ledger_credit_amount as credit_amount_gbp,
        accounting_date,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
