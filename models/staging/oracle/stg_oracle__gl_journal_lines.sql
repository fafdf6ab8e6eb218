with source as (

    select * from {{ source('oracle', 'gl_journal_lines') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['je_header_id', 'je_line_number']) }} as journal_line_key,
        je_header_id as journal_id,
        je_line_number as journal_line_number,
        reversed_je_header_id as reversed_journal_id,
        company as company_code,
        {{ blank_to_null('cost_center') }} as cost_center_id,
        account as gl_account_id,
        {{ blank_to_null('journal_name') }} as journal_name,
        ledger as ledger_name,
        period_name,
        {{ blank_to_null('category') }} as journal_category,
        lower(journal_status) as journal_status,
        {{ blank_to_null('description') }} as line_description,
        {{ blank_to_null('reference') }} as source_document,
        currency_code,
        entered_dr as debit_amount,
        entered_cr as credit_amount,
        accounted_dr as debit_amount_gbp,
        accounted_cr as credit_amount_gbp,
        accounting_date,
        {{ utc_timestamp('creation_date') }} as created_at,
        {{ utc_timestamp('last_update_date') }} as last_updated_at,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
