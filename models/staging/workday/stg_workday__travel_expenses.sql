with source as (

    select * from {{ source('workday', 'travel_expenses') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['expense_report', 'expense_report_line']) }} as expense_line_key,
        expense_report as expense_report_id,
        expense_report_line as expense_line_number,
        employee_id,
        cost_center as cost_center_id,
        {{ blank_to_null('company') }} as company_id,
        lower(expense_item) as expense_item,
        {{ blank_to_null('merchant') }} as merchant_name,
        {{ blank_to_null('destination_country') }} as destination_country_code,
        replace(lower(status), 'canceled', 'cancelled') as report_status,
        {{ blank_to_null('memo') }} as memo,
        {{ blank_to_null('quantity_unit') }} as quantity_unit,
        currency as currency_code,
        quantity as expense_quantity,
        amount as expense_amount,
        converted_amount as expense_amount_gbp,
        expense_date,
        approval_date as approved_date,
        payment_date,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
